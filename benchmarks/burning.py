"""Burn CPU time with workers of a kind: ``python -m benchmarks.burning BACKEND WORKERS ITEMS SECONDS``."""

from __future__ import annotations

import sys
import time

from segconv.work.parallel import each

KIB = 1024
"""About what is sent for a case, and what is returned."""


def burn(item: tuple[float, bytes]) -> bytes:
    """Keep this thread busy for some seconds of CPU time; return as many bytes as came with them."""
    seconds, sent = item
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return sent[::-1]  # a new object, so that pickling does not just name the old one


if __name__ == "__main__":
    backend, workers, items, seconds = sys.argv[1:]
    burnt = ((float(seconds), number.to_bytes(KIB)) for number in range(int(items)))
    for _ in each(burn, burnt, jobs=int(workers), backend=backend, number=int(items)):
        pass
