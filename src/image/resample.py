"""Rotation of a grid's voxels about its centre: exact where the grid maps onto itself, else through SimpleITK.

Frame and sign: angles turn about the patient's axes (LPS) through `Geometry.center_mm`, as the
transform from output points to input points that SimpleITK's `Resample` takes, with +angle.
Three angles are applied as ITK's `Euler3DTransform` does by default: R = Rz · Rx · Ry.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .geometry import Geometry, Volume

LINEAR = "linear"
NEAREST = "nearest"
_INTERPOLATORS = {LINEAR: sitk.sitkLinear, NEAREST: sitk.sitkNearestNeighbor}

EXACT_TOLERANCE = 1e-6
"""Largest entry by which a rotation in index space may miss a signed permutation and still be one.

On a grid of 1000 voxels that is a thousandth of a voxel, far below what interpolation resolves.
"""

Angles = tuple[float, float, float]


def rotate(volume: Volume, angles_deg: Angles, interpolation: str, background: Any) -> NDArray[Any]:
    """Return a volume's voxels, rotated about its true centre, on its own grid.

    Parameters
    ----------
    volume
        ``(z, y, x)``, or a picture ``(y, x)`` or ``(y, x, c)``.
    angles_deg
        About x (sagittal plane), y (coronal) and z (axial). A picture turns about z alone.
    interpolation
        `LINEAR` for images: computed in floating point, rounded half to even, clipped to the type.
        `NEAREST` for labels.
    background
        Value of what comes from outside of the grid; one for all components, or one each.

    Returns
    -------
    array
        Of the shape and type of ``volume.array``.
    """
    matrix = rotation_matrix(angles_deg, volume.geometry.dimension)
    exact = grid_permutation(matrix, volume.geometry)
    if exact is not None:
        return _permuted(volume.array, *exact)
    array = volume.array
    if array.ndim > volume.geometry.dimension:
        values = np.broadcast_to(background, array.shape[-1])
        parts = [
            _resampled(Volume(np.ascontiguousarray(array[..., c]), volume.geometry), angles_deg, interpolation, v)
            for c, v in enumerate(values)
        ]
        return np.stack(parts, axis=-1)
    return _resampled(volume, angles_deg, interpolation, background)


def onto_grid(label: Volume, grid: Geometry, background: int = 0) -> NDArray[Any]:
    """Return the values of a label ``(z, y, x)`` at the voxels of another grid: of the nearest voxel each.

    Parameters
    ----------
    background
        Value of what lies outside of the label.
    """
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
    """Return the matrix that takes output points to input points, both relative to the centre, in LPS mm."""
    x, y, z = (math.radians(angle) for angle in angles_deg)
    about_z = np.array([[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1]])
    if dimension == 2:
        return about_z[:2, :2]
    about_x = np.array([[1, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]])
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    return np.asarray(about_z @ about_x @ about_y)


def grid_permutation(matrix: NDArray[np.float64], geometry: Geometry) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return how a rotation permutes the voxels of a grid, or None if it does not map the grid onto itself.

    Returns
    -------
    axes, signs
        Input axis *j* (in the order x, y, z) runs along output axis ``axes[j]``, backwards if
        ``signs[j]`` is -1.
    """
    spacing = np.array(geometry.spacing_mm)
    direction = geometry.direction_matrix
    # From output index to input index, about the centre.
    index_matrix = (direction.T @ matrix @ direction) * spacing / spacing[:, None]
    rounded = np.rint(index_matrix)
    if np.abs(index_matrix - rounded).max() > EXACT_TOLERANCE or not (np.abs(rounded).sum(axis=1) == 1).all():
        return None
    axes = tuple(int(k) for k in np.abs(rounded).argmax(axis=1))
    if any(geometry.size[j] != geometry.size[k] for j, k in enumerate(axes)):
        return None
    return axes, tuple(int(rounded[j, k]) for j, k in enumerate(axes))


def _permuted(array: NDArray[Any], axes: tuple[int, ...], signs: tuple[int, ...]) -> NDArray[Any]:
    """Move voxels without touching their values."""
    n = len(axes)
    order = list(range(array.ndim))
    flips = []
    for j, (k, sign) in enumerate(zip(axes, signs, strict=True)):
        order[n - 1 - k] = n - 1 - j  # array axes are the other way round
        if sign < 0:
            flips.append(n - 1 - k)
    moved = array.transpose(order)
    for axis in flips:
        moved = np.flip(moved, axis)
    return np.ascontiguousarray(moved)


def _resampled(volume: Volume, angles_deg: Angles, interpolation: str, background: Any) -> NDArray[Any]:
    """Resample one component through SimpleITK."""
    dtype = volume.array.dtype
    # Integers up to 16 bits are exact in float32, and a nearest neighbour needs no arithmetic at all.
    if interpolation == NEAREST:
        working = volume.array
    else:
        working = volume.array.astype(np.float64 if dtype.itemsize > 2 and dtype != np.float32 else np.float32)
    image = sitk.GetImageFromArray(working)
    image.SetSpacing(volume.geometry.spacing_mm)
    image.SetOrigin(volume.geometry.origin_mm)
    image.SetDirection(volume.geometry.direction)
    radians = [math.radians(angle) for angle in angles_deg]
    center = volume.geometry.center_mm
    if volume.geometry.dimension == 2:
        transform = sitk.Euler2DTransform(center, radians[2])
    else:
        transform = sitk.Euler3DTransform(center, *radians)
    moved = sitk.GetArrayFromImage(
        sitk.Resample(image, image, transform, _INTERPOLATORS[interpolation], float(background))
    )
    return moved if moved.dtype == dtype else saturated(moved, dtype)


def saturated(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return floating-point values as another type: rounded half to even and clipped, never wrapped."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    rounded = np.rint(values)
    clipped = np.clip(rounded, limits.min, limits.max, out=rounded)
    if dtype.itemsize >= 4 and values.dtype == np.float32:
        clipped = clipped.astype(np.float64)  # the limits of wide integers are no float32
        clipped = np.clip(clipped, limits.min, limits.max)
    narrow: NDArray[Any] = clipped.astype(dtype)
    return narrow
