"""Planning makes a million small objects without cycles, among which Python looks for cycles again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Put off looking for cycles until the block ends; not for blocks that decode files, whose readers make some."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # counts what was made as old, so that it is not looked through at once
        gc.enable()
