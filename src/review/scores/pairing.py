"""Which prediction goes with which reference, and what has no counterpart: named, never left out without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import Finding
from .found import LabelUnit
from .layouts import FILE, SERIES

ZERO = "zero"
SKIP = "skip"
"""What a user may say of references without a prediction; `SKIP` also of predictions without a reference."""

MISSING_WAY = "predict it; or --missing zero counts it as 0, --missing skip leaves it out"

SHOWN = 3


@dataclass(frozen=True)
class Paired:
    """Predictions and references of one set.

    Parameters
    ----------
    pairs
        Prediction and reference of a case.
    missing
        References without a prediction.
    extra
        Predictions without a reference.
    how
        By what they go together, if that is not their path.
    """

    pairs: tuple[tuple[LabelUnit, LabelUnit], ...]
    missing: tuple[LabelUnit, ...]
    extra: tuple[LabelUnit, ...]
    how: str = ""


def pair(predictions: Sequence[LabelUnit], references: Sequence[LabelUnit]) -> Paired:
    """Return predictions and references by the path that both have in their folder.

    Where no path is that of another, they go together by the last part of it, if that is different for each
    file of either side: 3D Slicer's segmentations are restored into a folder a case.
    """
    forms = {_as_stored(unit) for unit in predictions}
    alike = [unit for unit in references if _as_stored(unit) in forms]
    by_name = "by the names of their files, whatever folder these are in"
    for key, possible, how in ((_path, references, ""), (_last, alike, by_name)):
        mine, its = _by(predictions, key), _by(possible, key)
        if mine is None or its is None:
            continue
        both = [name for name in its if name in mine]
        if both:
            taken = {its[name] for name in both}
            return Paired(
                tuple((mine[name], its[name]) for name in both),
                tuple(unit for unit in references if unit not in taken),
                tuple(unit for name, unit in mine.items() if name not in its),
                how,
            )
    return Paired((), tuple(references), tuple(predictions))


def _as_stored(unit: LabelUnit) -> str:
    return FILE if unit.form == SERIES else unit.form


def _path(unit: LabelUnit) -> str:
    return unit.name


def _last(unit: LabelUnit) -> str:
    return unit.name.rpartition("/")[2]


def _by(units: Sequence[LabelUnit], key: Callable[[LabelUnit], str]) -> dict[str, LabelUnit] | None:
    found = {key(unit): unit for unit in units}
    return found if len(found) == len(units) else None


def unpaired(paired: Paired, folders: tuple[Path, Path], missing: str | None, extra: str | None) -> list[Finding]:
    """Return an error for each file without a counterpart, if it is not said what becomes of such.

    Parameters
    ----------
    folders
        Of predictions and references.
    missing
        `ZERO` or `SKIP`, of references without a prediction.
    extra
        `SKIP`, of predictions without a reference.
    """
    predictions, references = folders
    hint = ""
    if not paired.pairs:
        within = " or ".join(str(references / folder) for folder in _folders_within(paired.extra, paired.missing))
        hint = f"give {within} as references" if within else "give folders whose files are named alike"
    findings = []
    if missing is None or not paired.pairs:
        told = f"has no prediction in {predictions}"
        findings += [Finding("SC013", told, file=unit.shown, hint=hint or MISSING_WAY) for unit in paired.missing]
    if extra is None or not paired.pairs:
        way = "give its reference; or --extra skip leaves it out"
        told = f"has no reference in {references}"
        findings += [Finding("SC080", told, file=unit.shown, hint=hint or way) for unit in paired.extra]
    return findings


def _folders_within(predictions: Sequence[LabelUnit], references: Sequence[LabelUnit]) -> list[str]:
    """Return the folders below that of the references that hold one for each prediction."""
    folders = {unit.name.rpartition("/")[0] for unit in references}
    names = {(_as_stored(unit), unit.name) for unit in references}
    holding = [
        folder
        for folder in folders
        if folder and all((_as_stored(unit), f"{folder}/{unit.name}") in names for unit in predictions)
    ]
    return sorted(holding)[:SHOWN]
