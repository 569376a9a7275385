"""Score predictions against their references: Dice per class and case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...dataset.labels import parse_value, value_text
from ...errors import Refused, SegconvError, refuse_if_any
from ...words import some_of
from ...work.held import Held, unchanged
from ...work.readers import ONE, Readers
from .beside_tables import TablesOf, of_tables
from .case_masks import Pair, ScoredCase
from .declared import Declaration, of_values
from .found import Found, LabelUnit, find_labels
from .layouts import CLASSES
from .measuring import TOLERANCE_MM, Tolerance, measured
from .opened_label import MASKS
from .pairing import SKIP, ZERO, Allowed, pair, unpaired
from .references import ABOUT, declared, find_references
from .scoring import Evaluation, mask_scores, value_scores
from .tally import Tally, count_case, is_no_label

R = TypeVar("R")


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
    """Score predictions against references of the same names, in any form written by restoring.

    Parameters
    ----------
    predictions
        Folder.
    references
        Folder; or a dataset whose labelsTs or labelsTr holds the predicted cases.
    labels
        Meaning of the values on both sides: name → value, or colour as ``#rrggbb``; or a declaration, as from
        `declared.of_dataset`. By default, files next to the labels declare it, or all labels together show it.
    values
        Further values or colours → name of the class that they count as.
    layout
        How cases are stored; see `layouts.settled`.
    allowed
        Treatment of files without a counterpart; they are refused if None.
    tables
        Reads tables and class lists next to labels; see `beside_tables`; none are read if None.
    readers
        Workers that read the files.

    Raises
    ------
    Refused
        ``SC013`` for a missing prediction, ``SC080`` for one without a reference, ``SC011`` for an empty
        folder, ``SC082`` and ``SC083`` for another grid, ``SC070`` and ``SC078`` for another coding; what
        reading raises.
    """
    with unchanged(Held(predictions, ABOUT), Held(references, ABOUT)):
        mine = find_labels(predictions, layout)
        if not mine.units:
            raise SegconvError("holds no prediction", code="SC011", file=str(predictions))
        folder, its = find_references(references, mine, layout)
        if not its.units:
            raise SegconvError("holds no label", code="SC011", file=str(folder))
        if folder == references and not pair(mine.units, its.units).pairs:
            its = find_labels(folder, layout)  # stored in another way, which shows when they are paired
        sides = _Sides((predictions, folder), (mine, its))
        files = [Held(root, names) for root, names in zip(sides.folders, sides.files, strict=True)]
        with unchanged(Held(folder.absolute().parent, ABOUT), *files):
            said = declared(_as_declaration(labels), predictions, folder)
            counting = _Counting(sides, allowed or Allowed(), readers)
            return counting.scores(said, values or {}, tables)


def measure_surfaces(
    found: Evaluation,
    *,
    tolerance: Tolerance = TOLERANCE_MM,
    spacing_mm: Sequence[float] | None = None,
    readers: Readers = ONE,
) -> Evaluation:
    """Return the scores with distances between surfaces, surface Dice and errors of volume; opens all labels again.

    Parameters
    ----------
    found
        What `evaluate_folders` returned.
    tolerance, spacing_mm, readers
        As in `measuring.measured`.

    Raises
    ------
    Refused
        What `measuring.measured` raises.
    """
    made = measured(found.scored, tolerance=tolerance, spacing_mm=spacing_mm, readers=readers)
    return replace(found, surfaces=made)


def _as_declaration(labels: Declaration | Mapping[str, int | str] | None) -> Declaration | None:
    if labels is None or isinstance(labels, Declaration):
        return labels
    return of_values({name: value_text(*parse_value(str(value))) for name, value in labels.items()}, "labels")


@dataclass(frozen=True)
class _Sides:
    """Predictions and references: their folders, and the labels in these."""

    folders: tuple[Path, Path]
    found: tuple[Found, Found]

    @property
    def files(self) -> tuple[list[str], list[str]]:
        mine, its = ([file for unit in found.units for file in unit.files] for found in self.found)
        return mine, its


class _Counting:
    """Scores one set: pairs labels, counts their voxels, and computes scores."""

    def __init__(self, sides: _Sides, allowed: Allowed, readers: Readers) -> None:
        self.sides = sides
        self.allowed = allowed
        self.readers = readers
        mine, its = sides.found
        self.paired = pair(mine.units, its.units)
        self.images: list[str] = []
        """Files among the references that are not labels."""
        self.tallies = self._counted(partial(count_case, wanted=_classes_of(its.units)))

    def scores(self, said: Declaration | None, values: Mapping[str, str], tables: TablesOf | None) -> Evaluation:
        """Return the scores; parameters are those of `evaluate_folders`."""
        findings = [*unpaired(self.paired, self.sides.folders, self.allowed)]
        findings += [finding for tally in self.tallies for finding in tally.findings]
        if not self._scorable:
            raise Refused(reasons=findings)
        result = self._scored(said, values, tables)
        skipped = [*self.paired.extra, *(self.paired.missing if self.allowed.missing == SKIP else ())]
        return replace(
            result,
            missing=tuple(unit.name for unit in self.paired.missing if self.allowed.missing == ZERO),
            skipped=tuple(unit.shown for unit in skipped),
            notes=(*self._notes(), *result.notes),
            findings=refuse_if_any(dict.fromkeys((*findings, *result.findings))),
            scored=self._scored_cases(result),
        )

    def _scored_cases(self, result: Evaluation) -> dict[str, ScoredCase]:
        pairs: dict[str, Pair] = {its.name: (mine, its) for mine, its in self.paired.pairs}
        pairs |= {unit.name: (None, unit) for unit in self.paired.missing}
        return {
            case: ScoredCase(pairs[case], overlaps, *result.stored.get(case, ()))
            for case, overlaps in result.overlaps.items()
        }

    @property
    def _scorable(self) -> list[Tally]:
        return [tally for tally in self.tallies if tally.reference is not None]

    def _scored(self, said: Declaration | None, values: Mapping[str, str], tables: TablesOf | None) -> Evaluation:
        tallies, folders = self._scorable, self.sides.folders
        if all(tally.kinds == {MASKS} for tally in tallies):
            return mask_scores(tallies, folders[0], self.allowed)
        if said is None and tables is not None:
            said = of_tables(tables, tuple(zip(folders, self.sides.files, strict=True)), tallies)
        return value_scores(tallies, folders, said, values)

    def _notes(self) -> Iterator[str]:
        if guessed := self.sides.found[0].guessed:
            yield f"predictions: {guessed}"
        if self.paired.how:
            yield f"predictions and references are paired {self.paired.how}"
        if self.images:
            yield f"not labels, left out of the references: {some_of(self.images, 1)}"

    def _counted(self, count: Callable[[Pair], Tally]) -> list[Tally]:
        """Return all cases, counted, in the order of their names."""
        tallies = self._read(self.paired.pairs, count)
        self._leave_out_images(tallies)
        if self.allowed.missing == ZERO:
            tallies += self._read([(None, unit) for unit in self.paired.missing], count)
        tallies.sort(key=lambda tally: tally.case)
        self.images += [file for tally in tallies for file in tally.images]
        return tallies

    def _leave_out_images(self, tallies: Sequence[Tally]) -> None:
        """Remove images among the references, without a prediction, from the pairing."""
        missing = self.paired.missing
        if not self.paired.pairs:
            return
        held = frozenset(text for tally in tallies for text in tally.reference_values)
        judged = self._read([(None, unit) for unit in missing], lambda pair: is_no_label(pair[1], held))
        images = [unit for unit, image in zip(missing, judged, strict=True) if image]
        self.paired = replace(self.paired, missing=tuple(unit for unit in missing if unit not in images))
        self.images += [unit.shown for unit in images]

    def _read(self, pairs: Sequence[Pair], read: Callable[[Pair], R]) -> list[R]:
        """Return what reading each pair of labels returns, in order."""
        results = []
        for _, found in self.readers.over(pairs, read, files=_files_of, decoded=_decoded):
            if isinstance(found, SegconvError):
                raise found
            results.append(found)
        return results


def _files_of(pair: Pair) -> list[str]:
    return [file for unit in pair if unit is not None for file in unit.files]


def _decoded(pair: Pair) -> int:
    return sum(unit.decoded_bytes for unit in pair if unit is not None)


def _classes_of(units: Sequence[LabelUnit]) -> frozenset[str] | None:
    """Return the classes with reference masks; None if file names do not show them."""
    if not all(unit.form == CLASSES for unit in units):
        return None
    return frozenset(name for unit in units for name in unit.classes)
