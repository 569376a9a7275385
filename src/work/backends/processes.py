"""Processes on this machine, by joblib's loky, because it reports a dead process at once."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import EXIT_INTERRUPTED, SegconvError
from ..allocator import keep_freed_memory
from ..interruption import end_workers
from .gone import serve

if TYPE_CHECKING:
    from .backend import Work


T = TypeVar("T")
R = TypeVar("R")

WATCH_INTERVAL_S = 0.5
"""How often a worker process checks that its run still exists."""


class Processes:
    """A pool of processes that loky keeps for the next run."""

    here = True

    def ready(self) -> None:
        """See `Backend`: they always are."""

    def results(self, work: Work[T, R]) -> Generator[R, None, None]:
        """See `Backend`."""
        from .environment import environment_of_workers

        with environment_of_workers():
            yield from self._results(work)

    def _results(self, work: Work[T, R]) -> Generator[R, None, None]:
        import joblib  # a tenth of a second that threads do not need
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        from .inner import inner_threads, pinned

        call = joblib.delayed(work.carried)
        config = {
            "backend": "loky",
            "n_jobs": work.jobs,
            "inner_max_num_threads": inner_threads(work.jobs),
            "initializer": _begin,
            "initargs": (os.getpid(),),
        }
        results: Any = None
        try:
            with pinned(work.jobs), joblib.parallel_config(**config):
                parallel = joblib.Parallel(
                    return_as="generator_unordered", max_nbytes=None, mmap_mode=None, temp_folder=os.devnull
                )
                with _held_back(signal.SIGINT):
                    results = parallel(call(item) for item in work.items)
                yield from chain(results)  # which is not closed with this generator, as the results would be
        except KeyboardInterrupt:
            end_workers()  # before joblib removes files that starting processes still need
            raise
        except TerminatedWorkerError as error:
            raise SegconvError(
                "a worker process was ended from outside, most likely because memory ran out", code="SC100"
            ) from error
        finally:
            if results is not None and hasattr(results, "close"):
                with warnings.catch_warnings():
                    # Results of an interrupted run that nothing asks for are no fault, as joblib would warn.
                    warnings.simplefilter("ignore", UserWarning)
                    results.close()


def _begin(owner: int) -> None:
    """Start a worker process that ends soon after its run; loky's would wait minutes for more work."""
    # Ctrl-C reaches all processes of the group; only the run handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def gone() -> bool:
        return os.getppid() != owner

    def watch() -> None:
        while not gone():
            time.sleep(WATCH_INTERVAL_S)
        os._exit(EXIT_INTERRUPTED)

    serve(gone)
    keep_freed_memory()
    threading.Thread(target=watch, name="segconv-watch", daemon=True).start()


@contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    """Block a signal in this process during a block, and permanently in processes started in it.

    A worker that got Ctrl-C while loading its modules would print a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    main = threading.current_thread() is threading.main_thread()
    # A signal ignored when a process starts stays ignored in it; a signal blocked meanwhile is not lost.
    handler = signal.signal(number, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def workers(address: str | None = None) -> Processes:
    """Return processes of this machine, which have no address."""
    return Processes()
