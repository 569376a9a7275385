"""Check for named semaphores, which processes need: there are none if shared memory is full or missing."""

from __future__ import annotations

import os
from typing import Any

OF_POOL = 16
OF_WORKER = 2
"""How many a pool of processes takes, and each of its workers; loky's own numbers are lower."""


def why_there_are_none(jobs: int) -> str | None:
    """Return why there are no semaphores for this number of worker processes; None if there are."""
    held: list[Any] = []
    try:
        from _multiprocessing import SemLock  # type: ignore[import-not-found, unused-ignore]

        for _ in range(OF_POOL + OF_WORKER * jobs):
            name = f"/segconv-{os.getpid()}-{os.urandom(4).hex()}"
            held.append(SemLock(0, 1, 1, name, True))  # its name is gone at once
    except ImportError as error:  # a system without them
        return str(error)
    except OSError as error:
        return f"{error.strerror}: shared memory (/dev/shm) is full or absent"
    return None
