"""Memory for large decoded files, used again once nothing refers to it: the system clears every page of new memory."""

from __future__ import annotations

import sys
import threading

import numpy as np
from numpy.typing import NDArray

SMALLEST_KEPT, LARGEST_KEPT = 1 << 20, 128 << 20
"""Sizes in bytes that are kept, one for each thread: the C library takes care of less, and more goes back at once."""

_UNUSED = 3
"""References to memory that is only kept: of the thread, of the function that asks, and of the question itself."""

_of_thread = threading.local()


def room_for(nbytes: int) -> NDArray[np.uint8]:
    """Return memory of this size, with any content.

    An earlier result of the same thread is returned again if there is no array, view or buffer of it any more.
    """
    if not SMALLEST_KEPT <= nbytes <= LARGEST_KEPT:
        return np.empty(nbytes, np.uint8)
    kept: NDArray[np.uint8] | None = getattr(_of_thread, "kept", None)
    if kept is not None and sys.getrefcount(kept) > _UNUSED:
        return np.empty(nbytes, np.uint8)
    if kept is None or kept.size < nbytes:
        del kept
        _of_thread.kept = None  # goes back before more is asked for
        _of_thread.kept = kept = np.empty(nbytes, np.uint8)
    return kept[:nbytes]
