"""Check whether two files of one case are on one grid: an image and its label, or two channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Cure, SegconvError
from .geometry import NEAR_GRID_VOXELS, SAME_GRID_VOXELS, Geometry

if TYPE_CHECKING:
    from .orientation import Reordering


IMAGE = "its image"
FIRST_CHANNEL = "the first channel"

SPACING_RTOL = 1e-6
"""nnU-Net refuses spacings of one case that differ by more than 1e-5 of their value (``np.allclose``)."""

SPACING_SAID_RTOL = 1e-3
"""Larger differences of spacing are named as such; smaller ones, if they matter, as origin or direction."""


def same_grid(grid: Geometry, reference: Geometry, whose: str) -> float:
    """Return the distance between two grids in voxels.

    Parameters
    ----------
    whose
        `IMAGE` or `FIRST_CHANNEL`: the owner of the other grid.

    Raises
    ------
    SegconvError
        ``SC082`` if they differ in size, ``SC083`` if they are more than `NEAR_GRID_VOXELS` apart.
    """
    if grid.size != reference.size:
        raise SegconvError(
            f"has the size {grid.size}, {whose} {reference.size}",
            code="SC082",
            **(_ADVICE_ON_CHANNEL if whose != IMAGE else _advice_on_size(grid, reference)),
        )
    apart = grid.displacement_voxels(reference)
    if apart > NEAR_GRID_VOXELS:
        raise SegconvError(
            f"differs from {whose} in {what_differs(grid, reference)}:"
            f" corners are {apart:.3g} voxels apart, at most {NEAR_GRID_VOXELS} is allowed",
            code="SC083",
            **(_ADVICE_ON_CHANNEL if whose != IMAGE else _advice_on_label(grid, reference)),
        )
    return apart


_ADVICE_ON_CHANNEL: dict[str, Any] = {
    "hint": "export all channels on one grid",
    "cures": (Cure.of("resample_channel"),),
}


def _advice_on_size(grid: Geometry, reference: Geometry) -> dict[str, Any]:
    """Return the advice on a label of another size: it may be of the same region in finer or coarser voxels."""
    coarsest = max(*grid.spacing_mm, *reference.spacing_mm)
    same = np.abs(grid.outer_corners - reference.outer_corners).max() <= coarsest / 2
    return {"hint": "give both files of one case", "cures": (Cure.of("resample"),) if same else ()}


def _advice_on_label(grid: Geometry, reference: Geometry) -> dict[str, Any]:
    resample = Cure.of("resample")
    if only_header_may_be_wrong(grid, reference):
        return {"cures": (Cure.of("label_takes_image_header"), resample)}
    return {"hint": "give the label its right header", "cures": (resample,)}


def what_differs(grid: Geometry, reference: Geometry) -> str:
    """Return in words which part of two grids of one size differs."""
    from .orientation import axis_codes, runs_alike

    if not np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=SPACING_SAID_RTOL):
        return "spacing"
    if runs_alike(grid, reference):
        return "origin or direction"
    return f"direction (axes run {axis_codes(grid)}, not {axis_codes(reference)})"


def only_header_may_be_wrong(grid: Geometry, reference: Geometry) -> bool:
    """Return whether only the header of a label may be wrong, with voxels stored like its image's.

    If its axes run differently from the image's, using the image's header would mirror it or swap axes, unless
    its own header is empty: axes of 1 mm from the origin, while the image has other spacings.
    """
    from .orientation import runs_alike

    if runs_alike(grid, reference):
        return True
    unset = (
        grid.spacing_mm == (1.0, 1.0, 1.0)
        and not any(grid.origin_mm)
        and bool((np.abs(grid.direction_matrix) == np.eye(3)).all())
    )
    return unset and not np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=SPACING_SAID_RTOL)


def other_order(grid: Geometry, reference: Geometry) -> Reordering | None:
    """Return the reordering from the voxels of a grid to those of another grid with the same points.

    Returns
    -------
    reordering
        None if the points differ or are already in that order.
    """
    from .orientation import same_points

    if grid.size == reference.size and grid.displacement_voxels(reference) <= NEAR_GRID_VOXELS:
        return None
    return same_points(grid, reference)


def order_of(grid: Geometry, reference: Geometry, whose: str) -> str:
    """Return in words, after the name of a file, that it has the points of another file in another order."""
    from .orientation import axis_codes

    return f"has the voxels of {whose} in another order ({axis_codes(grid)}, not {axis_codes(reference)})"


def difference(grid: Geometry, reference: Geometry, apart: float, whose: str) -> str:
    """Return in words, after the name of a file, how its grid differs from a close one; empty if it does not.

    Parameters
    ----------
    apart
        Result of `same_grid`; a difference above `SAME_GRID_VOXELS` is worth a warning.
    whose
        As in `same_grid`.
    """
    if apart > SAME_GRID_VOXELS:
        return f"was {apart:.3g} voxels off the grid of {whose}"
    if np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=SPACING_RTOL, atol=0):
        return ""
    return f"had a spacing that is rounded otherwise than that of {whose}"
