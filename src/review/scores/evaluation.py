"""Predictions scored against their references: Dice of each class in each case, and what was found on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...dataset.labels import parse_value, value_text
from ...errors import Finding, Refused, SegconvError, refuse_if_any
from ...image.opened import decoded_bytes
from ...work.held import Held, unchanged
from ...work.readers import ONE, Readers
from .beside_tables import TablesOf, of_tables
from .codings import settle
from .declared import Declaration, of_values, sort_key
from .dice import Overlap, Scores
from .found import Found, LabelUnit, find_labels
from .layouts import CLASSES
from .opened_label import MASKS
from .pairing import MISSING_WAY, SKIP, ZERO, Paired, pair, unpaired
from .references import ABOUT, declared, find_references, is_restored
from .sides import listed
from .tally import Tally, count_case, is_no_label

Pair = tuple[LabelUnit | None, LabelUnit]
R = TypeVar("R")


@dataclass(frozen=True)
class Evaluation(Scores):
    """Scores of a set of predictions, and what they are scores of.

    Parameters
    ----------
    overlaps
        Case → class → voxels.
    missing
        Cases without a prediction, which count as if nothing had been predicted.
    skipped
        Files without a counterpart that were left out, as the user said.
    declared_by
        Who says what the classes are.
    labels
        Class → values or colours that make it up; empty for masks of classes.
    notes
        What was guessed, and what counts for nothing, in words.
    findings
        Warnings.
    """

    overlaps: dict[str, dict[str, Overlap]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    declared_by: str = ""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Allowed:
    """What a user says of a set that is not complete.

    Parameters
    ----------
    missing
        `ZERO`: a reference without a prediction counts as if nothing had been predicted. `SKIP`: it is left out.
    extra
        `SKIP`: a prediction without a reference is left out.
    missing_masks
        ``"empty"``: a class of which a case has no reference mask, and others have, is not there.
    """

    missing: str | None = None
    extra: str | None = None
    missing_masks: str | None = None


def evaluate_folders(
    predictions: Path,
    references: Path,
    *,
    labels: Declaration | Mapping[str, int | str] | None = None,
    values: Mapping[str, str] | None = None,
    layout: str | None = None,
    allowed: Allowed | None = None,
    tables: TablesOf | None = None,
    readers: Readers = ONE,
) -> Evaluation:
    """Score predictions against references of the same names, in any form that `restore` writes.

    Parameters
    ----------
    predictions
        Folder.
    references
        Folder; or a dataset, whose labelsTs or labelsTr holds the cases that were predicted.
    labels
        What the values of both mean: name → value, or colour as ``#rrggbb``; or a declaration, such as
        `declared.of_dataset` returns. Otherwise what lies beside the labels says it, or all files do together.
    values
        Further values or colours → name of the class that they count as.
    layout
        How cases are stored; see `layouts.LAYOUTS`.
    allowed
        What becomes of files without a counterpart; they are refused if None.
    tables
        Reads tables and lists of classes beside labels; see `beside_tables`; none are read if None.
    readers
        Who read the files.

    Raises
    ------
    Refused
        ``SC013`` for a missing prediction, ``SC080`` for one without a reference, ``SC011`` for an empty
        folder, ``SC082`` and ``SC083`` for another grid, ``SC070`` and ``SC078`` for another coding; what
        reading raises.
    """
    if labels is not None and not isinstance(labels, Declaration):
        labels = of_values({name: value_text(*parse_value(str(value))) for name, value in labels.items()}, "labels")
    with unchanged(Held(predictions, ABOUT), Held(references, ABOUT)):
        mine = find_labels(predictions, layout)
        if not mine.units:
            raise SegconvError("holds no prediction", code="SC011", file=str(predictions))
        folder, its = find_references(references, mine, layout)
        if not its.units:
            raise SegconvError("holds no label", code="SC011", file=str(folder))
        if folder == references and not pair(mine.units, its.units).pairs:
            its = find_labels(folder, layout)  # stored in another way, which can be told where they go together
        files = [Held(root, _files(found)) for root, found in ((predictions, mine), (folder, its))]
        with unchanged(Held(folder.absolute().parent, ABOUT), *files):
            said = declared(labels, predictions, folder)
            return _scored(mine, its, (predictions, folder), said, values or {}, allowed or Allowed(), tables, readers)


def _files(found: Found) -> list[str]:
    return [file for unit in found.units for file in unit.files]


def _scored(
    mine: Found,
    its: Found,
    folders: tuple[Path, Path],
    said: Declaration | None,
    values: Mapping[str, str],
    allowed: Allowed,
    tables: TablesOf | None,
    readers: Readers,
) -> Evaluation:
    """Return the scores of predictions and references that were found in two folders."""
    paired = pair(mine.units, its.units)
    paired, tallies, images = _counted(paired, _classes_of(its.units), allowed, readers)
    findings = [*unpaired(paired, folders, allowed.missing, allowed.extra)]
    findings += [finding for tally in tallies for finding in tally.findings]
    counted = [tally for tally in tallies if tally.reference is not None]
    if not counted:
        raise Refused(reasons=findings)
    if all(_kinds(tally) == {MASKS} for tally in counted):
        result = _of_masks(counted, folders[0], allowed)
    else:
        if said is None and tables is not None:
            said = of_tables(tables, ((folders[0], _files(mine)), (folders[1], _files(its))), counted)
        result = _of_values(counted, folders, said, values)
    notes = [f"predictions: {mine.guessed}"] if mine.guessed else []
    notes += [f"predictions and references go together {paired.how}"] if paired.how else []
    if images:
        more = f" and {len(images) - 1} more" if len(images) > 1 else ""
        notes.append(f"{images[0]}{more} among the references: no label, left out")
    skipped = [*paired.extra, *(paired.missing if allowed.missing == SKIP else ())]
    return replace(
        result,
        missing=tuple(unit.name for unit in paired.missing if allowed.missing == ZERO),
        skipped=tuple(unit.shown for unit in skipped),
        notes=(*notes, *result.notes),
        findings=refuse_if_any(dict.fromkeys((*findings, *result.findings))),
    )


def _counted(
    paired: Paired, wanted: frozenset[str] | None, allowed: Allowed, readers: Readers
) -> tuple[Paired, list[Tally], list[str]]:
    """Return all cases counted, the pairing without images among the references, and these.

    Parameters
    ----------
    wanted
        Classes that any reference has; see `count_case`.
    """
    count = partial(count_case, wanted=wanted)
    tallies = [tally for _, tally in _read(paired.pairs, count, readers)]
    paired, images = _without_images(paired, tallies, readers)
    zero = [(None, unit) for unit in paired.missing if allowed.missing == ZERO]
    tallies += [tally for _, tally in _read(zero, count, readers)]
    tallies.sort(key=lambda tally: tally.case)
    return paired, tallies, images + [file for tally in tallies for file in tally.images]


def _classes_of(units: Sequence[LabelUnit]) -> frozenset[str] | None:
    """Return the classes of which references have masks; None if files do not tell by their names."""
    if not all(unit.form == CLASSES for unit in units):
        return None
    return frozenset(name for unit in units for name in unit.classes)


def _kinds(tally: Tally) -> set[str]:
    return {held.kind for held in (tally.prediction, tally.reference) if held is not None}


def _without_images(paired: Paired, tallies: Sequence[Tally], readers: Readers) -> tuple[Paired, list[str]]:
    """Return the pairing without images among the references, which nobody predicted either; and these."""
    if not paired.pairs or not paired.missing:
        return paired, []
    held = frozenset(text for tally in tallies if tally.reference is not None for text in tally.reference.counts)
    judged = _read([(None, unit) for unit in paired.missing], lambda pair: is_no_label(pair[1], held), readers)
    images = {unit.name for (_, unit), image in judged if image}
    missing = tuple(unit for unit in paired.missing if unit.name not in images)
    return replace(paired, missing=missing), [unit.shown for unit in paired.missing if unit.name in images]


def _read(pairs: Sequence[Pair], read: Callable[[Pair], R], readers: Readers) -> Iterator[tuple[Pair, R]]:
    """Yield what reading each pair of labels returns, in order."""

    def files(pair: Pair) -> list[str]:
        return [file for unit in pair if unit is not None for file in unit.files]

    def decoded(pair: Pair) -> int:
        # All slices of a volume are held at once, of the masks of classes one at a time.
        return sum(
            (max if unit.form == CLASSES else sum)(map(decoded_bytes, unit.files)) for unit in pair if unit is not None
        )

    for item, found in readers.over(pairs, read, files=files, decoded=decoded):
        if isinstance(found, SegconvError):
            raise found
        yield item, found


def _of_values(
    tallies: Sequence[Tally], folders: tuple[Path, Path], said: Declaration | None, values: Mapping[str, str]
) -> Evaluation:
    """Return the scores of labels that hold a value a voxel."""
    if said is not None and is_restored(folders[0]) is not None:
        said = replace(said, restored=True)
    coding = settle(tallies, (str(folders[0]), str(folders[1])), said, values)
    overlaps = {tally.case: coding.overlaps(tally) for tally in tallies}
    labels = {name: tuple(sorted(texts, key=sort_key)) for name, texts in coding.classes.names.items()}
    guessed = "classes are the values of the references; --labels or --like names them"
    told = f"classes are declared by {coding.classes.who}"
    notes = [guessed] if said is None else [told] if said.by_table else []
    if coding.classes.ignore:
        notes.append(f"voxels that are to be ignored ({listed(coding.classes.ignore)} in references) count for nothing")
    return Evaluation(
        _dice(overlaps),
        overlaps,
        declared_by=coding.classes.who,
        labels=labels,
        notes=tuple(notes),
        findings=coding.findings,
    )


def _of_masks(tallies: Sequence[Tally], predictions: Path, allowed: Allowed) -> Evaluation:
    """Return the scores of masks of one class each."""
    wanted = [name for name in _names(tallies, "reference") if any(_has(tally, name) for tally in tallies)]
    known = _names(tallies, "prediction")
    if not set(wanted) & set(known):
        told = f"there are predictions of {listed(known)}, references of {listed(wanted)}"
        raise SegconvError(told, code="SC078", file=str(predictions), hint="call a class alike on both sides")
    findings: list[Finding] = []
    overlaps: dict[str, dict[str, Overlap]] = {}
    for tally in tallies:
        overlaps[tally.case] = {name: tally.masks[name] for name in wanted if name in tally.masks}
        if tally.prediction is None:
            continue
        shown = tally.prediction.file
        if tally.missing and allowed.missing is None:
            told = f"lacks {listed(tally.missing)}, of which there is a reference"
            findings.append(Finding("SC013", told, file=shown, hint=MISSING_WAY))
        if allowed.missing == SKIP:
            overlaps[tally.case] = {n: o for n, o in overlaps[tally.case].items() if n not in tally.missing}
        unsure = [name for name in tally.absent if name in wanted and tally.masks[name].predicted]
        if unsure and allowed.missing_masks is None:
            told = f"has no mask of {listed(unsure)}, which was predicted, and which other references have"
            way = "add the mask; or --missing-masks empty, if what it shows is not there in this case"
            findings.append(Finding("SC080", told, file=str(tally.reference.file if tally.reference else ""), hint=way))
    others = [name for name in known if name not in wanted]
    notes = [f"no reference has masks of {listed(others)}: not scored"] if others else []
    return Evaluation(
        _dice(overlaps), overlaps, declared_by="the names of masks", notes=tuple(notes), findings=tuple(findings)
    )


def _names(tallies: Sequence[Tally], side: str) -> list[str]:
    helds = [getattr(tally, side) for tally in tallies]
    return list(dict.fromkeys(name for held in helds if held is not None for name in held.counts))


def _has(tally: Tally, name: str) -> bool:
    """Return whether a case has a reference of a class, and no image of that name."""
    return name in tally.masks and name not in tally.absent


def _dice(overlaps: Mapping[str, Mapping[str, Overlap]]) -> dict[str, dict[str, float]]:
    return {case: {name: found.dice for name, found in of.items()} for case, of in overlaps.items()}
