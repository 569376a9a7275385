"""Ignore warnings of libraries temporarily, independent of other threads."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Ignore warnings.

    The filters of `warnings` are global to the process: two threads that change and restore them
    would undo each other, so the second waits for the first.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
