"""Whether two files of one case lie on one grid: an image and its label, or two channels."""

from __future__ import annotations

import numpy as np

from ..errors import SegconvError
from .geometry import NEAR_GRID_VOXELS, SAME_GRID_VOXELS, Geometry

IMAGE = "its image"
FIRST_CHANNEL = "the first channel"

SPACING_RTOL = 1e-6
"""nnU-Net refuses spacings of one case that differ by more than 1e-5 of their value (``np.allclose``)."""


def same_grid(grid: Geometry, reference: Geometry, whose: str) -> float:
    """Return how many voxels two grids lie apart.

    Parameters
    ----------
    whose
        `IMAGE` or `FIRST_CHANNEL`: whose grid the other one is.

    Raises
    ------
    SegconvError
        ``SC082`` if they differ in size, ``SC083`` if they lie more than `NEAR_GRID_VOXELS` apart.
    """
    if grid.size != reference.size:
        hint = "check that both are of one case" if whose == IMAGE else "export all channels on one grid"
        raise SegconvError(f"has the size {grid.size}, {whose} {reference.size}", code="SC082", hint=hint)
    apart = grid.displacement_voxels(reference)
    if apart > NEAR_GRID_VOXELS:
        what = "spacing" if not np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=1e-3) else "origin or direction"
        raise SegconvError(
            f"differs from {whose} in {what}: corners lie {apart:.3g} voxels apart, at most {NEAR_GRID_VOXELS} may",
            code="SC083",
            hint="--label-header image if only the header is wrong, --repair resample if the label lies where it says"
            if whose == IMAGE
            else "export all channels on one grid",
        )
    return apart


def difference(grid: Geometry, reference: Geometry, apart: float, whose: str) -> str:
    """Return how a grid differs from one near by, in words that follow the name of its file; empty if in nothing.

    Parameters
    ----------
    apart
        What `same_grid` returned; above `SAME_GRID_VOXELS` the difference is worth a warning.
    whose
        As in `same_grid`.
    """
    if apart > SAME_GRID_VOXELS:
        return f"was {apart:.3g} voxels off the grid of {whose}"
    if np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=SPACING_RTOL, atol=0):
        return ""
    return f"had a spacing that is rounded otherwise than that of {whose}"
