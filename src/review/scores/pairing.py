"""Which prediction goes with which reference, and what has no counterpart: named, never left out without a word."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import Finding
from .found import CLASSES, LabelUnit

ZERO = "zero"
SKIP = "skip"
"""What a user may say of references without a prediction; `SKIP` also of predictions without a reference."""

MISSING_WAY = "predict it; or --missing zero counts it as 0, --missing skip leaves it out"


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
    for key, how in ((_path, ""), (_last, "by the names of their files, whatever folder these are in")):
        mine, its = _by(predictions, key), _by(references, key)
        if mine is None or its is None:
            continue
        both = [name for name in its if name in mine]
        if both:
            return Paired(
                tuple((mine[name], its[name]) for name in both),
                tuple(unit for name, unit in its.items() if name not in mine),
                tuple(unit for name, unit in mine.items() if name not in its),
                how,
            )
    return Paired((), tuple(references), tuple(predictions))


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
        within = _folder_within(paired.extra, paired.missing)
        hint = f"give {references / within} as references" if within else "give folders whose files are named alike"
    findings = []
    if missing is None or not paired.pairs:
        told = f"has no prediction in {predictions}"
        findings += [Finding("SC013", told, file=unit.shown, hint=hint or MISSING_WAY) for unit in paired.missing]
    if extra is None or not paired.pairs:
        way = "give its reference; or --extra skip leaves it out"
        told = f"has no reference in {references}"
        findings += [Finding("SC080", told, file=unit.shown, hint=hint or way) for unit in paired.extra]
    return findings


def _folder_within(predictions: Sequence[LabelUnit], references: Sequence[LabelUnit]) -> str:
    """Return the folder below that of the references that holds one for a prediction; empty if none does."""
    for unit in references:
        if unit.form != CLASSES:
            for prediction in predictions:
                if unit.name.endswith("/" + prediction.name):
                    return unit.name[: -len(prediction.name)].rstrip("/")
    return ""


def within(unit: LabelUnit, folder: Path) -> str:
    """Return a file as it is called in its folder."""
    return os.path.relpath(unit.shown, folder)
