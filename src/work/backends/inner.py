"""Limit threads within a worker: workers on one machine share its cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

ITK_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"
"""Environment variable with the number of threads of SimpleITK."""


def inner_threads(jobs: int) -> int:
    """Return the number of threads per worker."""
    return max(1, (os.cpu_count() or 1) // jobs)


@contextmanager
def pinned(jobs: int) -> Iterator[None]:
    """Limit every worker of this run to its share of SimpleITK's threads."""
    before = os.environ.get(ITK_THREADS)
    os.environ[ITK_THREADS] = str(inner_threads(jobs))  # inherited by processes
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(ITK_THREADS, None)
        else:
            os.environ[ITK_THREADS] = before
