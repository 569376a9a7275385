"""Surfaces of masks, and the distances between the surfaces of two masks.

There are two surfaces, as in the literature. Border voxels are the voxels of a mask with a face neighbour outside
of it; the 95th percentile Hausdorff distance is computed from these. Surface elements are the pieces of area by
which marching cubes separates the mask from the background; the surface Dice is computed from these, so that a
coarse spacing does not give one side of an organ more weight than another.

All functions take masks ``(z, y, x)`` or ``(y, x)`` and the spacing in the same order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Spacing = tuple[float, ...]


def closely_cropped(*masks: Mask) -> tuple[Mask, ...]:
    """Return masks of one shape, not all empty, cut to the box that holds them all, with a margin of one voxel.

    The margin is background, so a mask that touches the edge of the image has a surface there.
    """
    box = []
    for axis in range(masks[0].ndim):
        others = tuple(other for other in range(masks[0].ndim) if other != axis)
        at = np.flatnonzero(np.logical_or.reduce([mask.any(axis=others) for mask in masks]))
        box.append(slice(int(at[0]), int(at[-1]) + 1))
    return tuple(np.pad(mask[tuple(box)], 1) for mask in masks)


def border_voxels(mask: Mask) -> Mask:
    """Return the voxels of a mask with a face neighbour outside of it; beyond the array is outside."""
    from scipy import ndimage

    border: Mask = mask & ~ndimage.binary_erosion(mask)
    return border


def distances(surface: Mask, other: Mask, spacing: Spacing) -> NDArray[np.float64]:
    """Return the distance from each point of a surface to the nearest point of another one, in units of the spacing.

    Parameters
    ----------
    surface, other
        Points of both, of one shape; neither is empty.
    """
    from scipy import ndimage

    # Indices take a fifth of the memory of distances, which are only needed on the surface.
    nearest = ndimage.distance_transform_edt(~other, sampling=spacing, return_distances=False, return_indices=True)
    points = np.nonzero(surface)
    squares = np.zeros(len(points[0]))
    for axis, size in enumerate(spacing):
        squares += ((points[axis] - nearest[axis][points]) * size) ** 2
    return np.sqrt(squares)


def corner_codes(mask: Mask) -> NDArray[np.uint8]:
    """Return, for every corner between voxels, which of the voxels around it are in the mask, one bit each.

    The array is one shorter than the mask along each axis.
    """
    codes = np.zeros([length - 1 for length in mask.shape], dtype=np.uint8)
    for bit, offset in enumerate(_offsets(mask.ndim)):
        part = mask[tuple(slice(start, start + n) for start, n in zip(offset, codes.shape, strict=True))]
        codes[part] |= np.uint8(1 << bit)
    return codes


def is_surface(codes: NDArray[np.uint8], dimension: int) -> Mask:
    """Return whether a corner of `corner_codes` has voxels of both kinds around it."""
    surface: Mask = (codes != 0) & (codes != _all_inside(dimension))
    return surface


@lru_cache(maxsize=64)
def element_sizes(spacing: Spacing) -> NDArray[np.float64]:
    """Return the size of the surface element of every corner code: an area, or a length in two dimensions.

    Source: S. Nikolov et al., https://doi.org/10.2196/26151, whose elements are those of marching cubes
    (Lorensen 1987, https://doi.org/10.1145/37402.37422) between four or fewer voxels and the others.
    """
    size_of = _length if len(spacing) == 2 else _area
    full = _all_inside(len(spacing))
    sizes = np.zeros(full + 1)
    for code in range(1, full):
        few = code if 2 * code.bit_count() <= full.bit_length() else full - code
        sizes[code] = size_of(few, spacing)
    return sizes


def _length(code: int, spacing: Spacing) -> float:
    """Return the length of the line through the middles of the edges between voxels inside and outside."""
    inside = [offset for bit, offset in enumerate(_offsets(2)) if code >> bit & 1]
    diagonal = 0.5 * math.hypot(*spacing)
    if len(inside) == 1:
        return diagonal
    along = [axis for axis in range(2) if inside[0][axis] != inside[1][axis]]
    return spacing[along[0]] if len(along) == 1 else 2 * diagonal


def _area(code: int, spacing: Spacing) -> float:
    corners = _triangles(code) * np.array(spacing)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(across, axis=1).sum() / 2)


@lru_cache(maxsize=256)
def _triangles(code: int) -> NDArray[np.float64]:
    """Return the corners ``(triangle, corner, axis)`` of marching cubes between eight voxels at distance 1."""
    from skimage import measure

    cube = np.zeros((2, 2, 2))
    for bit, offset in enumerate(_offsets(3)):
        cube[offset] = code >> bit & 1
    points, faces, _, _ = measure.marching_cubes(cube, 0.5, method="lorensen")
    corners: NDArray[np.float64] = points.astype(np.float64)[faces]
    return corners


def _offsets(dimension: int) -> Iterator[tuple[int, ...]]:
    return itertools.product((0, 1), repeat=dimension)


def _all_inside(dimension: int) -> int:
    return (1 << (1 << dimension)) - 1


def percentile(values: Sequence[NDArray[np.float64]], share: float) -> float:
    """Return a percentile, 0 to 100, of several sets of values pooled, interpolated between neighbours."""
    return float(np.percentile(np.concatenate(values), share))
