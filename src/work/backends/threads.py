"""Threads of this process, for work outside the interpreter's lock."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from .gone import serve
from .inner import pinned

T = TypeVar("T")
R = TypeVar("R")


class Threads:
    """A pool of threads for each run."""

    here = True

    def ready(self) -> None:
        """See `Backend`: they always are."""

    def results(
        self, function: Callable[[T], R], items: Iterator[T], jobs: int, name: Callable[[T], str]
    ) -> Generator[R, None, None]:
        """See `Backend`."""
        over = threading.Event()

        def begin() -> None:
            serve(over.is_set)

        with pinned(jobs):
            pool = ThreadPoolExecutor(jobs, initializer=begin)
            try:
                waiting: set[Future[R]] = {pool.submit(function, item) for item in itertools.islice(items, 2 * jobs)}
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    waiting.update(pool.submit(function, item) for item in itertools.islice(items, len(done)))
                    for future in done:
                        yield future.result()
            finally:
                over.set()
                pool.shutdown(cancel_futures=True)


WORKERS = Threads()
