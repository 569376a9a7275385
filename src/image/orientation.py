"""Volumes turned to a common order of axes, and back: voxels change places, none changes its value or its point.

The canonical order is RAS+, as nibabel and most tools have it: x grows to the right of the patient, y
to the front, z to the head; axes in between go to the one that they are nearest to.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from .geometry import SAME_GRID_VOXELS, Geometry, Volume

_RAS_IN_LPS = (-1.0, -1.0, 1.0)


def axis_codes(geometry: Geometry) -> str:
    """Return where the axes x, y, z of a grid point, such as ``"LPS"``."""
    axes, signs = _nearest(geometry)
    names = ("LR", "PA", "SI")
    return "".join(names[axis][0 if sign > 0 else 1] for axis, sign in zip(axes, signs, strict=True))


def canonical(volume: Volume) -> Volume:
    """Return a volume ``(z, y, x)`` in the canonical order of axes; the same object if it is in it already."""
    axes, signs = _nearest(volume.geometry)
    order = tuple(int(np.argmax(np.array(axes) == axis)) for axis in range(3))
    flips = tuple(signs[own] != _RAS_IN_LPS[axis] for axis, own in enumerate(order))
    if order == (0, 1, 2) and not any(flips):
        return volume
    return _turned(volume, order, flips)


def reoriented(volume: Volume, grid: Geometry) -> Volume:
    """Return a volume on a grid that has the same voxels in another order of axes.

    Raises
    ------
    SegconvError
        ``SC083`` if the voxels of the two grids are not the same points.
    """
    for order in itertools.permutations(range(3)):
        if tuple(volume.geometry.size[own] for own in order) != grid.size:
            continue
        for flips in itertools.product((False, True), repeat=3):
            turned = _geometry(volume.geometry, order, flips)
            if turned.displacement_voxels(grid) <= SAME_GRID_VOXELS:
                return Volume(_array(volume.array, order, flips), grid)
    raise SegconvError(
        f"its grid of size {volume.geometry.size} has other voxels than one of size {grid.size}", code="SC083"
    )


def _nearest(geometry: Geometry) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return which LPS axis each axis of a grid is nearest to, no two the same, and along it or against it.

    The axis that lies closest to one of the patient's is assigned first, then the next among those that are left,
    as nibabel's ``io_orientation`` does it: of oblique axes two may be nearest to the same.
    """
    # The nearest orthonormal matrix, so that a little shear decides nothing.
    left, _, right = np.linalg.svd(geometry.direction_matrix)
    cosines = left @ right
    free = np.abs(cosines)
    axes = [0] * geometry.dimension
    for own in np.argsort(-free.max(axis=0), kind="stable"):
        axes[own] = int(np.argmax(free[:, own]))
        free[axes[own], :] = -1.0
    return tuple(axes), tuple(-1.0 if cosines[axis, own] < 0 else 1.0 for own, axis in enumerate(axes))


def _turned(volume: Volume, order: tuple[int, ...], flips: tuple[bool, ...]) -> Volume:
    return Volume(_array(volume.array, order, flips), _geometry(volume.geometry, order, flips))


def _array(array: NDArray[np.generic], order: tuple[int, ...], flips: tuple[bool, ...]) -> NDArray[np.generic]:
    """Return ``(z, y, x)`` with axis *i* of the result along axis ``order[i]`` of the input, in the order x, y, z."""
    moved = array.transpose([2 - own for own in order[::-1]])
    for axis, flip in enumerate(flips):
        if flip:
            moved = np.flip(moved, 2 - axis)
    return np.ascontiguousarray(moved)


def _geometry(geometry: Geometry, order: tuple[int, ...], flips: tuple[bool, ...]) -> Geometry:
    corner = np.zeros(3)
    for axis, own in enumerate(order):
        if flips[axis]:
            corner[own] = geometry.size[own] - 1
    direction = geometry.direction_matrix[:, list(order)] * np.where(flips, -1.0, 1.0)
    return Geometry(
        tuple(geometry.size[own] for own in order),
        tuple(geometry.spacing_mm[own] for own in order),
        tuple(float(v) for v in geometry.to_physical(corner)),
        tuple(float(v) for v in direction.ravel()),
    )
