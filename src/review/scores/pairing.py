"""Pair predictions with references, and report files without a counterpart, never dropping them silently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import Cure, Finding
from ...words import SHOWN
from .found import LabelUnit
from .layouts import FILE, SERIES

ZERO = "zero"
SKIP = "skip"
EMPTY = "empty"

MISSING_CURES = (Cure.of("count_missing_as_zero"), Cure.of("skip_missing"))


@dataclass(frozen=True)
class Allowed:
    """The user's choices for an incomplete set.

    Parameters
    ----------
    missing
        `ZERO`: a reference without a prediction counts as if nothing had been predicted. `SKIP`: it is left out.
    extra
        `SKIP`: a prediction without a reference is left out.
    missing_masks
        `EMPTY`: a class without a reference mask in a case, but with one in others, does not occur in that case.
    """

    missing: str | None = None
    extra: str | None = None
    missing_masks: str | None = None


Pair = tuple[LabelUnit, LabelUnit]
"""Prediction and reference."""


@dataclass(frozen=True)
class Paired:
    """Predictions and references of one set.

    Parameters
    ----------
    pairs
        Prediction and reference per case.
    missing
        References without a prediction.
    extra
        Predictions without a reference.
    how
        Criterion of the pairing, if not the paths.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[LabelUnit, ...]
    extra: tuple[LabelUnit, ...]
    how: str = ""


def pair(predictions: Sequence[LabelUnit], references: Sequence[LabelUnit]) -> Paired:
    """Pair predictions and references by their relative paths.

    If no paths match, they are paired by the last part, if it is unique on both sides: 3D Slicer's
    segmentations are restored into one folder per case.
    """
    forms = {_as_stored(unit) for unit in predictions}
    alike = [unit for unit in references if _as_stored(unit) in forms]
    by_path = _paired(predictions, references, _path)
    by_name = _paired(predictions, alike, _last)
    if by_path or not by_name:
        return Paired(by_path, *_rest(by_path, predictions, references))
    return Paired(
        by_name, *_rest(by_name, predictions, references), how="by the names of their files, in whatever folder"
    )


def _paired(
    predictions: Sequence[LabelUnit], references: Sequence[LabelUnit], key: Callable[[LabelUnit], str]
) -> tuple[Pair, ...]:
    """Return the pairs of equal keys; none if keys are not unique."""
    mine, its = ({key(unit): unit for unit in units} for units in (predictions, references))
    if len(mine) < len(predictions) or len(its) < len(references):
        return ()
    return tuple((mine[name], its[name]) for name in its if name in mine)


def _rest(
    pairs: Sequence[Pair], predictions: Sequence[LabelUnit], references: Sequence[LabelUnit]
) -> tuple[tuple[LabelUnit, ...], tuple[LabelUnit, ...]]:
    """Return the unpaired references and predictions."""
    taken = {unit for pair in pairs for unit in pair}
    missing = tuple(unit for unit in references if unit not in taken)
    return missing, tuple(unit for unit in predictions if unit not in taken)


def _as_stored(unit: LabelUnit) -> str:
    return FILE if unit.form == SERIES else unit.form


def _path(unit: LabelUnit) -> str:
    return unit.name


def _last(unit: LabelUnit) -> str:
    return unit.name.rpartition("/")[2]


def unpaired(paired: Paired, folders: tuple[Path, Path], allowed: Allowed) -> Iterator[Finding]:
    """Yield an error for each file without a counterpart, unless the user chose how to treat it.

    Parameters
    ----------
    folders
        Of predictions and references.
    """
    predictions, references = folders
    elsewhere = "" if paired.pairs else _elsewhere(paired, references)
    if allowed.missing is None or elsewhere:
        for unit in paired.missing:
            message = f"has no prediction in {predictions}"
            yield _unpaired("SC013", message, unit, elsewhere, "predict it", MISSING_CURES)
    if allowed.extra is None or elsewhere:
        for unit in paired.extra:
            message = f"has no reference in {references}"
            yield _unpaired("SC080", message, unit, elsewhere, "give its reference", (Cure.of("skip_extra"),))


def _unpaired(code: str, message: str, unit: LabelUnit, elsewhere: str, hint: str, cures: tuple[Cure, ...]) -> Finding:
    return Finding(code, message, elsewhere or hint, unit.shown, cures=() if elsewhere else cures)


def _elsewhere(paired: Paired, references: Path) -> str:
    """Suggest other folders in words if nothing is paired."""
    folders = {unit.name.rpartition("/")[0] for unit in paired.missing}
    names = {(_as_stored(unit), unit.name) for unit in paired.missing}
    holding = sorted(
        folder
        for folder in folders
        if folder and all((_as_stored(unit), f"{folder}/{unit.name}") in names for unit in paired.extra)
    )
    within = " or ".join(str(references / folder) for folder in holding[:SHOWN])
    return f"give {within} as references" if within else "give folders whose files have the same names"
