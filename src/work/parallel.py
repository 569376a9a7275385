"""One function over many items, in worker processes: results as they come, and no worker that outlives the run.

joblib's loky does the work, because it tells at once when a worker died; other backends of joblib,
such as Dask, are used by name.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import EXIT_INTERRUPTED, Finding, Interrupted, SegconvError

T = TypeVar("T")
R = TypeVar("R")

WATCH_INTERVAL_S = 0.5
"""So often does a worker look whether its run is still there."""

_ENDING = (signal.SIGINT, signal.SIGTERM)
"""What asks a run to end."""
_WATCH = "segconv-watch"
_ITK_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"


@dataclass(frozen=True)
class _Call(Generic[T, R]):
    """The function, as it is sent to a worker."""

    function: Callable[[T], R]
    owner: int

    def __call__(self, item: T) -> R:
        if os.getpid() != self.owner:
            # Ctrl-C reaches the whole process group; the run alone answers it.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _end_with(self.owner)
        return self.function(item)


def each(function: Callable[[T], R], items: Iterable[T], *, jobs: int = 1, backend: str | None = None) -> Iterator[R]:
    """Yield the function's result for every item, in any order.

    Parameters
    ----------
    function
        A function of a module, or an object that can be pickled.
    items
        Taken as they are needed.
    jobs
        Number of workers; 1 works in this process.
    backend
        A backend of joblib, such as ``"dask"``; processes on this machine if None.

    Raises
    ------
    SegconvError
        ``SC100`` if a worker was ended from outside.
    """
    items = iter(items)
    first = list(itertools.islice(items, 2))
    items = itertools.chain(first, items)
    if (jobs == 1 and backend is None) or len(first) < 2:  # one item needs no second process
        yield from map(function, items)
        return
    import joblib  # half a second that a single worker does not need
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    call = _Call(function, os.getpid())
    threads = max(1, (os.cpu_count() or 1) // jobs)
    before = os.environ.get(_ITK_THREADS)
    os.environ[_ITK_THREADS] = str(threads)  # workers inherit it
    results: Any = None
    try:
        options: dict[str, Any] = {}
        if not backend:
            options = {"inner_max_num_threads": threads, "initializer": _begin, "initargs": (os.getpid(),)}
        with joblib.parallel_config(backend=backend or "loky", n_jobs=jobs, **options):
            parallel = joblib.Parallel(return_as="generator_unordered", max_nbytes=None, mmap_mode=None)
            with _held_back(signal.SIGINT):
                results = parallel(joblib.delayed(call)(item) for item in items)
            yield from results
    except KeyboardInterrupt:
        _end_workers()  # before joblib takes away what those that still start would look for
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
        if before is None:
            os.environ.pop(_ITK_THREADS, None)
        else:
            os.environ[_ITK_THREADS] = before


def _begin(owner: int) -> None:
    """Begin a worker: before it gets anything to do, so that it ends with its run even if it never does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.getppid() != owner:
        os._exit(EXIT_INTERRUPTED)
    _end_with(owner)


def _end_with(owner: int) -> None:
    """Let this worker end soon after its run: loky's would wait minutes for more work."""
    if os.getppid() != owner or any(thread.name == _WATCH for thread in threading.enumerate()):
        return

    def watch() -> None:
        while os.getppid() == owner:
            time.sleep(WATCH_INTERVAL_S)
        os._exit(EXIT_INTERRUPTED)

    threading.Thread(target=watch, name=_WATCH, daemon=True).start()


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


@contextmanager
def interruptible(message: str, hint: str) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into `Interrupted` with this message and hint, the workers ended."""
    received = [signal.SIGINT]

    def on_signal(number: int, frame: object) -> None:
        received[0] = signal.Signals(number)
        for further in _ENDING:  # one is enough: a second one must not cut the ending of workers short
            signal.signal(further, signal.SIG_IGN)
        raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, on_signal) for number in _ENDING} if main else {}
    try:
        yield
    except KeyboardInterrupt:
        _end_workers()
        raise Interrupted(message, signal_number=int(received[0]), hint=hint) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_workers() -> None:
    """End the worker processes of this run, if any were started."""
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    executor = getattr(loky, "_executor", None)
    if executor is not None:
        for process in list(getattr(executor, "_processes", None) or {}):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        executor.shutdown(wait=True, kill_workers=True)
