"""Read the files that a plan depends on, by as many workers as fit into memory, with progress."""

from __future__ import annotations

import itertools
import time
from array import array
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import reading
from ..errors import Interrupted, SegconvError
from .backends import THREADS
from .backends.gone import run_is_gone
from .batches import MOST_AT_ONCE, batches
from .memory import within_memory
from .parallel import each
from .run_options import UNHEARD, Progress, Workers, refuse_unfit, shown

T = TypeVar("T")
R = TypeVar("R")


SHARES = 8
"""Least number of batches for each worker, so that all end at about the same time."""

SMALL = 1 << 15
"""Bytes up to which decoding a file takes less time than what must be done under the interpreter's lock: threads would
only wait for each other."""

WAITING = 2.0
"""Wall time to CPU time above which reading waits, as for a file server, so that threads help after all."""

WHAT = "labels"
"""What progress calls the items by default."""


@dataclass(frozen=True)
class Readers:
    """Workers that read files while a plan is made.

    They are threads of this process, because they work outside the interpreter's lock and their results
    are small; or processes, for what computes under that lock.

    Parameters
    ----------
    jobs
        Maximum number of workers; 1 reads in this thread.
    progress
        Shows the progress.
    backend
        Kind of workers, as in `parallel.each`; what processes call is picklable.
    what
        What progress calls the items.
    """

    jobs: int = 1
    progress: Progress = UNHEARD
    backend: str | None = THREADS
    what: str = WHAT

    def __post_init__(self) -> None:
        refuse_unfit(jobs=self.jobs, progress=self.progress, backend=self.backend)

    def over(
        self,
        items: Sequence[T],
        read: Callable[[T], R],
        *,
        files: Callable[[T], Sequence[str]],
        decoded: Callable[[T], int],
    ) -> Generator[tuple[T, R | SegconvError], None, None]:
        """Yield every item, in order, with the result or the error of reading it.

        Closing the generator ends the reading; pending items are not read.

        Parameters
        ----------
        read
            Reads an item.
        files
            Returns the paths of an item.
        decoded
            Returns the decoded size of the largest file of an item in bytes.
        """
        if not items:
            return
        sizes: Sequence[int] = ()
        if self.jobs > 1:
            sizes = array("q", (sum(map(reading.size_if_there, files(item))) for item in items))
        workers = within_memory(
            Workers(self.jobs, self.backend, self.progress),
            range(len(items)),
            sizes.__getitem__,
            lambda number: decoded(items[number]),
        )
        share = len(items) // (SHARES * workers.jobs)
        together = min(MOST_AT_ONCE, max(1, share)) if sizes and self.backend == THREADS else 1
        numbered = zip(enumerate(items), sizes or itertools.repeat(0), strict=False)
        attempts = _Attempts(read, files)
        queue = batches(numbered, together)

        def results() -> Generator[list[tuple[int, R | SegconvError]], None, None]:
            if together > 1 and max(max(sizes), *map(decoded, items[:together])) <= SMALL:
                begun, used = time.perf_counter(), time.thread_time()
                yield attempts(next(queue))
                if time.perf_counter() - begun < WAITING * (time.thread_time() - used):
                    yield from map(attempts, queue)
            yield from each(attempts, queue, jobs=workers.jobs, backend=self.backend, number=len(items))

        early: dict[int, R | SegconvError] = {}
        due = 0
        with shown(self.progress, len(items), what=self.what), closing(results()) as found:
            for batch in found:
                early.update(batch)
                for _ in batch:
                    self.progress.advance(self.what)
                while due in early:
                    yield items[due], early.pop(due)
                    due += 1


@dataclass(frozen=True)
class _Attempts:
    """Reads items; errors become results."""

    read: Callable[[Any], Any]
    files: Callable[[Any], Sequence[str]]

    def __call__(self, batch: Sequence[tuple[int, Any]]) -> list[tuple[int, Any]]:
        return [(number, self._of(item)) for number, item in batch]

    def _of(self, item: Any) -> Any:
        if run_is_gone():
            raise Interrupted
        try:
            return self.read(item)
        except SegconvError as error:
            return error
        except OSError as error:
            return reading.refusal(error, error.filename or self.files(item)[0])
        except MemoryError:
            return SegconvError("memory ran out", code="SC103")


ONE = Readers()
"""This thread, without progress."""
