"""Apply a function to many items by several workers: results as they arrive, and no worker outlives the run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Sequence, Sized
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from ..errors import SegconvError
from .backends import THREADS, backend_of, workers_at_hand
from .backends.backend import Work
from .run_options import refuse_unfit

T = TypeVar("T")
R = TypeVar("R")


def each(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    jobs: int = 1,
    backend: str | None = None,
    name: Callable[[T], str] = str,
    tell: Callable[[str], None] | None = None,
    files: Sequence[Path] = (),
    killed: Callable[[T, SegconvError], R] | None = None,
    number: int | None = None,
) -> Generator[R, None, None]:
    """Yield the function's result for every item, in any order.

    Parameters
    ----------
    function
        A module-level function or a picklable object; any callable for threads.
    items
        Consumed as needed.
    jobs
        Number of workers; with 1, this process does the work.
    backend
        As in `backend_of`; processes on this machine if None.
    name
        Returns the name of an item for messages; picklable like `function`.
    tell
        Called with a line if threads replace processes because the system cannot start these.
    files, killed, number
        As in `Work`, for workers on other machines; the number of items is known if they have a length.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown backend or less than one worker; others as in `Backend`.
    """
    refuse_unfit(jobs=jobs, backend=backend)
    workers = backend_of(backend)
    number = len(items) if isinstance(items, Sized) else number
    items = iter(items)
    first = list(itertools.islice(items, 2))
    items = itertools.chain(first, items)
    in_this_process = jobs == 1 and backend in (None, THREADS)
    if workers.here and (in_this_process or len(first) < 2):  # one item needs no second worker
        yield from map(function, items)
        return
    if first:
        workers = workers_at_hand(backend, jobs, tell)
        with closing(workers.results(Work(function, items, jobs, name, files, killed, number))) as results:
            yield from results
