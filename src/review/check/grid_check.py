"""Whether the files of one case lie in one place: sizes, and of volumes spacing, origin and direction."""

from __future__ import annotations

import numpy as np

from ...errors import Finding, warning
from ...image.geometry import NEAR_GRID_VOXELS, SAME_GRID_VOXELS, Geometry
from ...image.grids import FIRST_CHANNEL as FIRST_CHANNEL
from ...image.grids import IMAGE as IMAGE
from ...image.grids import only_header_may_be_wrong, order_of, other_order, what_differs
from ...image.opened import Header

NNUNET_RTOL = 1e-5
"""nnU-Net refuses spacings of one case that differ by more than this part (``np.allclose``)."""


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
    grid, other = header.geometry, reference.geometry
    if not (header.placed and reference.placed):
        return _judge_size(name, grid.size, other.size, whose)
    if other_order(grid, other) is not None:
        told = f"{order_of(grid, other, whose)}; nnU-Net takes both in the order in which they are stored"
        hint = "segconv convert DATASET --to 43_New brings them into one order"
        return [Finding("SC083", told, file=name, hint=hint)]
    return _judge_size(name, grid.size, other.size, whose) or _judge_grid(name, grid, other, whose)


def _judge_size(name: str, size: tuple[int, ...], other: tuple[int, ...], whose: str) -> list[Finding]:
    if size == other:
        return []
    hint = "check that both are of one case; segconv repair DATASET --to 43_New --repair resample, for volumes"
    return [Finding("SC082", f"has the size {size}, {whose} {other}", file=name, hint=hint)]


def _judge_grid(name: str, grid: Geometry, reference: Geometry, whose: str) -> list[Finding]:
    apart = grid.displacement_voxels(reference)
    if apart > NEAR_GRID_VOXELS:
        resample = "segconv repair DATASET --to 43_New --repair resample if it lies where its header says"
        header = whose == IMAGE and only_header_may_be_wrong(grid, reference)
        return [
            Finding(
                "SC083",
                f"differs from {whose} in {what_differs(grid, reference)}:"
                f" corners lie {apart:.3g} voxels apart, at most {NEAR_GRID_VOXELS} may",
                file=name,
                hint=f"{resample}, --repair header instead if only its header is wrong" if header else resample,
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
