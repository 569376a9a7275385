"""Place a grid of voxels in the patient; only this module converts between frames and axis orders.

Conventions
-----------
* Physical points are millimetres in **LPS** (+x to the patient's left, +y to posterior, +z to
  superior), as in ITK and DICOM. NIfTI's **RAS** differs by the sign of x and y; only
  `Geometry.from_affine_ras` and `Geometry.affine_ras` convert.
* ``size``, ``spacing_mm`` and ``origin_mm`` are ordered ``(x, y, z)``; arrays are ordered
  ``(z, y, x)``, or ``(y, x)`` for pictures. Only `Geometry.array_shape` converts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Cure, SegconvError
from .read_options import ReadOptions

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Turns homogeneous LPS coordinates into RAS, and back: it is its own inverse."""

ORTHONORMAL_TOLERANCE = 1e-4
"""Largest entry of ``DᵀD - 1`` of a direction that still counts as orthonormal.

Headers store float32, which leaves errors near 1e-6; ITK refuses determinants near 0 only, and
SimpleITK's writers accept 1e-4.
"""

MOST_SHEARED = 0.5
"""Axes whose directions have a singular value below this are nearly parallel, and no rotation is near."""

SAME_GRID_VOXELS = 0.01
"""Largest displacement of a corner, in voxels of the smallest spacing, of grids that count as equal."""

NEAR_GRID_VOXELS = 0.1
"""Largest displacement, in the same unit, of grids that count as equal after a warning."""


def grid_of(
    size: tuple[int, ...],
    spacing_mm: tuple[float, ...],
    origin_mm: tuple[float, ...],
    direction: NDArray[np.float64],
    oddities: list[tuple[str, str]],
    how: ReadOptions,
) -> Geometry:
    """Return the grid in a header, with the nearest rotation of its axes if the options ask for it.

    Parameters
    ----------
    direction
        Matrix whose columns are the LPS directions of the axes, of length 1.
    oddities
        Extended by how far the corners moved, if they did.

    Raises
    ------
    SegconvError
        What `Geometry` raises.
    """

    def grid(matrix: NDArray[np.float64]) -> Geometry:
        return Geometry(size, spacing_mm, origin_mm, tuple(float(v) for v in matrix.ravel()))

    error = np.abs(direction.T @ direction - np.eye(len(direction))).max()
    if not how.square_axes or not np.isfinite(error) or error <= ORTHONORMAL_TOLERANCE:
        return grid(direction)
    # The nearest rotation (or reflection) in the least-squares sense is U Vᵀ of the
    # singular value decomposition (Higham 1986, https://doi.org/10.1137/0907079).
    left, values, right = np.linalg.svd(direction)
    if values.min() < MOST_SHEARED:
        return grid(direction)
    nearest = replace(grid(left @ right), sheared=tuple(float(v) for v in direction.ravel()))
    moved = moved_mm(size, spacing_mm, direction - left @ right)
    off = f"its axes were off right angles by {error:.2g}"
    oddities.append(("SC093", f"{off}; the nearest rotation moves corners by up to {moved:.3g} mm"))
    return nearest


def moved_mm(size: Sequence[int], spacing_mm: Sequence[float], change: NDArray[np.float64]) -> float:
    """Return the largest distance that a corner of a grid moves for a given change of its directions."""
    corners = np.array(list(itertools.product(*((0, s - 1) for s in size))), dtype=np.float64)
    return float(np.linalg.norm(corners * np.array(spacing_mm) @ change.T, axis=1).max())


def shear_in_words(size: Sequence[int], axes: NDArray[np.float64]) -> str:
    """Return in words how far the nearest rotation of axes moves the corners of a grid; empty if none is near.

    Parameters
    ----------
    axes
        Matrix whose columns are the axes, as long as a voxel in mm.
    """
    found = _near_rotation(axes)
    if found is None:
        return ""
    lengths, change = found
    moved = moved_mm(size, lengths.tolist(), change)
    return f"; the nearest rotation moves corners by up to {moved:.3g} mm"


def sheared_error(message: str, axes: NDArray[np.float64]) -> SegconvError:
    """Return the error (``SC057``) for axes that are not at right angles, with a repair if a rotation is near.

    Parameters
    ----------
    axes
        Matrix whose columns are the axes, of any length.
    """
    if _near_rotation(axes) is not None:
        return SegconvError(message, code="SC057", cures=[Cure.of("square_axes")])
    return SegconvError(message, code="SC057", hint="export the file again: no rotation is near to its axes")


def _near_rotation(axes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the lengths of axes, and the change of direction to the nearest rotation; None if none is near."""
    lengths = np.linalg.norm(axes, axis=0)
    if not (np.isfinite(axes).all() and (lengths > 0).all()):
        return None
    left, values, right = np.linalg.svd(axes / lengths)
    return (lengths, axes / lengths - left @ right) if values.min() >= MOST_SHEARED else None


@dataclass(frozen=True)
class Geometry:
    """A regular grid in patient space, valid once it exists.

    Parameters
    ----------
    size
        Number of voxels, ``(x, y, z)`` or ``(x, y)``.
    spacing_mm
        Distance between neighbouring voxel centres along each axis, > 0.
    origin_mm
        Centre of voxel ``(0, 0, 0)`` in LPS.
    direction
        Direction cosines, row-major; column *j* is the LPS direction of axis *j*. Orthonormal
        within `ORTHONORMAL_TOLERANCE`.
    sheared
        The direction in the file if it is not orthonormal, so that `direction` is the nearest rotation;
        otherwise empty. Ignored when grids are compared.

    Raises
    ------
    SegconvError
        ``SC057`` if a number is not finite, a spacing is not positive, or the direction is not
        orthonormal.
    """

    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]
    sheared: tuple[float, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        n = len(self.size)
        lengths = (len(self.spacing_mm), len(self.origin_mm), len(self.direction))
        if n not in (2, 3) or lengths != (n, n, n * n) or len(self.sheared) not in (0, n * n):
            raise SegconvError(f"size {self.size} does not go with its spacing, origin and direction", code="SC057")
        if any(s < 1 for s in self.size):
            raise SegconvError(f"size {self.size} has an axis without voxels", code="SC053")
        if not all(map(math.isfinite, (*self.spacing_mm, *self.origin_mm, *self.direction, *self.sheared))):
            raise SegconvError("spacing, origin or direction is not finite", code="SC057")
        if any(s <= 0 for s in self.spacing_mm):
            raise SegconvError(f"spacing {self.spacing_mm} mm is not positive", code="SC057")
        error = self.orthonormality_error
        if error > ORTHONORMAL_TOLERANCE:
            off = f"off by {error:.2g}, at most {ORTHONORMAL_TOLERANCE:g}"
            moved = shear_in_words(self.size, self.direction_matrix * np.array(self.spacing_mm))
            raise sheared_error(f"axes are not at right angles ({off}){moved}", self.direction_matrix)

    @classmethod
    def plain(cls, size: Sequence[int], spacing_mm: Sequence[float] | None = None) -> Geometry:
        """Return a grid at the origin, along the axes, with a spacing of 1 mm unless given."""
        spacing = (1.0,) * len(size) if spacing_mm is None else tuple(float(s) for s in spacing_mm)
        return _plain(tuple(int(s) for s in size), spacing)

    @classmethod
    def from_affine_ras(cls, affine: NDArray[Any], size: Sequence[int]) -> Geometry:
        """Return the grid of a NIfTI affine (4×4, voxel index ``(i, j, k)`` to RAS mm)."""
        with np.errstate(invalid="ignore"):
            lps = RAS_FROM_LPS @ np.asarray(affine, dtype=np.float64)
            spacing = np.sqrt((lps[:3, :3] ** 2).sum(axis=0))
            if not (np.isfinite(lps).all() and (spacing > 0).all()):
                raise SegconvError("the affine has an axis of length zero or numbers that are not finite", code="SC057")
            direction = lps[:3, :3] / spacing
        return cls(
            tuple(int(s) for s in size),
            tuple(float(s) for s in spacing),
            tuple(float(v) for v in lps[:3, 3]),
            tuple(float(v) for v in direction.ravel()),
        )

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.size)

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of an array on this grid: ``(z, y, x)`` or ``(y, x)``."""
        return self.size[::-1]

    @property
    def direction_matrix(self) -> NDArray[np.float64]:
        """Direction cosines as a matrix; columns are the axes, in LPS."""
        return np.array(self.direction, dtype=np.float64).reshape(self.dimension, self.dimension)

    @property
    def sheared_matrix(self) -> NDArray[np.float64] | None:
        """`sheared` as a matrix like `direction_matrix`; None if empty."""
        n = self.dimension
        return np.array(self.sheared, dtype=np.float64).reshape(n, n) if self.sheared else None

    @property
    def orthonormality_error(self) -> float:
        """Largest entry of ``|DᵀD - 1|``, 0 for a perfect rotation or reflection."""
        matrix = self.direction_matrix
        return float(np.abs(matrix.T @ matrix - np.eye(self.dimension)).max())

    @property
    def affine_lps(self) -> NDArray[np.float64]:
        """Voxel index ``(x, y[, z], 1)`` to LPS mm, homogeneous."""
        n = self.dimension
        affine = np.eye(n + 1)
        affine[:n, :n] = self.direction_matrix * np.array(self.spacing_mm)
        affine[:n, n] = self.origin_mm
        return affine

    @property
    def affine_ras(self) -> NDArray[np.float64]:
        """NIfTI's affine: voxel index ``(i, j, k, 1)`` to RAS mm. Only for three dimensions."""
        return np.asarray(RAS_FROM_LPS @ self.affine_lps)

    @property
    def center_mm(self) -> tuple[float, ...]:
        """The true centre, at index ``(size - 1) / 2``, in LPS mm."""
        return tuple(float(v) for v in self.to_physical((np.array(self.size) - 1) / 2))

    def to_physical(self, index: Any) -> NDArray[np.float64]:
        """Return LPS points for indices ``(…, x y z)``; both have the coordinate last."""
        n = self.dimension
        affine = self.affine_lps
        return np.asarray(np.asarray(index, dtype=np.float64) @ affine[:n, :n].T + affine[:n, n])

    def displacement_voxels(self, other: Geometry) -> float:
        """Return the largest distance between corresponding corners of two grids of the same size.

        The unit is voxels of the smallest spacing of both grids, so that the tolerance means the
        same for a CT and for an electron micrograph.
        """
        corners = np.array(list(itertools.product(*((0, s - 1) for s in self.size))), dtype=np.float64)
        apart = np.linalg.norm(self.to_physical(corners) - other.to_physical(corners), axis=1).max()
        return float(apart / min(*self.spacing_mm, *other.spacing_mm))

    @property
    def outer_corners(self) -> NDArray[np.float64]:
        """The corners of the region that the voxels fill, in mm: half a voxel beyond the centres of the last ones."""
        ends = np.array(list(itertools.product(*((-0.5, s - 0.5) for s in self.size))), dtype=np.float64)
        return self.to_physical(ends)

    @property
    def diagonal_voxels(self) -> float:
        """Distance between opposite corners, in voxels of the smallest spacing."""
        extent = (np.array(self.size) - 1) * np.array(self.spacing_mm)
        return float(np.linalg.norm(extent) / min(self.spacing_mm))

    def as_json(self) -> dict[str, list[float]]:
        """Return the grid as JSON-able numbers, as recorded in the lineage."""
        return {
            "size": list(self.size),
            "spacing_mm": list(self.spacing_mm),
            "origin_lps_mm": list(self.origin_mm),
            "direction_lps": list(self.direction),
            **({"sheared_lps": list(self.sheared)} if self.sheared else {}),
        }

    @classmethod
    def from_json(cls, numbers: dict[str, list[float]]) -> Geometry:
        """Return the grid that `as_json` wrote."""
        return cls(
            tuple(int(s) for s in numbers["size"]),
            tuple(float(v) for v in numbers["spacing_mm"]),
            tuple(float(v) for v in numbers["origin_lps_mm"]),
            tuple(float(v) for v in numbers["direction_lps"]),
            tuple(float(v) for v in numbers.get("sheared_lps", ())),
        )


@lru_cache(maxsize=1 << 6)
def _plain(size: tuple[int, ...], spacing_mm: tuple[float, ...]) -> Geometry:
    """Return the grid of `Geometry.plain`, which the pictures of a set share."""
    n = len(size)
    return Geometry(size, spacing_mm, (0.0,) * n, tuple(float(v) for v in np.eye(n).ravel()))


@dataclass(frozen=True)
class Volume:
    """Voxels on a grid.

    Parameters
    ----------
    array
        Shape ``geometry.array_shape``, that is, ``(z, y, x)`` or ``(y, x)``, plus a last axis of
        components for colour pictures, as in SimpleITK's vector images.
    geometry
        The grid.
    """

    array: NDArray[Any]
    geometry: Geometry

    def __post_init__(self) -> None:
        shape = self.geometry.array_shape
        if self.array.shape[: len(shape)] != shape or self.array.ndim - len(shape) not in (0, 1):
            raise ValueError(f"array of shape {self.array.shape} is not on a grid of shape {shape}")

    @property
    def components(self) -> int:
        """Number of values per voxel: 1, or the length of the last axis of a colour picture."""
        return self.array.shape[-1] if self.array.ndim > self.geometry.dimension else 1
