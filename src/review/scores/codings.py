"""Whether predictions and references mean the same by their values: declared, or shown by all files, or refused.

Nothing in a mask says that its 255 is another's 1. Where it is declared what values mean, both sides must
hold declared values only. Where it is not, the sides must hold the same values, over all of their files; a
class that was never predicted may be absent, unless something else was predicted in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote

from ...dataset.labels import BACKGROUND
from ...errors import Finding, warning
from .crossed import Crossed
from .declared import Classes, Declaration, merged, sort_key
from .dice import Overlap
from .opened_label import COLOURS, INDICES, MASKS
from .sides import SHOWN, Side, disagree, listed, sides
from .tally import Tally

INSTEAD = 0.5
"""Where more of a class than this was predicted as something else, another number may stand for it."""

NOT_THE_SAME = 0.1
"""Below this Dice, a value that overlaps well with another one of the references looks as if it stood for that."""

NOTHING = "0"
BLACK = "#000000"
TRANSPARENT = "#00000000"

RESTORE = "segconv restore PREDICTIONS --like DATASET -o OUT brings those of nnU-Net into the coding of your masks"


@dataclass(frozen=True)
class Coding:
    """What the values of both sides mean.

    Parameters
    ----------
    classes
        Of most cases.
    predictions, references
        Both sides, as they count.
    cases
        Case → its own classes, where they differ.
    proved
        Whether it is declared for both sides, and no other one is possible.
    way
        What else may settle values that look exchanged; the beginning of a hint.
    findings
        What is wrong or odd.
    """

    classes: Classes
    predictions: Side
    references: Side
    cases: Mapping[str, Classes] = field(default_factory=dict)
    proved: bool = False
    way: str = ""
    findings: tuple[Finding, ...] = ()

    def overlaps(self, tally: Tally) -> dict[str, Overlap]:
        """Return class → overlap of one case; without a prediction, that of one that holds nothing."""
        classes = self.cases.get(tally.case, self.classes)
        crossed = Crossed(self.pairs(tally), classes.ignore)
        return {name: crossed.overlap(texts, texts) for name, texts in classes.names.items()}

    def pairs(self, tally: Tally) -> Mapping[tuple[str, str], int]:
        """Return how many voxels of a case have each pair of values, as these count."""
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

    def predicted(self, tallies: Iterable[Tally]) -> Crossed:
        """Return what all cases that have a prediction hold together."""
        found: Counter[tuple[str, str]] = Counter()
        for tally in tallies:
            if tally.prediction is not None:
                found.update(self.pairs(tally))
        return Crossed(found, self.classes.ignore)

    def found(self, *findings: Finding) -> Coding:
        """Return the same with more findings."""
        return replace(self, findings=(*self.findings, *findings))


def settle(
    tallies: Sequence[Tally],
    folders: tuple[str, str],
    said: Declaration | None,
    values: Mapping[str, str],
) -> Coding:
    """Return what the values of both sides mean; an error is among the findings if that is not certain.

    Parameters
    ----------
    tallies
        All cases.
    folders
        Of predictions and references.
    said
        What is declared, or None.
    values
        Further value → class that it counts as.
    """
    predictions, references = sides(tallies, folders)
    if MASKS in predictions.kinds | references.kinds:
        told = f"{predictions.told()}; {references.told()}: masks of a class each are compared with nothing else"
        return Coding(Classes({}), predictions, references).found(_two_codings(told, predictions, RESTORE))
    if said is None:
        coding = _undeclared(tallies, predictions, references, values)
    else:
        said = said.with_ranges([*predictions.values, *references.values])
        coding = _declared(said, predictions, references, values)
    if any(finding.severity == "error" for finding in coding.findings):
        return coding
    pairs = coding.predicted(tallies)
    return coding.found(*_exchanged(coding, pairs), *_absent(coding, pairs))


def _declared(said: Declaration, predictions: Side, references: Side, values: Mapping[str, str]) -> Coding:
    """Return the coding of a declaration that both sides keep to."""
    own = _tried(said.own, {}, predictions, references, values)
    if said.user is None:
        return replace(own.coding, proved=said.for_both) if own.fits else own.coding.found(own.undeclared())
    user = _tried(said.user, said.cases, predictions, references, values)
    order = (user, own) if said.restored else (own, user)
    possible = [tried for tried in order if tried.fits and not (said.of_references and tried is user)]
    if possible and not (said.of_references and said.restored):
        certain = said.of_references or said.restored or bool(own.strange[0] or user.strange[0])
        way = "" if certain else f"{_restored(predictions, said)}, if nnU-Net wrote the predictions; "
        return replace(possible[0].coding, proved=said.for_both and certain, way=way)
    name, mine, its = said.own.who, own.coding.predictions.told(), user.coding.references.told()
    if not own.strange[0] and not user.strange[1] and not said.restored:
        told = f"{mine}, as {name} has them; {its}, as the files that it was made of"
        hint = f"{_restored(predictions, said)}, and score those"
        return own.coding.found(_two_codings(told, predictions, hint))
    if not user.strange[0] and not own.strange[1]:
        mine, its = user.coding.predictions.told(), own.coding.references.told()
        told = f"{mine}, as the files that {name} was made of; {its}, as {name} has them"
        hint = "score the predictions as nnU-Net wrote them, or against the masks that the dataset was made of"
        return own.coding.found(_two_codings(told, predictions, hint))
    return order[0].coding.found(order[0].undeclared())


def _restored(predictions: Side, said: Declaration) -> str:
    return f"segconv restore {quote(predictions.folder)} --like {quote(str(said.folder))} -o OUT"


@dataclass(frozen=True)
class _Tried:
    """A coding, and the values of predictions and references that it does not declare."""

    coding: Coding
    strange: tuple[list[str], list[str]]

    @property
    def fits(self) -> bool:
        return not any(self.strange)

    def undeclared(self) -> Finding:
        """Return the error for the values that are not declared."""
        mine, its, classes = self.coding.predictions, self.coding.references, self.coding.classes
        side, strange = (mine, self.strange[0]) if self.strange[0] else (its, self.strange[1])
        declared = f"{classes.who} declares {classes.listed()}, and not {listed(strange)}"
        hint = f"--map {quote(strange[0])}=NAME counts it as a class, --labels NAME=VALUE,… declares what both hold"
        told = f"{mine.told()}; {its.told()}; {declared}"
        return Finding("SC070", told, file=side.first(strange[0]), hint=f"{hint}; or {RESTORE}")


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
    """Return each value of the references as a class, if the predictions hold no other."""
    among = predictions.must_be_coloured or references.must_be_coloured
    if not values and (among or disagree([*predictions.files, *references.files])):
        in_colours = _by_references(replace(predictions, coloured=True), replace(references, coloured=True), {})
        if not _strange(in_colours) or {*predictions.kinds, *references.kinds} <= {COLOURS, INDICES}:
            return _judged(in_colours, tallies)
    mine, its = (replace(side, coloured=side.must_be_coloured) for side in (predictions, references))
    return _judged(_by_references(mine, its, values), tallies)


def _by_references(predictions: Side, references: Side, values: Mapping[str, str]) -> Coding:
    """Return the coding in which every value of the references is a class, and further values count as these."""
    rest = frozenset({NOTHING, TRANSPARENT if TRANSPARENT in {*predictions.values, *references.values} else BLACK})
    wanted = [text for text in references.values if text not in rest and text not in values]
    classes = Classes({text: frozenset({text}) for text in wanted}, rest, who="the references")
    return Coding(merged(classes, values), predictions, references)


def _strange(coding: Coding) -> list[str]:
    """Return the values of the predictions that are no class."""
    allowed = coding.classes.allowed
    return [text for text in coding.predictions.values if text not in allowed]


def _judged(coding: Coding, tallies: Sequence[Tally]) -> Coding:
    """Return a coding that rests on what both sides hold, refused if they do not hold the same."""
    mine, rest, names = coding.predictions, coding.classes.rest, coding.classes.names
    told = f"{mine.told()}; {coding.references.told()}"
    crossed = coding.predicted(tallies)
    if strange := _strange(coding):
        told = f"{told}; no reference holds {listed(strange)}"
        return coding.found(Finding("SC078", told, file=mine.first(strange[0]), hint=_ways(coding, crossed, strange)))
    unpredicted = [name for name, texts in names.items() if texts.isdisjoint(mine.values)]
    instead = [name for name in unpredicted if crossed.part_of(names[name], rest) > INSTEAD]
    if instead:
        others = {text for name in instead for text in crossed.on(names[name])} - rest
        told = f"{told}; {listed(others)} was predicted where references hold {listed(instead)}"
        hint = f"--labels {_spelled(rest, _singles(names))}, if both hold these classes"
        return coding.found(_two_codings(told, mine, hint))
    return coding


def _coloured(side: Side, classes: Classes) -> Side:
    """Return a side in colours, if it must be or all classes are declared in colours."""
    texts = [text for texts in classes.names.values() for text in texts]
    return replace(side, coloured=side.must_be_coloured or (bool(texts) and all(t.startswith("#") for t in texts)))


def _ways(coding: Coding, crossed: Crossed, strange: Sequence[str]) -> str:
    """Return what settles values that no reference holds: to count as those that they lie on, or as classes."""
    wanted = list(coding.classes.names)
    lies_on = {text: crossed.best(text, wanted) for text in strange}
    said = {text: name for text, name in lies_on.items() if name is not None and name not in coding.predictions.values}
    if len(said) == len(strange) == len(set(said.values())):
        where = ", ".join(f"{text} lies where references hold {name}" for text, name in said.items())
        maps = quote(",".join(f"{text}={name}" for text, name in said.items()))
        return f"--map {maps} counts them as one, if they are: {where}; or {RESTORE}"
    if wanted and not set(wanted) & set(coding.predictions.values):
        return f"--map VALUE=CLASS says what they stand for; or {RESTORE}"
    spelled = _spelled(coding.classes.rest, {text: text for text in (*wanted, *strange)})
    return f"--labels {spelled}, if both hold these classes; or {RESTORE}"


def _exchanged(coding: Coding, crossed: Crossed) -> list[Finding]:
    """Return what speaks for another table of labels: one class was predicted where references hold another.

    It is an error where nothing declares the coding of both sides; a warning where that is declared, since a
    model may well take left for right.
    """
    names = {name: texts for name, texts in coding.classes.names.items() if len(texts) == 1}
    value_of = {name: next(iter(texts)) for name, texts in names.items()}
    of_value = {text: name for name, text in value_of.items()}
    exchanged = {}
    for name, text in value_of.items():
        own = crossed.overlap({text}, {text})
        if own.predicted and own.reference and own.dice < NOT_THE_SAME:
            other = crossed.best(text, of_value.keys() - {text})
            if other is not None:
                exchanged[name] = of_value[other]
    if not exchanged:
        return []
    shown = list(exchanged.items())[:SHOWN]
    where = ", ".join(f"{mine} was predicted where references hold {its}" for mine, its in shown)
    told = f"{coding.predictions.told()}; {coding.references.told()}; {where}: one side may number them otherwise"
    if coding.proved:
        return [warning("SC078", f"{told}; scored as declared", file=coding.predictions.folder)]
    if len(names) < len(coding.classes.names):  # regions, which only a dataset declares
        hint = "--like DATASET, if both are numbered as in it; otherwise bring both into one coding"
    else:
        spelled = _spelled(coding.classes.rest, value_of)
        hint = f"--labels {spelled}, if both are numbered so; otherwise bring both into one coding"
    return [_two_codings(told, coding.predictions, coding.way + hint)]


def _absent(coding: Coding, crossed: Crossed) -> list[Finding]:
    """Return a warning for each class that references hold and no prediction does: its Dice is 0."""
    findings = []
    for name, texts in coding.classes.names.items():
        found = crossed.overlap(texts, texts)
        if found.reference and not found.predicted:
            told = f"no prediction holds {name}, which references do: its Dice is 0"
            findings.append(warning("SC076", told, file=coding.predictions.folder))
    return findings


def _two_codings(told: str, side: Side, hint: str) -> Finding:
    return Finding("SC078", told, file=side.folder, hint=hint)


def _singles(names: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return name → value, or the first of several."""
    return {name: min(texts, key=sort_key) for name, texts in names.items()}


def _spelled(rest: Collection[str], values: Mapping[str, str]) -> str:
    """Return a value of ``--labels``; what has no name but its value gets one."""
    ordered = sorted(values.items(), key=lambda item: sort_key(item[1]))
    colours = any(text.startswith("#") for _, text in ordered)
    known = (text for text in (TRANSPARENT, BLACK, NOTHING) if text in rest and text.startswith("#") is colours)
    ground = next(known, BLACK if colours else NOTHING)
    named = (f"class_{text.lstrip('#')}={text}" if name == text else f"{name}={text}" for name, text in ordered)
    entries = [f"{BACKGROUND}={ground}", *named]
    return quote(",".join(entries[:SHOWN])) + (",…" if len(entries) > SHOWN else "")
