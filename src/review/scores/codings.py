"""Settle whether values mean the same in predictions and references: by declaration, or by all files; else refuse.

A mask does not show that its 255 is another's 1. If the meaning of values is declared, both sides may hold only
declared values. Otherwise the sides must hold the same values over all their files; a class that was never
predicted may be missing, unless something else was predicted in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...dataset.labels import BACKGROUND
from ...errors import Cure, Finding, warning
from .by_name import matched
from .crossed import Crossed
from .declared import Classes, Declaration, Texts, merged, sort_key
from .dice import Overlap
from .opened_label import COLOURS, INDICES, MASKS
from .sides import SHOWN, Side, disagree, listed, sides
from .tally import Contents, Tally

INSTEAD = 0.5
"""If more of a class than this was predicted as something else, another number may stand for it."""

NOT_THE_SAME = 0.1
"""Below this Dice, a value that overlaps well with another one of the references seems to stand for that."""

NOTHING = "0"
BLACK = "#000000"
TRANSPARENT = "#00000000"

SidesTexts = tuple[Texts, Texts]
"""Values of the predictions and of the references."""


@dataclass(frozen=True)
class Coding:
    """The meaning of the values on both sides.

    Parameters
    ----------
    classes
        Classes of most cases.
    predictions, references
        Both sides, as they are compared.
    cases
        Case → its own classes, if they differ.
    proved
        Whether it is declared for both sides and no other is possible.
    cures
        Other ways to settle values that look exchanged.
    findings
        Errors and warnings.
    said
        What declares it, or None.
    notes
        How classes were matched by name, in words.
    """

    classes: Classes
    predictions: Side
    references: Side
    cases: Mapping[str, Classes] = field(default_factory=dict)
    proved: bool = False
    cures: tuple[Cure, ...] = ()
    findings: tuple[Finding, ...] = ()
    said: Declaration | None = None
    notes: tuple[str, ...] = ()

    def overlaps(self, tally: Tally) -> dict[str, Overlap]:
        """Return class → overlap of one case; a missing prediction counts as empty."""
        classes = self.cases.get(tally.case, self.classes)
        crossed = Crossed(self.pairs(tally), classes.ignore)
        return {name: crossed.overlap(texts, texts) for name, texts in classes.names.items()}

    def pairs(self, tally: Tally) -> Mapping[tuple[str, str], int]:
        """Return the number of voxels per pair of values in a case, as they are compared."""
        if tally.reference is None:
            return {}
        found: Counter[tuple[str, str]] = Counter()
        if tally.prediction is None:
            for value, number in tally.reference.counts.items():
                found["", self.references.text(tally.reference, value)] += number
        else:
            for (mine, its), number in tally.together.items():
                pair = self.predictions.text(tally.prediction, mine), self.references.text(tally.reference, its)
                found[pair] += number
        return found

    def stored(self, tally: Tally) -> tuple[dict[str, SidesTexts], Texts]:
        """Return class → its values as stored on both sides of one case, and the ignored values of its reference."""
        classes = self.cases.get(tally.case, self.classes)
        if not any(side.coloured or side.by_name for side in (self.predictions, self.references)):
            return classes.on_both_sides, classes.ignore
        mine = _stored(self.predictions, tally.prediction)
        its = _stored(self.references, tally.reference)
        return {name: (mine(texts), its(texts)) for name, texts in classes.names.items()}, its(classes.ignore)

    def predicted(self, tallies: Iterable[Tally]) -> Crossed:
        """Return the pairs of values over all cases with a prediction."""
        found: Counter[tuple[str, str]] = Counter()
        for tally in tallies:
            if tally.prediction is not None:
                found.update(self.pairs(tally))
        return Crossed(found, self.classes.ignore)

    def found(self, *findings: Finding) -> Coding:
        """Return the same coding with more findings."""
        return replace(self, findings=(*self.findings, *findings))


def _stored(side: Side, held: Contents | None) -> Callable[[Texts], Texts]:
    """Return what translates values, as they are compared, to those that a label holds."""
    if held is None:
        return lambda texts: frozenset()
    seen = {value: side.text(held, value) for value in held.counts}
    return lambda texts: frozenset(value for value, text in seen.items() if text in texts)


def settle(
    tallies: Sequence[Tally],
    folders: tuple[str, str],
    said: Declaration | None,
    values: Mapping[str, str],
) -> Coding:
    """Return the meaning of the values on both sides; the findings include an error if it is uncertain.

    Parameters
    ----------
    tallies
        All cases.
    folders
        Folders of predictions and references.
    said
        The declaration, or None.
    values
        Further value → class that it counts as.
    """
    predictions, references = sides(tallies, folders)
    if MASKS in predictions.kinds | references.kinds:
        message = f"{predictions}; {references}: masks of classes only match masks of classes"
        refusal = _two_codings(message, predictions, _restore(predictions))
        return Coding(Classes({}), predictions, references, findings=(refusal,))
    by_name = matched(said, predictions, references)
    said, predictions, references = by_name.said, by_name.predictions, by_name.references
    if said is None:
        coding = _undeclared(tallies, predictions, references, values)
    else:
        said = said.with_found([*predictions.values, *references.values])
        coding = _declared(said, predictions, references, values)
    coding = replace(coding, said=said, notes=by_name.notes)
    if any(finding.severity == "error" for finding in coding.findings):
        return coding
    pairs = coding.predicted(tallies)
    return coding.found(*_exchanged(coding, pairs), *_absent(coding, pairs))


def _declared(said: Declaration, predictions: Side, references: Side, values: Mapping[str, str]) -> Coding:
    """Return the coding of a declaration to which both sides conform."""
    own = _tried(said.own, {}, predictions, references, values)
    if said.user is None:
        return replace(own.coding, proved=said.for_both) if own.fits else own.refused
    user = _tried(said.user, said.cases, predictions, references, values)
    possible = [tried for tried in _order(said, own, user) if tried.fits]
    if not possible:
        return _mixed(said, own, user) or (user if said.restored else own).refused
    certain = said.of_references or said.restored or any((own.strange[0], user.strange[0]))
    cures = () if certain else (_restore(predictions, dataset=said.folder),)
    return replace(possible[0].coding, proved=said.for_both and certain, cures=cures)


def _order(said: Declaration, own: _Tried, user: _Tried) -> tuple[_Tried, ...]:
    """Return the codings that both sides may share, the most likely first."""
    if said.of_references:  # which are in the dataset's own values, and restored predictions are not
        return () if said.restored else (own,)
    return (user, own) if said.restored else (own, user)


def _mixed(said: Declaration, own: _Tried, user: _Tried) -> Coding | None:
    """Return the error for two sides of which one holds the dataset's values and the other those of its files."""
    name, hint = said.own.who, ""
    cures: tuple[Cure, ...] = ()
    if not own.strange[0] and not user.strange[1] and not said.restored:
        mine, its = own.coding.predictions, user.coding.references
        message = f"{mine}, the values of {name}; {its}, those of the files that it was made of"
        cures = (_restore(mine, dataset=said.folder),)
    elif not user.strange[0] and not own.strange[1]:
        mine, its = user.coding.predictions, own.coding.references
        message = f"{mine}, the values of the files that {name} was made of; {its}, those of {name}"
        hint = "score the predictions as nnU-Net wrote them, or against the masks that the dataset was made of"
    else:
        return None
    return own.coding.found(Finding("SC078", message, hint, mine.folder, cures=cures))


def _restore(predictions: Side, **dataset: object) -> Cure:
    return Cure.of("restore_predictions", predictions=predictions.folder, **dataset)


@dataclass(frozen=True)
class _Tried:
    """A coding, and the values of both sides that it does not declare."""

    coding: Coding
    strange: tuple[list[str], list[str]]

    @property
    def fits(self) -> bool:
        return not any(self.strange)

    @property
    def refused(self) -> Coding:
        """The coding with the error for undeclared values."""
        mine, its, classes = self.coding.predictions, self.coding.references, self.coding.classes
        side, strange = (mine, self.strange[0]) if self.strange[0] else (its, self.strange[1])
        message = f"{mine}; {its}; {classes.who} declares {classes.listed()}, but not {listed(strange)}"
        cures = (Cure.of("map_value", value=strange[0]), Cure.of("declare_for_both"), _restore(mine))
        return self.coding.found(Finding("SC070", message, file=side.first(strange[0]), cures=cures))


def _tried(
    classes: Classes, cases: Mapping[str, Classes], predictions: Side, references: Side, values: Mapping[str, str]
) -> _Tried:
    classes, cases = merged(classes, values), {case: merged(own, values) for case, own in cases.items()}
    coding = Coding(classes, _coloured(predictions, classes), _coloured(references, classes), cases)
    allowed = classes.allowed.union(*(own.allowed for own in cases.values()))
    mine, its = (
        [text for text in side.values if text not in allowed] for side in (coding.predictions, coding.references)
    )
    return _Tried(coding, (mine, its))


def _undeclared(tallies: Sequence[Tally], predictions: Side, references: Side, values: Mapping[str, str]) -> Coding:
    """Return each value of the references as a class, if the predictions hold no others."""
    among = predictions.must_be_coloured or references.must_be_coloured
    if not values and (among or disagree([*predictions.files, *references.files])):
        in_colours = _by_references(replace(predictions, coloured=True), replace(references, coloured=True), {})
        if not _strange(in_colours) or {*predictions.kinds, *references.kinds} <= {COLOURS, INDICES}:
            return _judged(in_colours, tallies)
    mine, its = (replace(side, coloured=side.must_be_coloured) for side in (predictions, references))
    return _judged(_by_references(mine, its, values), tallies)


def _by_references(predictions: Side, references: Side, values: Mapping[str, str]) -> Coding:
    """Return the coding in which every value of the references is a class, and further values count as one."""
    rest = frozenset({NOTHING, TRANSPARENT if TRANSPARENT in {*predictions.values, *references.values} else BLACK})
    wanted = [text for text in references.values if text not in rest and text not in values]
    classes = Classes({text: frozenset({text}) for text in wanted}, rest, who="the references")
    return Coding(merged(classes, values), predictions, references)


def _strange(coding: Coding) -> list[str]:
    """Return the values of the predictions that are not classes."""
    allowed = coding.classes.allowed
    return [text for text in coding.predictions.values if text not in allowed]


def _judged(coding: Coding, tallies: Sequence[Tally]) -> Coding:
    """Return a coding based on the values of both sides; refuse it if the sides hold different values."""
    mine, rest, names = coding.predictions, coding.classes.rest, coding.classes.names
    held = f"{mine}; {coding.references}"
    crossed = coding.predicted(tallies)
    if strange := _strange(coding):
        settle_by, where = _ways(coding, crossed, strange)
        message = f"{held}; no reference holds {listed(strange)}{where}"
        return coding.found(Finding("SC078", message, file=mine.first(strange[0]), cures=(settle_by, _restore(mine))))
    unpredicted = [name for name, texts in names.items() if texts.isdisjoint(mine.values)]
    if instead := [name for name in unpredicted if crossed.part_of(names[name], rest) > INSTEAD]:
        others = {text for name in instead for text in crossed.on(names[name])} - rest
        message = f"{held}; {listed(others)} was predicted where references hold {listed(instead)}"
        return coding.found(_two_codings(message, mine, _declare(rest, _singles(names))))
    return coding


def _coloured(side: Side, classes: Classes) -> Side:
    """Return a side in colours, if it must be or all classes are declared in colours."""
    texts = [text for texts in classes.names.values() for text in texts]
    return replace(side, coloured=side.must_be_coloured or (bool(texts) and all(t.startswith("#") for t in texts)))


def _ways(coding: Coding, crossed: Crossed, strange: Sequence[str]) -> tuple[Cure, str]:
    """Return ways to settle values that no reference holds, and the evidence in words."""
    wanted, predicted = list(coding.classes.names), set(coding.predictions.values)
    unpredicted = set(wanted) - predicted
    lies_on = {text: name for text in strange if (name := crossed.best(text, wanted)) in unpredicted}
    if len(strange) == len(set(lies_on.values())):
        where = ", ".join(f"{text} is where references hold {name}" for text, name in lies_on.items())
        return Cure.of("map_values", values=[f"{text}={name}" for text, name in lies_on.items()]), f": {where}"
    if wanted and predicted.isdisjoint(wanted):
        return Cure.of("map_value"), ""
    return _declare(coding.classes.rest, {text: text for text in (*wanted, *strange)}), ""


def _exchanged(coding: Coding, crossed: Crossed) -> Iterator[Finding]:
    """Yield findings that suggest another numbering: one class was predicted where references hold another.

    They are errors if the coding of both sides is not declared; otherwise warnings, because a model may
    mistake left for right.
    """
    value_of = {name: next(iter(texts)) for name, texts in coding.classes.names.items() if len(texts) == 1}
    exchanged = list(_seen_elsewhere(crossed, value_of))
    if not exchanged:
        return
    where = ", ".join(f"{mine} was predicted where references hold {its}" for mine, its in exchanged[:SHOWN])
    message = f"{coding.predictions}; {coding.references}; {where}: the sides may number them differently"
    if coding.proved:
        yield warning("SC078", f"{message}; scored as declared", file=coding.predictions.folder)
    elif len(value_of) < len(coding.classes.names):  # regions, which only a dataset declares
        yield _two_codings(message, coding.predictions, *coding.cures, Cure.of("declare_by_dataset"))
    else:
        yield _two_codings(message, coding.predictions, *coding.cures, _declare(coding.classes.rest, value_of))


def _seen_elsewhere(crossed: Crossed, value_of: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each class that hardly overlaps with itself, and the reference class that it overlaps with."""
    of_value = {text: name for name, text in value_of.items()}
    for name, text in value_of.items():
        own = crossed.overlap({text}, {text})
        if own.predicted and own.reference and own.dice < NOT_THE_SAME:
            other = crossed.best(text, of_value.keys() - {text})
            if other is not None:
                yield name, of_value[other]


def _absent(coding: Coding, crossed: Crossed) -> Iterator[Finding]:
    """Yield a warning for each reference class that no prediction holds: its Dice is 0."""
    for name, texts in coding.classes.names.items():
        found = crossed.overlap(texts, texts)
        if found.reference and not found.predicted:
            message = f"no prediction holds {name}, which references hold: its Dice is 0"
            yield warning("SC076", message, file=coding.predictions.folder)


def _two_codings(message: str, side: Side, *cures: Cure) -> Finding:
    return Finding("SC078", message, file=side.folder, cures=cures)


def _singles(names: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return name → value, or the first of several."""
    return {name: min(texts, key=sort_key) for name, texts in names.items()}


def _declare(rest: Collection[str], values: Mapping[str, str]) -> Cure:
    """Return the cure that declares values for both sides; unnamed values get a name."""
    ordered = sorted(values.items(), key=lambda item: sort_key(item[1]))
    colours = any(text.startswith("#") for _, text in ordered)
    known = (text for text in (TRANSPARENT, BLACK, NOTHING) if text in rest and text.startswith("#") is colours)
    ground = next(known, BLACK if colours else NOTHING)
    named = (f"class_{text.lstrip('#')}={text}" if name == text else f"{name}={text}" for name, text in ordered)
    entries = [f"{BACKGROUND}={ground}", *named]
    more = ["…"] if len(entries) > SHOWN else []
    return Cure.of("declare_for_both", labels=",".join([*entries[:SHOWN], *more]))
