"""Count the connected pieces of a label's values, and locate each value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def count_pieces(values: NDArray[Any], left_out: int = 0) -> int:
    """Return the number of connected pieces of equal value, corners included, without 0 and `left_out`.

    Parameters
    ----------
    values
        ``(y, x)`` or ``(z, y, x)``, whole numbers.
    """
    from skimage import measure

    drawn = (values != 0) & (values != left_out)
    if not drawn.any():
        return 0
    where = tuple(slice(at.min(), at.max() + 1) for at in np.nonzero(drawn))
    part = np.where(drawn[where], values[where], 0).astype(np.int64)
    return int(measure.label(part, background=0, return_num=True, connectivity=part.ndim)[1])


@dataclass(frozen=True)
class Extent:
    """The extent of a value in a label.

    Parameters
    ----------
    pieces
        Number of connected components, corners included.
    size
        Number of voxels.
    filled
        Fraction of its bounding box that it fills.
    centre
        Along each axis of the array, from 0 to 1.
    first
        Index of its first voxel, in C order and in Fortran order.
    """

    pieces: int
    size: int
    filled: float
    centre: tuple[float, ...]
    first: tuple[int, int]


def extents(values: NDArray[Any], left_out: int = 0) -> dict[int, Extent]:
    """Return value → its extent, for all values but 0 and `left_out`.

    Parameters
    ----------
    values
        ``(y, x)`` or ``(z, y, x)``, whole numbers.
    """
    from skimage import measure

    found = {}
    for value in np.unique(values):
        if value in (0, left_out):
            continue
        at = np.nonzero(values == value)
        box = tuple(slice(one.min(), one.max() + 1) for one in at)
        own = values[box] == value
        found[int(value)] = Extent(
            int(measure.label(own, return_num=True, connectivity=own.ndim)[1]),
            len(at[0]),
            len(at[0]) / own.size,
            tuple(float(one.mean()) / length for one, length in zip(at, values.shape, strict=True)),
            (
                int(np.ravel_multi_index(at, values.shape).min()),
                int(np.ravel_multi_index(at, values.shape, order="F").min()),
            ),
        )
    return found
