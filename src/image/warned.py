"""Warnings of libraries, ignored for a moment, whatever other threads do meanwhile."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Ignore warnings.

    The filters of `warnings` belong to the whole process: two threads that change and restore them
    would undo one another, so that the second waits for the first.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
