"""Check that the files of one case are on one grid: their sizes, and for volumes spacing, origin and direction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...errors import Cure, Finding, warning
from ...image.geometry import NEAR_GRID_VOXELS, SAME_GRID_VOXELS, Geometry
from ...image.grids import FIRST_CHANNEL as FIRST_CHANNEL
from ...image.grids import IMAGE as IMAGE
from ...image.grids import only_header_may_be_wrong, order_of, other_order, what_differs
from ...image.opened import Header

NNUNET_RTOL = 1e-5
"""nnU-Net refuses spacings of one case that differ by more than this fraction (``np.allclose``)."""


def judge_place(name: str, header: Header, reference: Header, whose: str) -> Iterator[Finding]:
    """Yield the findings on the grid of a file.

    Parameters
    ----------
    name, header
        The file.
    reference
        The header of the file that it must match.
    whose
        `IMAGE` or `FIRST_CHANNEL`: the role of the reference.
    """
    grid, other = header.geometry, reference.geometry
    placed = header.placed and reference.placed
    if placed and other_order(grid, other) is not None:
        message = f"{order_of(grid, other, whose)}; nnU-Net takes both in the order in which they are stored"
        yield Finding("SC083", message, file=name, cures=(Cure.of("rewrite"),))
    elif grid.size != other.size:
        message, hint = f"has the size {grid.size}, {whose} {other.size}", "give both files of one case"
        yield Finding("SC082", message, file=name, hint=hint, cures=(Cure.of("repair_by_resampling"),))
    elif placed:
        yield from _judge_grid(name, grid, other, whose)


def _judge_grid(name: str, grid: Geometry, reference: Geometry, whose: str) -> Iterator[Finding]:
    apart = grid.displacement_voxels(reference)
    if apart > NEAR_GRID_VOXELS:
        header = whose == IMAGE and only_header_may_be_wrong(grid, reference)
        kinds = ("repair_by_resampling", *(("repair_header",) if header else ()))
        yield Finding(
            "SC083",
            f"differs from {whose} in {what_differs(grid, reference)}:"
            f" corners are {apart:.3g} voxels apart, expected at most {NEAR_GRID_VOXELS}",
            file=name,
            cures=tuple(map(Cure.of, kinds)),
        )
    elif not np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=NNUNET_RTOL, atol=1e-8):
        yield Finding(
            "SC083",
            f"has the spacing {grid.spacing_mm} mm, {whose} {reference.spacing_mm}: practically equal, but"
            " nnU-Net refuses that",
            file=name,
            cures=(Cure.of("rewrite"),),
        )
    elif apart > SAME_GRID_VOXELS:
        yield warning("SC083", f"is {apart:.3g} voxels off the grid of {whose}", file=name)
