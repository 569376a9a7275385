"""Let the C library keep freed memory for the next file: the system clears every new page when it is first used."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""

LARGEST_KEPT = 32 << 20
"""Blocks of more bytes go back to the system at once; glibc allows no larger value."""

MOST_KEPT = 128 << 20
"""Free bytes at the end of a heap that go back to the system."""


def keep_freed_memory() -> None:
    """Keep blocks of up to `LARGEST_KEPT` bytes for this process; nothing changes where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, MOST_KEPT)
