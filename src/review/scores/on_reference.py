"""Bring predictions onto the voxels of their references if both have the same points; otherwise refuse them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...errors import Cure, Finding, SegconvError, warning
from ...image.geometry import NEAR_GRID_VOXELS, SAME_GRID_VOXELS, Geometry, moved_mm
from ...image.grids import order_of, other_order, what_differs
from ...image.orientation import reordering
from ...image.read_options import MAX_VOLUME
from .opened_label import Label

REFERENCE = "its reference"
SCORED_ANYWAY = "scored voxel by voxel nevertheless"

NO_HEADER = "store both in a format with spacing and origin, or both in one without"


def on_reference(prediction: Label, reference: Label, file: str) -> tuple[Label, list[Finding]]:
    """Return a prediction in the voxel order of its reference, and warnings about the changes.

    Parameters
    ----------
    file
        The prediction, for findings.

    Raises
    ------
    SegconvError
        ``SC082`` for another size; ``SC083`` for different points, with their distance, and for a label
        without a grid if the other has one.
    """
    mine, its = prediction.grid, reference.grid
    if mine is None or its is None:
        _refuse_unlike(prediction, reference, file)
        return prediction, []
    order = other_order(mine, its)
    if order is not None:
        turned = replace(prediction, array=order.array(prediction.array), grid=order.grid(mine))
        return turned, [warning("SC083", f"{order_of(mine, its, REFERENCE)}; {SCORED_ANYWAY}", file=file)]
    if mine.size != its.size or (apart := mine.displacement_voxels(its)) > NEAR_GRID_VOXELS:
        raise _apart(mine, its, file)
    near = f"is {apart:.3g} voxels off the grid of its reference; scored as if on it"
    findings = [warning("SC083", near, file=file)] if apart > SAME_GRID_VOXELS else []
    return prediction, findings + _sheared(mine, its, file)


def _refuse_unlike(prediction: Label, reference: Label, file: str) -> None:
    """Refuse two labels if one has no grid, unless both are pictures of one size."""
    if (prediction.grid is None) is not (reference.grid is None):
        what = "prediction" if prediction.grid is None else "reference"
        message = f"the {what} is a picture, without spacing and origin; the other is a volume, with both"
        raise SegconvError(message, code="SC083", file=file, hint=NO_HEADER)
    if prediction.array.shape != reference.array.shape:
        sizes = f"has the size {prediction.array.shape[::-1]}, its reference {reference.array.shape[::-1]}"
        raise SegconvError(sizes, code="SC082", file=file, hint="give both files of one case")


def _sheared(mine: Geometry, its: Geometry, file: str) -> list[Finding]:
    """Return a warning if one of two grids is stored with sheared axes that the other does not have."""
    one, other = (grid.direction_matrix if grid.sheared_matrix is None else grid.sheared_matrix for grid in (mine, its))
    far = moved_mm(its.size, its.spacing_mm, one - other)
    if far <= SAME_GRID_VOXELS * min(its.spacing_mm):
        return []
    message = f"is up to {far:.3g} mm off its reference, as the axes of one are sheared; {SCORED_ANYWAY}"
    return [warning("SC083", message, file=file)]


def on_one_box(prediction: Label, reference: Label, file: str) -> tuple[Label, Label, list[Finding]]:
    """Return two segments on the smallest grid that holds both; 3D Slicer stores only the needed box.

    Raises
    ------
    SegconvError
        ``SC082`` or ``SC083`` for voxels that are not on one lattice.
    """
    mine, its = prediction.grid, reference.grid
    if mine is None or its is None:
        placed, findings = on_reference(prediction, reference, file)
        return placed, reference, findings
    # An empty segment may be anywhere: 3D Slicer keeps one voxel of it.
    if not prediction.array.any():
        return _empty(reference), reference, []
    if not reference.array.any():
        return prediction, _empty(prediction), []
    findings = []
    order = reordering(mine, its)
    if order.changes:
        findings = [warning("SC083", f"{order_of(mine, its, REFERENCE)}; {SCORED_ANYWAY}", file=file)]
        prediction = replace(prediction, array=order.array(prediction.array), grid=order.grid(mine))
    start = _offset(order.grid(mine), its)
    if start is None:
        raise _apart(mine, its, file)
    low = np.minimum(start, 0)
    high = np.maximum(start + prediction.array.shape[::-1], its.size)
    size = tuple(int(n) for n in high - low)
    if math.prod(size) > MAX_VOLUME:
        raise _apart(mine, its, file)
    origin = tuple(float(v) for v in its.to_physical(low))
    box = Geometry(size, its.spacing_mm, origin, its.direction)
    return _boxed(prediction, box, start - low), _boxed(reference, box, -low), findings


def _empty(like: Label) -> Label:
    return replace(like, array=np.zeros_like(like.array), counts={0: like.array.size})


def _boxed(label: Label, box: Geometry, start: np.ndarray) -> Label:
    array = np.zeros(box.array_shape, dtype=label.array.dtype)
    shape = label.array.shape
    array[tuple(slice(int(s), int(s) + n) for s, n in zip(start[::-1], shape, strict=True))] = label.array
    return replace(label, array=array, grid=box)


def _offset(grid: Geometry, other: Geometry) -> np.ndarray | None:
    """Return the index ``(x, y, z)`` of a grid's first voxel in another grid; None if they are not on one lattice."""
    steps = other.direction_matrix * np.array(other.spacing_mm)
    start = np.rint(np.linalg.solve(steps, np.array(grid.origin_mm) - np.array(other.origin_mm))).astype(int)
    origin = tuple(float(v) for v in other.to_physical(start))
    expected = Geometry(grid.size, other.spacing_mm, origin, other.direction)
    return start if expected.displacement_voxels(grid) <= NEAR_GRID_VOXELS else None


def _apart(mine: Geometry, its: Geometry, file: str) -> SegconvError:
    if mine.size != its.size:
        sizes = f"has the size {mine.size}, its reference {its.size}"
        return SegconvError(sizes, code="SC082", file=file, hint="give both files of one case and on one grid")
    apart = mine.displacement_voxels(its)
    what = what_differs(mine, its)
    if what == "spacing":
        what = f"spacing ({_mm(mine)}, its reference {_mm(its)})"
    without = "; its header is unset: 1 mm, origin 0" if _bare(mine) and not _bare(its) else ""
    return SegconvError(
        f"is {apart:.3g} voxels off the grid of its reference, expected at most {NEAR_GRID_VOXELS}: it differs in"
        f" {what}{without}",
        code="SC083",
        file=file,
        hint="write predictions with the header of their image",
        cures=(Cure.of("restore_predictions"),),
    )


def _bare(grid: Geometry) -> bool:
    """Return whether a grid is the default that writers use when they know none."""
    plain = Geometry.plain(grid.size)
    along = tuple(map(abs, grid.direction)) == plain.direction
    return along and (grid.spacing_mm, grid.origin_mm) == (plain.spacing_mm, plain.origin_mm)


def _mm(grid: Geometry) -> str:
    return "×".join(f"{value:.4g}" for value in grid.spacing_mm) + " mm"
