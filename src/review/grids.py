"""Whether the files of one case lie in one place: sizes, and of volumes spacing, origin and direction."""

from __future__ import annotations

import numpy as np

from ..errors import Finding, warning
from ..image.geometry import NEAR_GRID_VOXELS, SAME_GRID_VOXELS, Geometry
from ..image.picture import PictureHeader
from .opened import Header

NNUNET_RTOL = 1e-5
"""nnU-Net refuses spacings of one case that differ by more than this part (``np.allclose``)."""

SPACING_RTOL = 1e-3
"""A larger difference is called one of spacing; a smaller one, if it matters, one of origin or direction."""

FIRST_CHANNEL = "the first channel"
IMAGE = "its image"


def extent(header: Header) -> tuple[int, ...]:
    """Return the size, ``(x, y, z)``, or ``(x, y)`` of a picture of one page."""
    if not isinstance(header, PictureHeader):
        return header.geometry.size
    return (header.width, header.height) if header.pages == 1 else (header.width, header.height, header.pages)


def judge_place(name: str, header: Header, reference: Header, whose: str) -> list[Finding]:
    """Return what is wrong with where a file lies.

    Parameters
    ----------
    name
        The file.
    header, reference
        Its own, and that of the file it must go with.
    whose
        `IMAGE` or `FIRST_CHANNEL`: what that file is to it.
    """
    size, other = extent(header), extent(reference)
    if size != other:
        hint = "check that both are of one case; segconv repair resamples volumes"
        return [Finding("SC082", f"has the size {size}, {whose} {other}", file=name, hint=hint)]
    if isinstance(header, PictureHeader) or isinstance(reference, PictureHeader):
        return []
    return _judge_grid(name, header.geometry, reference.geometry, whose)


def _judge_grid(name: str, grid: Geometry, reference: Geometry, whose: str) -> list[Finding]:
    apart = grid.displacement_voxels(reference)
    if apart > NEAR_GRID_VOXELS:
        alike = np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=SPACING_RTOL)
        what = "origin or direction" if alike else "spacing"
        return [
            Finding(
                "SC083",
                f"differs from {whose} in {what}: corners lie {apart:.3g} voxels apart, at most {NEAR_GRID_VOXELS} may",
                file=name,
                hint="segconv repair, or segconv convert DATASET --to 43_New --label-header image",
            )
        ]
    if not np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=NNUNET_RTOL, atol=1e-8):
        return [
            Finding(
                "SC083",
                f"has the spacing {grid.spacing_mm} mm, {whose} {reference.spacing_mm}: as good as equal, but nnU-Net"
                " refuses it",
                file=name,
                hint="segconv convert DATASET --to 43_New gives both one header",
            )
        ]
    if apart > SAME_GRID_VOXELS:
        return [warning("SC083", f"lies {apart:.3g} voxels off the grid of {whose}", file=name)]
    return []
