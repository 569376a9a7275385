"""Rotate the voxels of a grid about its centre: exactly if voxels map onto voxels, else through SimpleITK.

Frame and sign: angles are about the patient's axes (LPS) through `Geometry.center_mm`; +angle is the
transform from output points to input points, as in SimpleITK's `Resample`.
Three angles are applied as in ITK's `Euler3DTransform` by default: R = Rz · Rx · Ry.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry, Volume

LINEAR = "linear"
NEAREST = "nearest"

EXACT_TOLERANCE = 1e-6
"""Largest entry by which a rotation in index space may miss a signed permutation and still be one.

On a grid of 1000 voxels that is a thousandth of a voxel, far below what interpolation resolves.
"""

CUT_TOLERANCE_VOXELS = 1e-3
"""A grown grid may lack this much of a corner, so that rounding adds no layer of padding."""

SLAB_VOXELS = 1 << 19
"""Voxels that are resampled at a time in floating point."""

TIES = float(1 << 20)
"""Means closer than its inverse to a half count as one, so that not the last bit of 64 decides how they round."""

Angles = tuple[float, float, float]
Permutation = tuple[tuple[int, ...], tuple[int, ...]]


def onto_grid(label: Volume, grid: Geometry, background: int = 0) -> NDArray[Any]:
    """Return a label ``(z, y, x)`` resampled onto another grid by nearest neighbour.

    Parameters
    ----------
    background
        Value outside the label.
    """
    import SimpleITK as sitk  # takes a tenth of a second, and moving voxels does not need it

    image = sitk.GetImageFromArray(np.ascontiguousarray(label.array))
    reference = sitk.Image([int(n) for n in grid.size], sitk.sitkUInt8)
    for made, geometry in ((image, label.geometry), (reference, grid)):
        made.SetSpacing(geometry.spacing_mm)
        made.SetOrigin(geometry.origin_mm)
        made.SetDirection(geometry.direction)
    moved = sitk.Resample(
        image, reference, sitk.Transform(), sitk.sitkNearestNeighbor, float(background), image.GetPixelID()
    )
    array: NDArray[Any] = sitk.GetArrayFromImage(moved)
    return array


def rotation_matrix(angles_deg: Angles, dimension: int) -> NDArray[np.float64]:
    """Return the matrix from output points to input points, both relative to the centre, in LPS mm."""
    (cx, sx), (cy, sy), (cz, sz) = (_cosine_and_sine(angle) for angle in angles_deg)
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    if dimension == 2:
        return about_z[:2, :2]
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return np.asarray(about_z @ about_x @ about_y)


def _cosine_and_sine(angle_deg: float) -> tuple[float, float]:
    """Return both, without the error of 6e-17 from rounding π at quarter turns."""
    if angle_deg % 90 == 0:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(angle_deg // 90) % 4]
    return math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))


def about_image_axes(matrix: NDArray[np.float64], geometry: Geometry) -> NDArray[np.float64]:
    """Return the rotation in LPS about a grid's own axes that corresponds to `matrix` about x, y and z."""
    direction = geometry.direction_matrix
    return np.asarray(direction @ matrix @ direction.T)


def index_matrix(matrix: NDArray[np.float64], geometry: Geometry) -> NDArray[np.float64]:
    """Return a rotation from output index to input index ``(x, y[, z])``, both relative to the centre."""
    spacing = np.array(geometry.spacing_mm)
    direction = geometry.direction_matrix
    # The inverse, as in ITK: a direction is orthonormal only within a tolerance.
    return np.asarray((np.linalg.inv(direction) @ matrix @ direction) * spacing / spacing[:, None])


def grown_grid(matrix: NDArray[np.float64], geometry: Geometry) -> Geometry:
    """Return the smallest grid about the same centre that holds the complete rotated volume, outer voxels included."""
    reach = np.abs(np.linalg.inv(index_matrix(matrix, geometry))) @ (np.array(geometry.size) / 2)
    size = np.maximum(np.ceil(2 * (reach - CUT_TOLERANCE_VOXELS)), 1).astype(int)
    shift = (np.array(geometry.size) - size) / 2
    return Geometry(
        tuple(int(s) for s in size),
        geometry.spacing_mm,
        tuple(float(o) for o in geometry.to_physical(shift)),
        geometry.direction,
    )


def grid_permutation(
    matrix: NDArray[np.float64], geometry: Geometry, grid: Geometry | None = None
) -> Permutation | None:
    """Return how a rotation permutes the voxels of a grid; None if it does not map the grid onto the other.

    Parameters
    ----------
    geometry
        Grid of the input.
    grid
        Grid of the output, about the same centre; the same if None.

    Returns
    -------
    axes, signs
        Input axis *j* (in the order x, y, z) runs along output axis ``axes[j]``, backwards if
        ``signs[j]`` is -1.
    """
    size = (grid or geometry).size
    indices = index_matrix(matrix, geometry)
    rounded = np.rint(indices)
    if np.abs(indices - rounded).max() > EXACT_TOLERANCE or not (np.abs(rounded).sum(axis=1) == 1).all():
        return None
    axes = tuple(int(k) for k in np.abs(rounded).argmax(axis=1))
    if any(geometry.size[j] != size[k] for j, k in enumerate(axes)):
        return None
    return axes, tuple(int(rounded[j, k]) for j, k in enumerate(axes))


def permuted(array: NDArray[Any], exact: Permutation, room: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return an array with its voxels moved as `grid_permutation` says, their values unchanged.

    Parameters
    ----------
    room
        An array that is overwritten and returned if it fits.
    """
    axes, signs = exact
    n = len(axes)
    order = list(range(array.ndim))
    flips = []
    for j, (k, sign) in enumerate(zip(axes, signs, strict=True)):
        order[n - 1 - k] = n - 1 - j  # array axes are in reverse order
        if sign < 0:
            flips.append(n - 1 - k)
    moved = array.transpose(order)
    for axis in flips:
        moved = np.flip(moved, axis)
    out = room_for(moved.shape, moved.dtype, room)
    np.copyto(out, moved)
    return out


def room_for(shape: tuple[int, ...], dtype: np.dtype[Any], room: NDArray[Any] | None) -> NDArray[Any]:
    """Return `room` if it is a writable array of this shape and type, otherwise a new one.

    The system clears the memory of a new one, which takes as long as a fifth of compressing it.
    """
    if room is not None and room.flags.carray and room.shape == shape and room.dtype == dtype:
        return room
    return np.empty(shape, dtype)


def resampled(
    volume: Volume, matrix: NDArray[np.float64], grid: Geometry, interpolation: str, background: Any
) -> NDArray[Any]:
    """Return a volume rotated about its centre onto a grid, through SimpleITK.

    Parameters
    ----------
    volume
        ``(z, y, x)``, ``(y, x)`` or ``(y, x, c)``.
    matrix
        Maps output points to input points, relative to the centre of the volume, in LPS mm.
    grid
        Grid of the output.
    interpolation, background
        As in `rotate`.
    """
    array = volume.array
    if array.ndim > volume.geometry.dimension:
        values = np.broadcast_to(background, array.shape[-1])
        parts = [
            resampled(Volume(np.ascontiguousarray(array[..., c]), volume.geometry), matrix, grid, interpolation, v)
            for c, v in enumerate(values)
        ]
        return np.stack(parts, axis=-1)
    out = np.empty(grid.array_shape, array.dtype)
    for slab, found in resampled_slabs(volume, matrix, grid, interpolation, background):
        out[slab] = found if found.dtype == array.dtype else saturated(without_ties(found), array.dtype)
    return out


def resampled_slabs(
    volume: Volume, matrix: NDArray[np.float64], grid: Geometry, interpolation: str, background: float
) -> Iterator[tuple[tuple[slice, ...], NDArray[Any]]]:
    """Yield the parts of a rotated volume, ``(z, y, x)`` or ``(y, x)``, and their places; see `resampled`.

    Means are float64, or float32 for float32 voxels; a part is SimpleITK's memory, valid until the next.
    """
    import SimpleITK as sitk

    # SimpleITK's input has the voxels' own type. Its output is floating point, because it would
    # truncate; a nearest neighbour needs no arithmetic.
    image = sitk.GetImageFromArray(volume.array)
    image.SetSpacing(volume.geometry.spacing_mm)
    image.SetOrigin(volume.geometry.origin_mm)
    image.SetDirection(volume.geometry.direction)
    made = image.GetPixelID()
    if interpolation == LINEAR:
        made = sitk.sitkFloat32 if volume.array.dtype == np.float32 else sitk.sitkFloat64
    transform = sitk.AffineTransform(volume.geometry.dimension)
    transform.SetMatrix([float(v) for v in matrix.ravel()])
    transform.SetCenter(volume.geometry.center_mm)
    for slab in _slabs(grid):
        moved = sitk.Resample(
            image,
            [grid.size[0], *(part.stop - part.start for part in reversed(slab))],
            transform,
            sitk.sitkLinear if interpolation == LINEAR else sitk.sitkNearestNeighbor,
            [float(o) for o in grid.to_physical((0, *(part.start for part in reversed(slab))))],
            grid.spacing_mm,
            grid.direction,
            float(background),
            made,
        )
        yield slab, sitk.GetArrayViewFromImage(moved)


def without_ties(means: NDArray[Any]) -> NDArray[Any]:
    """Return means of whole numbers, with those within rounding error of a half set to it."""
    rounded: NDArray[Any] = means * TIES
    np.rint(rounded, out=rounded)
    rounded /= TIES
    return rounded


def _slabs(grid: Geometry) -> Iterator[tuple[slice, ...]]:
    """Yield parts of an array on a grid, ``(z, y)`` or ``(y,)``: some slices, or some rows of a slice, each."""
    lengths = grid.array_shape[:-1]
    rows = max(1, SLAB_VOXELS // grid.size[0])
    steps = (max(1, rows // lengths[-1]), rows)[-len(lengths) :]
    for starts in itertools.product(*(range(0, n, step) for n, step in zip(lengths, steps, strict=True))):
        yield tuple(slice(at, min(at + step, n)) for at, step, n in zip(starts, steps, lengths, strict=True))


def saturated(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert floating-point values to another type: rounded half to even and clipped, never wrapped."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    if dtype.itemsize >= 4 and values.dtype == np.float32:
        values = values.astype(np.float64)  # float32 cannot represent the limits of wide integers
    rounded = np.rint(values)
    clipped = np.clip(rounded, limits.min, limits.max, out=rounded)
    if dtype.itemsize == 8:
        # float64 cannot represent 2^63 - 1 either: values clipped to it would wrap on conversion.
        widest = np.full(clipped.shape, limits.max, dtype)
        np.copyto(widest, clipped, where=clipped < float(limits.max), casting="unsafe")
        return widest
    narrow: NDArray[Any] = clipped.astype(dtype)
    return narrow
