"""Reorder the axes of volumes and back: voxels move in the array but keep their values and physical points.

The canonical order is RAS+, as in nibabel and most tools: x grows to the right of the patient, y to the
front, z to the head; an oblique axis counts as the nearest one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import NEAR_GRID_VOXELS, Geometry, Volume

_RAS_IN_LPS = (-1.0, -1.0, 1.0)


@dataclass(frozen=True)
class Reordering:
    """A new order of the axes of a grid.

    Parameters
    ----------
    order
        Axis *i* of the result runs along axis ``order[i]`` of the input, in the order x, y, z …
    flips
        … and against it where ``flips[i]`` is set.
    """

    order: tuple[int, ...]
    flips: tuple[bool, ...]

    @property
    def changes(self) -> bool:
        """Whether any voxel moves."""
        return any(self.flips) or self.order != tuple(range(len(self.order)))

    def array(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array ``(z, y, x)`` in the new order."""
        last = len(self.order) - 1
        moved = array.transpose([last - own for own in self.order[::-1]])
        for axis, flip in enumerate(self.flips):
            if flip:
                moved = np.flip(moved, last - axis)
        return np.ascontiguousarray(moved)

    def grid(self, geometry: Geometry) -> Geometry:
        """Return a grid in the new order, with the same points."""
        if not self.changes:
            return geometry
        corner = np.zeros(len(self.order))
        for axis, own in enumerate(self.order):
            if self.flips[axis]:
                corner[own] = geometry.size[own] - 1
        direction = geometry.direction_matrix[:, list(self.order)] * np.where(self.flips, -1.0, 1.0)
        return Geometry(
            tuple(geometry.size[own] for own in self.order),
            tuple(geometry.spacing_mm[own] for own in self.order),
            tuple(float(v) for v in geometry.to_physical(corner)),
            tuple(float(v) for v in direction.ravel()),
        )


def reordering(grid: Geometry, reference: Geometry) -> Reordering:
    """Return the reordering that aligns the axes of a grid with those of another as closely as possible."""
    axes, signs = _nearest(reference.direction_matrix.T @ grid.direction_matrix)
    order = tuple(axes.index(axis) for axis in range(grid.dimension))
    return Reordering(order, tuple(signs[own] < 0 for own in order))


def same_points(grid: Geometry, reference: Geometry) -> Reordering | None:
    """Return the reordering from the voxels of a grid to those of another grid with the same points, or None."""
    found = reordering(grid, reference)
    ordered = found.grid(grid)
    if ordered.size != reference.size or ordered.displacement_voxels(reference) > NEAR_GRID_VOXELS:
        return None
    return found


def runs_alike(grid: Geometry, reference: Geometry) -> bool:
    """Return whether each axis of a grid is nearest to the same axis, and direction, of another."""
    return not reordering(grid, reference).changes


def axis_codes(geometry: Geometry) -> str:
    """Return the directions of the axes x, y and z of a grid, such as ``"LPS"``."""
    axes, signs = _nearest(geometry.direction_matrix)
    names = ("LR", "PA", "SI")
    return "".join(names[axis][0 if sign > 0 else 1] for axis, sign in zip(axes, signs, strict=True))


def ras_order(geometry: Geometry) -> Reordering:
    """Return the reordering to the canonical axis order."""
    ras = Geometry.plain(geometry.size)
    return reordering(geometry, replace(ras, direction=tuple(float(v) for v in np.diag(_RAS_IN_LPS).ravel())))


def canonical(volume: Volume) -> Volume:
    """Return a volume ``(z, y, x)`` in the canonical axis order; the same object if it already has that order."""
    found = ras_order(volume.geometry)
    if not found.changes:
        return volume
    return Volume(found.array(volume.array), found.grid(volume.geometry))


def _nearest(directions: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the nearest axis of a frame for each axis of a grid, all different, and the directions.

    The axis closest to one of the frame's is assigned first, then the next of those left, as in nibabel's
    ``io_orientation``, because two oblique axes may be nearest to the same one.

    Parameters
    ----------
    directions
        Matrix whose columns are the axes of the grid, in the frame.
    """
    # The nearest orthonormal matrix, so that slight shear does not matter.
    left, _, right = np.linalg.svd(directions)
    cosines = left @ right
    free = np.abs(cosines)
    axes = [0] * len(directions)
    for own in np.argsort(-free.max(axis=0), kind="stable"):
        axes[own] = int(np.argmax(free[:, own]))
        free[axes[own], :] = -1.0
    return tuple(axes), tuple(-1.0 if cosines[axis, own] < 0 else 1.0 for own, axis in enumerate(axes))
