"""Cut a case into the planes that a reader of images expects, through its largest label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...image.geometry import Geometry
from ...image.orientation import Reordering, reordering

BACKGROUND = 0

_NAMES = {0: "sagittal", 1: "coronal", 2: "axial"}
_ACROSS = {0: (2, 1), 1: (2, 0), 2: (1, 0)}
"""Axis across a plane → the axes along its rows and columns, of x, y, z."""
_ENDS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Where the axes of a canonical volume begin and end; see `orientation`."""
_INDICES = "ijk"


@dataclass(frozen=True)
class Plane:
    """A slice as it is drawn: the first row at the top, the first column at the left.

    Parameters
    ----------
    title
        Which plane it is, and which slice; empty for pictures.
    image
        ``(row, column)``, or ``(row, column, 3)`` in colour.
    label
        ``(row, column)``, or None for a case without one.
    spacing_mm
        Of rows and of columns.
    ends
        What is at the left, right, top and bottom in the patient; empty if unknown.
    """

    title: str
    image: NDArray[Any]
    label: NDArray[Any] | None
    spacing_mm: tuple[float, float]
    ends: tuple[str, ...] = ()


def planes_of(image: NDArray[Any], label: NDArray[Any] | None, geometry: Geometry, *, placed: bool) -> list[Plane]:
    """Return the only plane of a picture or of a volume of one slice, else axial, coronal and sagittal ones.

    Each plane is the slice that holds most of the largest label; the middle one in a case without labels.

    Parameters
    ----------
    image
        ``(z, y, x)`` or ``(y, x)``, in colour with a last axis of 3.
    label
        ``(z, y, x)`` or ``(y, x)``; None if there is none.
    geometry
        Of both.
    placed
        Whether the geometry says how the patient is oriented; otherwise slices are drawn as stored.
    """
    if geometry.dimension == 2:
        return [Plane("", image, label, (geometry.spacing_mm[1], geometry.spacing_mm[0]))]
    found = _canonical_order(geometry) if placed else Reordering((0, 1, 2), (False,) * 3)
    at = _through_largest(label, found, geometry)
    thin = [axis for axis in (2, 1, 0) if geometry.size[found.order[axis]] == 1]
    return [_plane(axis, image, label, geometry, found, at, placed=placed) for axis in thin[:1] or (2, 1, 0)]


def largest_label(label: NDArray[Any] | None) -> int | None:
    """Return the value with the most voxels except background, the smaller one of two; None if there is none."""
    if label is None:
        return None
    values, counts = np.unique(label[label != BACKGROUND], return_counts=True)
    return int(values[counts.argmax()]) if values.size else None


def _canonical_order(geometry: Geometry) -> Reordering:
    canonical = Geometry(geometry.size, geometry.spacing_mm, geometry.origin_mm, (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0))
    return reordering(geometry, canonical)


def _through_largest(label: NDArray[Any] | None, found: Reordering, geometry: Geometry) -> tuple[int, ...]:
    """Return the slice of each canonical axis, as an index of the file's own axis."""
    value = largest_label(label)
    if label is None or value is None:
        return tuple(geometry.size[own] // 2 for own in found.order)
    inside = label == value
    sums = [inside.sum(axis=tuple({0, 1, 2} - {2 - own})) for own in found.order]
    return tuple(int(counts.argmax()) for counts in sums)


def _plane(
    axis: int,
    image: NDArray[Any],
    label: NDArray[Any] | None,
    geometry: Geometry,
    found: Reordering,
    at: tuple[int, ...],
    *,
    placed: bool,
) -> Plane:
    own = found.order[axis]
    along = tuple(found.order[other] for other in _ACROSS[axis])
    # In the patient, readers look from the feet, from the front, or from the left: right is at the left, or anterior.
    flips = tuple(placed and not found.flips[other] for other in _ACROSS[axis])
    name = _NAMES[axis] if placed else _INDICES[along[1]] + _INDICES[along[0]]
    title = f"{name}, {_INDICES[own]} = {at[axis]}"
    rows, columns = along
    spacing = (geometry.spacing_mm[rows], geometry.spacing_mm[columns])
    cut = [_cut(array, own, at[axis], along, flips) for array in (image, label) if array is not None]
    return Plane(title, cut[0], cut[1] if len(cut) > 1 else None, spacing, _letters(axis) if placed else ())


def _letters(axis: int) -> tuple[str, ...]:
    rows, columns = (_ENDS[other] for other in _ACROSS[axis])
    return columns[1], columns[0], rows[1], rows[0]


def _cut(array: NDArray[Any], own: int, index: int, along: tuple[int, ...], flips: tuple[bool, ...]) -> NDArray[Any]:
    """Return a slice of ``(z, y, x[, c])``, its rows and columns along two of the file's axes."""
    cut: NDArray[Any] = np.take(array, index, axis=2 - own)
    if along[0] < along[1]:  # the remaining axes are in the order of the array, the last of x, y, z first
        cut = np.swapaxes(cut, 0, 1)
    return cut[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
