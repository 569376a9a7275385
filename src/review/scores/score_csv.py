"""Scores of every case as CSV, and whether a file is exactly such a table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence

from .dice import Overlap
from .measuring import MM, MM_2D, PIXELS, Unit
from .scoring import Evaluation
from .surface_scores import SurfaceScore

COLUMNS = ("case", "class", "dice", "shared_voxels", "predicted_voxels", "reference_voxels")

_DIGITS = 6
_ENCODING = ("utf-8", "surrogateescape")
"""File names are bytes, and nearly always UTF-8."""

_SUFFIXES = {MM: ("mm", "ml", "mm2"), MM_2D: ("mm", "mm2", "mm"), PIXELS: ("px", "px", "px")}
"""Suffixes of columns with distances, volumes and surfaces."""

Row = tuple[str, str, Overlap, SurfaceScore | None]


def columns_of(unit: Unit | None) -> tuple[str, ...]:
    """Return the columns; None if no surfaces were measured."""
    if unit is None:
        return COLUMNS
    length, volume, surface = _SUFFIXES[unit]
    more = [f"hd95_{length}", "nsd", f"volume_error_{volume}", "volume_error_percent"]
    return (*COLUMNS, *more, f"tolerance_{length}", f"within_{surface}", f"surface_{surface}", f"voxel_{volume}")


def as_csv(found: Evaluation) -> bytes:
    """Return a table with one row per case and class.

    Dice is empty if neither side has the class. With surfaces: a distance is ``inf`` if only one side has the
    class; the surface Dice is ``within / surface``.
    """
    return _as_csv(_each(found), None if found.surfaces is None else found.surfaces.unit)


def _each(found: Evaluation) -> Iterator[Row]:
    for case, of in found.overlaps.items():
        for name, overlap in of.items():
            yield case, name, overlap, found.surfaces.cases[case][name] if found.surfaces is not None else None


def is_csv(data: bytes) -> bool:
    """Return whether a file is an exact result of `as_csv`.

    Each row follows from its names, numbers of voxels, distances and surfaces, so foreign columns, values or notes
    are detected.
    """
    try:
        header, *rows = csv.reader(io.StringIO(data.decode(*_ENCODING), newline=""), strict=True)
        unit = next(unit for unit in (None, *_SUFFIXES) if list(columns_of(unit)) == header)
        each = [_parsed(row, with_surfaces=unit is not None) for row in rows]
        return _is_possible(each) and _as_csv(each, unit) == data
    except (ValueError, TypeError, ArithmeticError, LookupError, StopIteration, csv.Error):
        return False


def _is_possible(each: Sequence[Row]) -> bool:
    """Return whether rows, of which there is one at least, are of different classes, and overlaps not too large."""
    once = len({(case, name) for case, name, _, _ in each}) == len(each)
    return bool(each) and once and all(0 <= o.both <= min(o.predicted, o.reference) for _, _, o, _ in each)


def _parsed(row: Sequence[str], *, with_surfaces: bool) -> Row:
    case, name, _, both, predicted, reference, *more = row
    overlap = Overlap(int(both), int(predicted), int(reference))
    if not with_surfaces:
        if more:
            raise ValueError("more cells than columns")
        return case, name, overlap, None
    hd95, _, _, _, tolerance, within, surface, voxel = more
    sizes = overlap.predicted, overlap.reference, float(voxel)
    score = SurfaceScore(*sizes, float(hd95 or math.nan), float(within), float(surface), float(tolerance))
    return case, name, overlap, score


def _as_csv(each: Iterable[Row], unit: Unit | None) -> bytes:
    lines = [_line(columns_of(unit))]
    for case, name, overlap, score in each:
        cells = [case, name, _cell(overlap.dice), overlap.both, overlap.predicted, overlap.reference]
        if score is not None:
            cells += map(_cell, (score.hd95, score.nsd, score.volume_error, score.volume_error_percent))
            cells += map(repr, (float(score.tolerance), score.within, score.surface, float(score.voxel)))
        lines.append(_line(cells))
    return "".join(lines).encode(*_ENCODING)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.{_DIGITS}f}"


def _line(row: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(row)  # which quotes a carriage return only where it ends its lines so
    return text.getvalue().removesuffix("\r\n") + "\n"
