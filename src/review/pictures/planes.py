"""Cut a case into the planes that a reader of images expects, through its largest label."""

from __future__ import annotations

from collections.abc import Mapping
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

Voxel = tuple[int, int, int]
"""Index of a voxel along the axes of the file, x, y, z."""

THICK = 2.0
"""Slices this many times thicker than their pixels are wide are looked at one by one, and not cut across."""


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
    prediction
        ``(row, column)``, or None.
    wrong
        Where label and prediction differ, ``(row, column)``; None unless there are both.
    """

    title: str
    image: NDArray[Any]
    label: NDArray[Any] | None
    spacing_mm: tuple[float, float]
    ends: tuple[str, ...] = ()
    prediction: NDArray[Any] | None = None
    wrong: NDArray[np.bool_] | None = None


Layers = Mapping[str, NDArray[Any] | None]
"""Attribute of `Plane` → the array that it is cut from."""


class Cuts:
    """Cuts a case into planes.

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
    prediction
        Like `label`.
    ignore
        Value in the label where no prediction is wrong, and that is not looked for; None if there is none.
    through
        Where to cut a volume instead.
    """

    def __init__(
        self,
        image: NDArray[Any],
        label: NDArray[Any] | None,
        geometry: Geometry,
        *,
        placed: bool,
        prediction: NDArray[Any] | None = None,
        ignore: int | None = None,
        through: Voxel | None = None,
    ) -> None:
        wrong = _wrong(label, prediction, ignore)
        self._layers: Layers = {"image": image, "label": label, "prediction": prediction, "wrong": wrong}
        self._geometry = geometry
        self._placed = placed
        if geometry.dimension == 3:
            self._order = _canonical_order(geometry) if placed else Reordering((0, 1, 2), (False,) * 3)
            self._at = through or _through(_focus(label, prediction, wrong, ignore), geometry)

    @property
    def axes(self) -> tuple[int, ...]:
        """Axes across the planes that show a volume: one of a single slice, else the axial, coronal and sagittal."""
        sizes = [self._geometry.size[own] for own in self._order.order]
        thin = [axis for axis in (2, 1, 0) if sizes[axis] == 1]
        return tuple(thin[:1]) or (2, 1, 0)

    @property
    def finest(self) -> int:
        """Axis across the planes with the smallest pixels, if slices are much thicker; else the first of `axes`."""
        spacings = [self._geometry.spacing_mm[own] for own in self._order.order]
        across = max(self.axes, key=lambda axis: spacings[axis])
        others = [spacings[axis] for axis in self.axes if axis != across]
        return across if others and spacings[across] >= THICK * max(others) else self.axes[0]

    def number(self, axis: int) -> int:
        """Return how many slices there are along an axis."""
        return self._geometry.size[self._order.order[axis]]

    def main(self, axis: int) -> int:
        """Return the slice where the volume is cut: with most of what differs, otherwise of the largest label."""
        return self._at[self._order.order[axis]]

    def letter(self, axis: int) -> str:
        """Return the name of the axis of the file along which slices are counted."""
        return _INDICES[self._order.order[axis]]

    def plane(self, axis: int, index: int) -> Plane:
        """Return a slice, counted as in the file."""
        return _plane(axis, self._layers, self._geometry, self._order, index, placed=self._placed)

    def picture(self) -> Plane:
        """Return the plane of a picture."""
        spacing = (self._geometry.spacing_mm[1], self._geometry.spacing_mm[0])
        layers: dict[str, Any] = {**self._layers}
        return Plane("", spacing_mm=spacing, **layers)

    def planes(self) -> list[Plane]:
        """Return the only plane of a picture or of a volume of one slice, else axial, coronal and sagittal ones.

        Each plane is the slice with most of what prediction and label differ in, otherwise that with most of the
        largest label; the middle one in a case without labels.
        """
        if self._geometry.dimension == 2:
            return [self.picture()]
        return [self.plane(axis, self.main(axis)) for axis in self.axes]


def most_labelled(label: NDArray[Any] | None, geometry: Geometry, ignore: int | None = None) -> Voxel:
    """Return where `Cuts` cuts a volume with a label ``(z, y, x)``, or without one."""
    return _through(_focus(label, None, None, ignore), geometry)


def largest_label(label: NDArray[Any] | None, ignore: int | None = None) -> int | None:
    """Return the value with the most voxels, the smaller one of two; None if there is none.

    Background does not count, and the ignore label only if there is no other: it marks what was not drawn.
    """
    if label is None:
        return None
    values, counts = np.unique(label[label != BACKGROUND], return_counts=True)
    if ignore is not None and values.size > 1:
        counts[values == ignore] = 0
    return int(values[counts.argmax()]) if values.size else None


def _canonical_order(geometry: Geometry) -> Reordering:
    canonical = Geometry(geometry.size, geometry.spacing_mm, geometry.origin_mm, (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0))
    return reordering(geometry, canonical)


def _wrong(label: NDArray[Any] | None, prediction: NDArray[Any] | None, ignore: int | None) -> NDArray[np.bool_] | None:
    if label is None or prediction is None:
        return None
    differ: NDArray[np.bool_] = label != prediction
    return differ if ignore is None else differ & (label != ignore)


def _focus(
    label: NDArray[Any] | None,
    prediction: NDArray[Any] | None,
    wrong: NDArray[np.bool_] | None,
    ignore: int | None,
) -> NDArray[np.bool_] | None:
    """Return what is wrong, else the largest label, else the largest one of the prediction; None if there is none."""
    if wrong is not None and wrong.any():
        return wrong
    for array in (label, prediction):
        value = largest_label(array, ignore)
        if array is not None and value is not None:
            inside: NDArray[np.bool_] = array == value
            return inside
    return None


def _through(inside: NDArray[np.bool_] | None, geometry: Geometry) -> Voxel:
    """Return the slice of each axis that holds most of a mask.

    Of several it is the middle one, which is farthest from the ends of a label that is the same in all.
    """
    if inside is None:
        x, y, z = (size // 2 for size in geometry.size)
        return x, y, z
    sums = [inside.sum(axis=tuple({0, 1, 2} - {2 - own})) for own in range(3)]
    most = [np.flatnonzero(counts == counts.max()) for counts in sums]
    x, y, z = (int(slices[len(slices) // 2]) for slices in most)
    return x, y, z


def _plane(
    axis: int,
    layers: Layers,
    geometry: Geometry,
    found: Reordering,
    index: int,
    *,
    placed: bool,
) -> Plane:
    own = found.order[axis]
    along = tuple(found.order[other] for other in _ACROSS[axis])
    # In the patient, readers look from the feet, from the front, or from the left: right is at the left, or anterior.
    flips = tuple(placed and not found.flips[other] for other in _ACROSS[axis])
    name = _NAMES[axis] if placed else _INDICES[along[1]] + _INDICES[along[0]]
    title = f"{name}, {_INDICES[own]} = {index}"
    rows, columns = along
    spacing = (geometry.spacing_mm[rows], geometry.spacing_mm[columns])
    cuts: dict[str, Any] = {
        name: None if array is None else _cut(array, own, index, along, flips) for name, array in layers.items()
    }
    return Plane(title, spacing_mm=spacing, ends=_letters(axis) if placed else (), **cuts)


def _letters(axis: int) -> tuple[str, ...]:
    rows, columns = (_ENDS[other] for other in _ACROSS[axis])
    return columns[1], columns[0], rows[1], rows[0]


def _cut(array: NDArray[Any], own: int, index: int, along: tuple[int, ...], flips: tuple[bool, ...]) -> NDArray[Any]:
    """Return a slice of ``(z, y, x[, c])``, its rows and columns along two of the file's axes."""
    cut: NDArray[Any] = np.take(array, index, axis=2 - own)
    if along[0] < along[1]:  # the remaining axes are in the order of the array, the last of x, y, z first
        cut = np.swapaxes(cut, 0, 1)
    return cut[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
