"""How many connected pieces the values of a label make up, and where each value lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def count_pieces(values: NDArray[Any], left_out: int = 0) -> int:
    """Return the number of pieces of one value each that hang together, over corners too; 0 and `left_out` count not.

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
    """Where a value of a label lies.

    Parameters
    ----------
    pieces
        Connected over corners.
    size
        Voxels.
    filled
        Part of its bounding box that it takes.
    centre
        Along each axis of the array, from 0 to 1.
    first
        Places among all voxels of its first one, as rows and as columns follow one another.
    """

    pieces: int
    size: int
    filled: float
    centre: tuple[float, ...]
    first: tuple[int, int]


def extents(values: NDArray[Any], left_out: int = 0) -> dict[int, Extent]:
    """Return value → where it lies; 0 and `left_out` are no values.

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
