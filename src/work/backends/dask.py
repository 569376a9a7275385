"""Workers of a Dask cluster, reached through a client of its scheduler."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ...errors import SegconvError
from .backend import Work
from .batch import Batch, Done
from .dask_client import SCHEDULER, connected
from .dispatch import batch_of, cannot_take, dispatched

T = TypeVar("T")
R = TypeVar("R")

POLL_S = 1.0
"""How often to check that the cluster still exists, and how many workers it has."""
NO_WORKERS_S = 120.0
"""How long a cluster may have no worker: they may be restarting, or about to start."""
AHEAD = 2
"""Batches submitted per thread of the cluster, so that no thread waits for its next one."""
BATCH_S = 0.5
"""Time that a batch should take: Dask's processes spend 2 to 5 ms on each, all together."""
MOST_ITEMS = 256

SHOWN_CASES = 8
"""How many cases a message names of which one may have ended all workers."""

_EXECUTING = ("executing", "long-running")
"""States in which a worker has a task that is still wanted."""


class Dask:
    """The cluster of a scheduler.

    The cluster decides how many work at once, not `jobs`.

    Parameters
    ----------
    address
        Of the scheduler; if None, the one that `SCHEDULER` names, or in a program with its own client, the cluster of
        that client.
    """

    here = False

    def __init__(self, address: str | None) -> None:
        self._address = address

    def ready(self) -> None:
        """See `Backend`."""
        with connected(self._address):
            pass

    def results(self, work: Work[T, R]) -> Generator[R, None, None]:
        """See `Backend`."""
        with connected(self._address) as client:
            yield from dispatched(_Cluster(client), work)


class _Task:
    """A batch of a Dask cluster; see `dispatch.Ticket`."""

    def __init__(self, cluster: _Cluster, future: Any) -> None:
        self._cluster = cluster
        self._future = future

    def done(self) -> Done | None:
        while True:
            if self._future.status == "cancelled":
                raise self._cluster.lost()
            if self._future.status == "error":
                from distributed.scheduler import KilledWorker

                error = self._future.exception()
                if isinstance(error, KilledWorker):
                    return None
                raise cannot_take("Dask", f"{type(error).__name__}: {error}")
            try:
                packed: bytes = self._future.result(timeout=POLL_S)
            except TimeoutError:  # an OSError, too
                self._cluster.look()  # the worker that held the result died; another one repeats the work
            except (OSError, CancelledError) as gone:
                raise self._cluster.lost() from gone
            except Exception:
                if self._future.status != "error":  # in which the repeated work may have ended
                    raise
            else:
                done: Done = _unpacked(packed)
                return done

    def cancel(self) -> None:
        self._future.release()


class _Cluster:
    """The cluster during a run; see `dispatch.Cluster`."""

    hint = "give the workers more memory, or fewer threads each"
    blames_others = True

    def __init__(self, client: Any) -> None:
        self._client = client
        self._address = client.scheduler.address
        self._done: SimpleQueue[_Task] = SimpleQueue()
        self._had_workers = False
        self._without_workers: float | None = None
        self._names: Callable[[], Sequence[str]] = list
        self.look()

    def room(self) -> int:
        return self._room

    def items_a_batch(self, seconds: float | None) -> int:
        return batch_of(seconds, self._room // AHEAD, BATCH_S, MOST_ITEMS)

    def submit(self, batch: Batch) -> _Task:
        # A new key each time, because the same work may have to be done again.
        key, packed = f"segconv-{uuid.uuid4().hex}", _packed(batch)
        try:
            future = self._client.submit(_in_worker, packed, key=key, pure=False)
        except Exception as error:
            if self._client.status == "running":
                raise
            raise self.lost() from error
        task = _Task(self, future)
        future.add_done_callback(lambda _: self._done.put(task))
        return task

    def next(self, names: Callable[[], Sequence[str]]) -> _Task:
        self._names = names
        while True:
            if time.monotonic() - self._looked >= POLL_S:
                self.look()
            with suppress(Empty):
                return self._done.get(timeout=POLL_S)

    def lost(self) -> SegconvError:
        """Return the error of a scheduler that does not know the work any more."""
        return SegconvError(
            f"the Dask scheduler at {self._address} lost the work: it was restarted, or no longer answers",
            code="SC100",
            hint=f"check that it runs, and that {SCHEDULER} still names it",
        )

    def look(self) -> None:
        """Find out how many batches fit at once; errors are those of `next`."""
        self._looked = time.monotonic()
        try:
            threads = sum(self._client.nthreads().values()) if self._client.status == "running" else None
        except (OSError, AttributeError):  # raised by a closing client
            threads = None
        if threads is None:
            raise self.lost()
        if threads:
            self._had_workers, self._without_workers = True, None
        else:
            self._wait_for_workers()
        self._room: int = AHEAD * max(1, threads)

    def _wait_for_workers(self) -> None:
        now = time.monotonic()
        self._without_workers = self._without_workers or now
        if now - self._without_workers < NO_WORKERS_S:
            return
        found = f"the Dask cluster at {self._address} has had no worker for {NO_WORKERS_S:g} s"
        if self._had_workers and (names := self._names()):
            found += f"; one of these may have ended them all: {', '.join(names[:SHOWN_CASES])}"
        raise SegconvError(found, code="SC100", hint=f"start workers, for example with dask worker {self._address}")


def _packed(thing: Batch | Done) -> bytes:
    """Return what is sent as bytes: the scheduler then unpacks no batch, and workers do not measure their results.

    Dask's `sizeof` visits the values of a result one by one, which takes longer than a small item does.
    """
    from distributed.protocol import pickle

    packed: bytes = pickle.dumps(thing)
    return packed


def _unpacked(packed: bytes) -> Any:
    from distributed.protocol import pickle

    return pickle.loads(packed)


def _in_worker(packed: bytes) -> bytes:
    """Do a batch in a worker, which cancels tasks without ending them."""
    from distributed import get_worker

    batch: Batch = _unpacked(packed)
    worker = get_worker()
    key = worker.get_current_task()

    def gone() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state not in _EXECUTING

    return _packed(batch(gone))


def workers(address: str | None = None) -> Dask:
    """Return the workers of a Dask cluster."""
    return Dask(address)
