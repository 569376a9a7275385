"""How many connected pieces the values of a label make up."""

from __future__ import annotations

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
