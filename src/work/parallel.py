"""One function over many items, by several workers: results as they come, and no worker that outlives the run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import TypeVar

from .backends import THREADS, backend_of, workers_at_hand
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
) -> Generator[R, None, None]:
    """Yield the function's result for every item, in any order.

    Parameters
    ----------
    function
        A function of a module, or an object that can be pickled; any callable for threads.
    items
        Taken as they are needed.
    jobs
        Number of workers; 1 works in this process.
    backend
        A key of `BACKENDS`; processes on this machine if None.
    name
        Returns what to call an item in a message; picklable as `function` is.
    tell
        Hears in a line if threads replace processes, which the system cannot start.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown backend, or no worker at all, ``SC100`` if a worker was ended from outside.
    """
    refuse_unfit(jobs=jobs, backend=backend)
    workers = backend_of(backend)
    items = iter(items)
    first = list(itertools.islice(items, 2))
    items = itertools.chain(first, items)
    in_this_process = jobs == 1 and backend in (None, THREADS)
    if workers.here and (in_this_process or len(first) < 2):  # one item needs no second worker
        yield from map(function, items)
        return
    if first:
        workers = workers_at_hand(backend, jobs, tell)
        with closing(workers.results(function, items, jobs, name)) as results:
            yield from results
