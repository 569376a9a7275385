"""One function over many items, by several workers: results as they come, and no worker that outlives the run.

Workers are threads where the work is done outside of the interpreter's lock, and processes of
joblib's loky otherwise, because it tells at once when one died; other backends of joblib, such as
Dask, are used by name.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from ..errors import EXIT_INTERRUPTED, Finding, SegconvError
from .interruption import end_workers

T = TypeVar("T")
R = TypeVar("R")

THREADS = "threading"
"""The name that joblib has for threads."""
DASK_SCHEDULER = "DASK_SCHEDULER_ADDRESS"
"""Environment variable with the address of Dask's scheduler, of which Dask itself knows."""
WATCH_INTERVAL_S = 0.5
"""So often does a worker process look whether its run is still there."""

_ITK_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"

_worker = threading.local()
"""In a worker: ``gone()`` says whether the run that it works for has ended."""


def each(
    function: Callable[[T], R], items: Iterable[T], *, jobs: int = 1, backend: str | None = None
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
        `THREADS`, or a backend of joblib, such as ``"dask"``; processes on this machine if None.

    Raises
    ------
    SegconvError
        ``SC100`` if a worker was ended from outside.
    """
    items = iter(items)
    first = list(itertools.islice(items, 2))
    items = itertools.chain(first, items)
    if (jobs == 1 and backend in (None, THREADS)) or len(first) < 2:  # one item needs no second worker
        yield from map(function, items)
        return
    with _inner_threads(max(1, (os.cpu_count() or 1) // jobs)) as threads:
        if backend == THREADS:
            yield from _in_threads(function, items, jobs)
        else:
            yield from _in_processes(function, items, jobs, backend, threads)


def run_is_gone() -> bool:
    """Return whether this is a worker whose run has ended, which must not write any more."""
    gone: Callable[[], bool] | None = getattr(_worker, "gone", None)
    return gone is not None and gone()


def _in_threads(function: Callable[[T], R], items: Iterator[T], jobs: int) -> Iterator[R]:
    over = threading.Event()

    def begin() -> None:
        _worker.gone = over.is_set

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


def _in_processes(
    function: Callable[[T], R], items: Iterator[T], jobs: int, backend: str | None, threads: int
) -> Iterator[R]:
    import joblib  # a tenth of a second that threads do not need
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    results: Any = None
    try:
        options: dict[str, Any] = {}
        if backend in (None, "loky"):
            options = {"inner_max_num_threads": threads, "initializer": _begin, "initargs": (os.getpid(),)}
        elif backend == "dask" and (scheduler := os.environ.get(DASK_SCHEDULER)):
            options = {"scheduler_host": scheduler}  # a command line has no client of its own
        try:
            config = joblib.parallel_config(backend=backend or "loky", n_jobs=jobs, **options)
        except ValueError as error:
            raise SegconvError(
                f"--backend {backend}: {str(error).splitlines()[0].rstrip('.')}",
                hint=f"for dask install dask[distributed] and set {DASK_SCHEDULER} to tcp://HOST:PORT"
                if backend == "dask"
                else "leave it out for threads and processes of this machine",
            ) from error
        with config:
            parallel = joblib.Parallel(return_as="generator_unordered", max_nbytes=None, mmap_mode=None)
            with _held_back(signal.SIGINT):
                results = parallel(joblib.delayed(function)(item) for item in items)
            yield from results
    except KeyboardInterrupt:
        end_workers()  # before joblib takes away what those that still start would look for
        raise
    except TerminatedWorkerError as error:
        raise SegconvError(
            "a worker process was ended from outside, most likely for want of memory",
            code="SC100",
            hint="fewer --jobs take less memory",
        ) from error
    finally:
        if results is not None and hasattr(results, "close"):
            results.close()


@contextmanager
def _inner_threads(count: int) -> Iterator[int]:
    """Let every worker of this run use so many threads of SimpleITK's."""
    before = os.environ.get(_ITK_THREADS)
    os.environ[_ITK_THREADS] = str(count)  # processes inherit it
    try:
        yield count
    finally:
        if before is None:
            os.environ.pop(_ITK_THREADS, None)
        else:
            os.environ[_ITK_THREADS] = before


def _begin(owner: int) -> None:
    """Begin a worker process: it ends soon after its run, where loky's would wait minutes for more work."""
    # Ctrl-C reaches the whole process group; the run alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def gone() -> bool:
        return os.getppid() != owner

    def watch() -> None:
        while not gone():
            time.sleep(WATCH_INTERVAL_S)
        os._exit(EXIT_INTERRUPTED)

    _worker.gone = gone
    threading.Thread(target=watch, name="segconv-watch", daemon=True).start()


@contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    """Keep a signal from this process for a while, and for good from those that it starts meanwhile.

    A worker that Ctrl-C meets while it loads its modules would print where it was.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    main = threading.current_thread() is threading.main_thread()
    # What is ignored when a process starts stays ignored in it; what is blocked meanwhile is not lost.
    handler = signal.signal(number, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def unforeseen(error: Exception, file: str) -> Finding:
    """Return the finding for an error that should not have been possible, or for memory that did not suffice."""
    if isinstance(error, MemoryError):
        return Finding("SC103", "the memory did not suffice", file=file, hint="fewer --jobs")
    told = f"{type(error).__name__}: {error}"
    if os.environ.get("SEGCONV_DEBUG"):
        told = "".join(traceback.format_exception(error))
    return Finding("SC104", f"unexpected {told}", file=file)
