"""Memory for large decoded files, used again once nothing refers to it: the system clears every page of new memory."""

from __future__ import annotations

import sys
import threading

import numpy as np
from numpy.typing import NDArray

SMALLEST_KEPT, LARGEST_KEPT = 1 << 20, 128 << 20
"""Sizes in bytes that are kept, one for each thread: the C library takes care of less, and more goes back at once."""

_of_thread = threading.local()


def room_for(nbytes: int) -> NDArray[np.uint8]:
    """Return memory of this size, with any content.

    An earlier result of the same thread is returned again if there is no array, view or buffer of it any more.
    """
    if not SMALLEST_KEPT <= nbytes <= LARGEST_KEPT:
        return np.empty(nbytes, np.uint8)
    if not hasattr(_of_thread, "kept"):
        _keep(nbytes)
    elif _references() > _of_thread.unused:
        return np.empty(nbytes, np.uint8)
    elif _of_thread.kept.size < nbytes:
        del _of_thread.kept  # goes back before more is asked for
        _keep(nbytes)
    room: NDArray[np.uint8] = _of_thread.kept[:nbytes]
    return room


def _keep(nbytes: int) -> None:
    _of_thread.kept = np.empty(nbytes, np.uint8)
    _of_thread.unused = _references()  # versions of Python differ in how many a call adds


def _references() -> int:
    """Return how many references there are to the memory of this thread."""
    return sys.getrefcount(_of_thread.kept)
