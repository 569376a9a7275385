"""Warnings of libraries, ignored or raised for a moment, whatever other threads do meanwhile."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

_LOCK = threading.Lock()


@contextmanager
def warnings_as(action: Literal["ignore", "error"]) -> Iterator[None]:
    """Ignore warnings, or raise them as errors.

    The filters of `warnings` belong to the whole process: two threads that change and restore them
    would undo one another, so that the second waits for the first.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter(action)
        yield
