"""Threads of this process, for work outside the interpreter's lock."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from .backend import Work
from .gone import serve
from .inner import pinned

T = TypeVar("T")
R = TypeVar("R")


class Threads:
    """A pool of threads for each run."""

    here = True

    def ready(self) -> None:
        """See `Backend`: they always are."""

    def results(self, work: Work[T, R]) -> Generator[R, None, None]:
        """See `Backend`."""
        over = threading.Event()

        def begin() -> None:
            serve(over.is_set)

        with pinned(work.jobs):
            pool = ThreadPoolExecutor(work.jobs, initializer=begin)
            try:
                first = itertools.islice(work.items, 2 * work.jobs)
                waiting: set[Future[R]] = {pool.submit(work.function, item) for item in first}
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    further = itertools.islice(work.items, len(done))
                    waiting.update(pool.submit(work.function, item) for item in further)
                    for future in done:
                        yield future.result()
            finally:
                over.set()
                pool.shutdown(cancel_futures=True)


def workers(address: str | None = None) -> Threads:
    """Return threads of this process, which have no address."""
    return Threads()
