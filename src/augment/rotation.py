"""Rotate one volume in the fastest exact way.

Rotations that map voxels onto voxels move them; a compiled kernel rotates about one axis of the grid;
SimpleITK does all others. All ways follow the same rules, and agree within one grey value.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image.geometry import Geometry, Volume
from ..image.resample import (
    LINEAR,
    NEAREST,
    Permutation,
    about_image_axes,
    grid_permutation,
    grown_grid,
    index_matrix,
    permuted,
    resampled,
    resampled_slabs,
    room_for,
    rotation_matrix,
    saturated,
    without_ties,
)
from . import compiled
from .spec import IMAGE, Transform

STRAY_VOXELS = 2.5e-6
"""How far an axis that a rotation keeps may stray on a grid, in voxels, for the kernels to be used.

Headers hold float32, which turns straight axes by some 1e-8: this much on a grid of 512 voxels. Where
neighbours differ by 400 grey values, it changes a value by a thousandth, and one voxel in 1000 by rounding.
"""

KERNEL_TYPES = ("int8", "uint8", "int16", "uint16", "float32")
"""Types of voxels whose weighted means the kernels compute; they take nearest voxels of any type."""

THIN_VOXELS = 32
"""A volume with fewer slices along the axis that stays turns row by row: so many are laid next to each other in planes,
however few there are, which would take many times the room of the volume."""

MOVED, ROWS, PLANES, SIMPLEITK = "voxels moved", "kernel along rows", "kernel in planes", "SimpleITK"

SOFT_ONE = 1 << 14
"""Weight of a whole voxel in `turned_softly`, in 16 bits with room for rounding."""


@dataclass(frozen=True)
class Turn:
    """A planned rotation.

    Parameters
    ----------
    way
        `MOVED`, `ROWS`, `PLANES` or `SIMPLEITK`.
    matrix
        Maps output points to input points, relative to the centre, in LPS mm.
    geometry, grid
        Grids of input and output.
    fixed_axis
        For kernels: the axis ``0, 1, 2`` for x, y, z that stays fixed; 2 for pictures.
    exact
        For `MOVED`: see `grid_permutation`.
    """

    way: str
    matrix: NDArray[np.float64]
    geometry: Geometry
    grid: Geometry
    fixed_axis: int = 2
    exact: Permutation | None = None

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves at all."""
        n = self.geometry.dimension
        return self.exact == (tuple(range(n)), (1,) * n)

    def room_in(self, written: NDArray[Any] | None) -> NDArray[Any] | None:
        """Return the voxels of a written copy if they can be overwritten by this rotation, so that others are freed."""
        fits = written is not None and written.shape[: self.grid.dimension] == self.grid.array_shape
        return written if fits and self.way != SIMPLEITK else None


def plan_turn(geometry: Geometry, transform: Transform, *, expand: bool = False) -> Turn:
    """Choose the way to rotate volumes on a grid.

    Parameters
    ----------
    geometry
        The grid.
    transform
        The angles, and the axes that they rotate about.
    expand
        Whether the output grid grows so that nothing is cropped; otherwise it stays the same.
    """
    matrix = _matrix_of(transform, geometry)
    grid = grown_grid(matrix, geometry) if expand else geometry
    exact = grid_permutation(matrix, geometry, grid)
    if exact is not None:
        return Turn(MOVED, matrix, geometry, grid, exact=exact)
    axis = _fixed_axis(matrix, geometry)
    if axis is None or not compiled.available():
        return Turn(SIMPLEITK, matrix, geometry, grid)
    along_rows = axis == 0 or geometry.dimension == 2 or geometry.size[axis] < THIN_VOXELS
    return Turn(ROWS if along_rows else PLANES, matrix, geometry, grid, axis)


def voxel_in_copy(
    transform: Transform, geometry: Geometry, grid: Geometry, voxel: tuple[int, int, int]
) -> tuple[int, int, int]:
    """Return where a voxel of an original is in its copy; of a voxel that was cut off, the nearest one of the copy.

    Parameters
    ----------
    geometry, grid
        Of the original and of the copy, which have one centre.
    voxel
        Its index, x, y, z.
    """
    centre = np.array(geometry.center_mm)
    # The matrix goes from output to input.
    offset = np.linalg.inv(_matrix_of(transform, geometry)) @ (geometry.to_physical(voxel) - centre)
    index = np.linalg.inv(grid.affine_lps) @ np.append(centre + offset, 1.0)
    x, y, z = (int(n) for n in np.clip(np.rint(index[:3]), 0, np.array(grid.size) - 1))
    return x, y, z


def _matrix_of(transform: Transform, geometry: Geometry) -> NDArray[np.float64]:
    matrix = rotation_matrix(transform.angle_deg, geometry.dimension)
    return about_image_axes(matrix, geometry) if transform.frame == IMAGE else matrix


def turned(
    turn: Turn, array: NDArray[Any], interpolation: str, background: Any, room: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return an array rotated as planned.

    Parameters
    ----------
    array
        ``(z, y, x)``, ``(y, x)`` or ``(y, x, c)`` on ``turn.geometry``, in native byte order.
    interpolation
        `LINEAR` for images: computed in floating point, rounded half to even, clipped to the type.
        `NEAREST` for labels.
    background
        Value of voxels from outside the grid: one for all components, or one per component.
    room
        An array that may be overwritten and returned, if it fits.

    Returns
    -------
    array
        On ``turn.grid``; of the type of `array`. It may be `array` itself if nothing moves.
    """
    if turn.exact is not None:
        return array if turn.is_identity else permuted(array, turn.exact, room)
    if turn.way != SIMPLEITK and (interpolation == NEAREST or array.dtype.name in KERNEL_TYPES):
        with suppress(compiled.Unusable):
            return _by_kernel(turn, array, interpolation, background, room)
    return resampled(Volume(array, turn.geometry), turn.matrix, turn.grid, interpolation, background)


def _by_kernel(
    turn: Turn, array: NDArray[Any], interpolation: str, background: Any, room: NDArray[Any] | None
) -> NDArray[Any]:
    """Return an array rotated by a kernel; see `turned`.

    Raises
    ------
    Unusable
        If there are no kernels, as for a turn that another process planned, or if they cannot be compiled.
    """
    if not compiled.available():  # imports Numba, which takes a quarter of a second
        raise compiled.Unusable
    from . import kernels

    array = np.ascontiguousarray(array)
    is_picture = turn.geometry.dimension == 2
    out = room_for(turn.grid.array_shape + array.shape[turn.geometry.dimension :], array.dtype, room)
    if is_picture:
        order, source, target = (1, 0), array.reshape(*array.shape[:2], -1), out.reshape(*out.shape[:2], -1)
    else:
        # Array axes (a, b, c) with c the fixed one and b contiguous, unless c is.
        order = {0: (2, 1), 1: (2, 0), 2: (1, 0)}[turn.fixed_axis]
        axes = (*(2 - k for k in order), 2 - turn.fixed_axis)
        source, target = array.transpose(axes), out.transpose(axes)
    chosen = list(order)
    matrix = index_matrix(turn.matrix, turn.geometry)[np.ix_(chosen, chosen)]
    middle_in = (np.array(turn.geometry.size, dtype=np.float64)[chosen] - 1) / 2
    middle_out = (np.array(turn.grid.size, dtype=np.float64)[chosen] - 1) / 2
    fill = np.ascontiguousarray(np.broadcast_to(np.asarray(background), source.shape[2]).astype(array.dtype))
    by_way = {
        (LINEAR, ROWS): kernels.rows,
        (LINEAR, PLANES): kernels.planes,
        (NEAREST, ROWS): kernels.nearest_rows,
        (NEAREST, PLANES): kernels.nearest_planes,
    }
    kernels.run(by_way[interpolation, turn.way], source, target, matrix, middle_in - matrix @ middle_out, fill)
    return out


def turned_softly(turn: Turn, label: NDArray[Any], values: tuple[int, ...], background: int) -> NDArray[Any]:
    """Return a label rotated by class-wise linear interpolation: each voxel takes the class of largest weight.

    Parameters
    ----------
    label
        Whole numbers ``(z, y, x)`` or ``(y, x)``.
    values
        Values that occur. Among classes of equal weight the first wins.
    background
        Value of voxels from outside the grid.
    """
    if turn.exact is not None:
        return turned(turn, label, NEAREST, background)
    out = np.full(turn.grid.array_shape, background, label.dtype)
    classes = sorted({*values, background})
    # Weights take more memory than labels: only those of the best class are kept for a complete volume, if any.
    if turn.way == SIMPLEITK:
        best = np.full(out.shape, -1, np.int16)
        for value in classes:
            whole = Volume((label == value).view(np.uint8), turn.geometry)
            for slab, found in resampled_slabs(whole, turn.matrix, turn.grid, LINEAR, float(value == background)):
                weight = saturated(without_ties(found * SOFT_ONE), best.dtype)
                _take_the_heavier(out[slab], best[slab], weight, value)
        return out
    for slab, thin in _thin(turn):
        best = np.full(thin.grid.array_shape, -1, np.int16)
        for value in classes:
            whole_ones = np.multiply(label[slab] == value, SOFT_ONE, dtype=np.int16)
            weight = turned(thin, whole_ones, LINEAR, SOFT_ONE if value == background else 0)
            _take_the_heavier(out[slab], best, weight, value)
    return out


def _take_the_heavier(out: NDArray[Any], best: NDArray[np.int16], weight: NDArray[Any], value: int) -> None:
    np.copyto(out, out.dtype.type(value), where=weight > best)
    np.maximum(best, weight, out=best)


def _thin(turn: Turn) -> Iterator[tuple[tuple[slice, ...], Turn]]:
    """Yield slabs of a volume along the axis that a kernel keeps; each rotates on its own."""
    if turn.geometry.dimension == 2:
        yield (slice(None), slice(None)), turn
        return
    length = turn.geometry.size[turn.fixed_axis]
    for start in range(0, length, THIN_VOXELS):
        stop = min(start + THIN_VOXELS, length)
        slab = [slice(None)] * 3
        slab[2 - turn.fixed_axis] = slice(start, stop)
        thin = [_of_size(grid, turn.fixed_axis, stop - start) for grid in (turn.geometry, turn.grid)]
        yield tuple(slab), replace(turn, geometry=thin[0], grid=thin[1])


def _of_size(grid: Geometry, axis: int, size: int) -> Geometry:
    # The start of a slab does not matter: a kernel rotates about the middle of the other axes.
    return replace(grid, size=tuple(size if k == axis else n for k, n in enumerate(grid.size)))


@functools.cache
def load_kernels_ahead() -> None:
    """Load Numba and its compiled kernels in the background, once per process: it takes half a second."""
    threading.Thread(target=_turn_something_small, daemon=True).start()


def _turn_something_small() -> None:
    geometry = Geometry((3, 3, 3), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    turn = plan_turn(geometry, Transform((30.0, 0.0, 0.0)))
    turned(turn, np.zeros((3, 3, 3), np.uint8), NEAREST, 0)


def outside(turn: Turn) -> NDArray[np.bool_]:
    """Return which output voxels come from outside the input grid."""
    inside = np.ones(turn.geometry.array_shape, np.uint8)
    return np.asarray(turned(turn, inside, NEAREST, 0) == 0)


def _fixed_axis(matrix: NDArray[np.float64], geometry: Geometry) -> int | None:
    """Return the axis of the grid that a rotation keeps, 0 for x, or None if there is none."""
    if geometry.dimension == 2:
        return 2
    indices = index_matrix(matrix, geometry)
    half = np.array(geometry.size) / 2
    for axis in range(3):
        row, column = indices[axis].copy(), indices[:, axis].copy()
        row[axis] -= 1
        column[axis] = 0
        if max(np.abs(row) @ half, np.abs(column).max() * half[axis]) <= STRAY_VOXELS:
            return axis
    return None
