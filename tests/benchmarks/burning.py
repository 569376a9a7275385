"""Burn CPU time with workers of a kind: ``python -m tests.benchmarks.burning BACKEND ITEMS SECONDS``."""

from __future__ import annotations

import sys
import time

from segconv.work.parallel import each


def burn(seconds: float) -> None:
    """Keep this thread busy for so many seconds of CPU time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


if __name__ == "__main__":
    backend, items, seconds = sys.argv[1:]
    list(each(burn, [float(seconds)] * int(items), jobs=2, backend=backend))
