"""Trace the outlines of a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HALF = 0.5
"""Between outside, 0, and inside, 1: the level of the outline."""


@dataclass(frozen=True)
class Outline:
    """A closed line around a part of a mask, or around a hole in it.

    Parameters
    ----------
    points
        ``(n, 2)``: x, the column, and y, the row, of its points; pixel centres are at whole numbers.
    """

    points: NDArray[np.float64]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        width, height = np.ptp(self.points, axis=0)
        return float(width), float(height)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of width and height, x and y."""
        x, y = (self.points.min(axis=0) + self.points.max(axis=0)) / 2
        return float(x), float(y)


def outlines_of(mask: NDArray[np.bool_]) -> list[Outline]:
    """Return the outlines of a mask ``(row, column)``, those of parts at its edge as well.

    The method is marching squares (Lorensen and Cline 1987, https://doi.org/10.1145/37402.37422), as scikit-image
    has it.
    """
    from skimage.measure import find_contours

    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return []
    # Only the box around the mask: a case may have a hundred labels. The margin closes lines at its edge.
    box = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    corner = np.array([columns[0] - 1, rows[0] - 1])
    return [Outline(line[:, ::-1] + corner) for line in find_contours(box.astype(np.float64), _HALF)]
