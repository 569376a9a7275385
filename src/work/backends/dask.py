"""Workers of a Dask cluster, reached through a client of its scheduler."""

from __future__ import annotations

import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from ...errors import SegconvError
from ..unforeseen import Carried
from .dask_client import SCHEDULER, connected
from .gone import serve
from .inner import ITK_THREADS

T = TypeVar("T")
R = TypeVar("R")

POLL_S = 1.0
"""How long to wait for a result before checking that the cluster still exists."""
NO_WORKERS_S = 120.0
"""How long a cluster may have no worker: they may be restarting, or about to start."""
AHEAD = 2
"""Items submitted per thread of the cluster, so that no thread waits for its next item."""

SHOWN_CASES = 8
"""How many cases a message names of which one may have ended all workers."""

_EXECUTING = ("executing", "long-running")
"""States in which a worker has a task that is still wanted."""


class Dask:
    """The cluster whose scheduler `SCHEDULER` names; in a program with its own client, the cluster of that client.

    The cluster decides how many work at once, not `jobs`.
    """

    here = False

    def ready(self) -> None:
        """See `Backend`."""
        with connected():
            pass

    def results(
        self, function: Callable[[T], R], items: Iterator[T], jobs: int, name: Callable[[T], str]
    ) -> Generator[R, None, None]:
        """See `Backend`."""
        with connected() as client:
            cluster = _Cluster(client)
            submitted = _Submitted(client, Carried(function, name))
            suspects: deque[T] = deque()
            try:
                while True:
                    submitted.add(islice(items, 0 if suspects else max(0, cluster.room - len(submitted))))
                    if by_itself := not submitted and bool(suspects):
                        submitted.add([suspects.popleft()])
                    if not submitted:
                        return
                    future, item = submitted.next(cluster)
                    killed = cluster.killed_by(future, name(item))
                    if killed is None:
                        yield cluster.result(future)
                    elif by_itself:
                        raise killed
                    else:
                        # Dask blames every task of a dead worker: running each by itself shows which one killed it.
                        suspects.append(item)
            finally:
                submitted.release()


@dataclass(frozen=True)
class _Work(Generic[T, R]):
    """The work on one item, as it is sent to a worker."""

    work: Carried[T, R]
    item: T

    def __call__(self) -> tuple[R | None, Exception | None]:
        """Return the result or the exception raised: exceptions of the future itself come from the cluster."""
        os.environ.setdefault(ITK_THREADS, "1")  # the cluster sets the number of threads per worker
        serve(_ended())
        try:
            return self.work(self.item), None
        except Exception as error:  # noqa: BLE001 - it is raised where the result is wanted
            return None, error
        finally:
            serve(bool)


def _ended() -> Callable[[], bool]:
    """Return a function for a worker that says whether its task was cancelled."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def ended() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state not in _EXECUTING

    return ended


class _Submitted(Generic[T, R]):
    """The submitted items that are not done."""

    def __init__(self, client: Any, work: Carried[T, R]) -> None:
        self._client = client
        self._work = work
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._waiting: dict[str, tuple[Any, T]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, items: Iterable[T]) -> None:
        for item in items:
            # A new key each time, because the same work may have to be done again.
            future = self._client.submit(_Work(self._work, item), key=f"segconv-{uuid.uuid4().hex}", pure=False)
            self._waiting[future.key] = future, item
            future.add_done_callback(self._done.put)

    def next(self, cluster: _Cluster) -> tuple[Any, T]:
        """Return the next finished future, and its item."""
        while True:
            try:
                return self._waiting.pop(self._done.get(timeout=POLL_S).key)
            except Empty:
                cluster.look([self._work.name(item) for _, item in self._waiting.values()])

    def release(self) -> None:
        """Give up unfinished items."""
        for future, _ in self._waiting.values():
            future.release()


class _Cluster:
    """State of the cluster during a run."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._address = client.scheduler.address
        self._had_workers = False
        self._without_workers: float | None = None
        self.room = AHEAD
        self.look()

    def look(self, cases: Sequence[str] = ()) -> None:
        """Find out how many items fit at once.

        Parameters
        ----------
        cases
            The workers' current cases, for the message if they are gone.

        Raises
        ------
        SegconvError
            ``SC100`` if the scheduler is gone, or if there was no worker for too long.
        """
        try:
            threads = sum(self._client.nthreads().values()) if self._client.status == "running" else None
        except (OSError, AttributeError):  # raised by a closing client
            threads = None
        if threads is None:
            raise self._lost()
        self.room = AHEAD * max(1, threads)
        if threads:
            self._had_workers, self._without_workers = True, None
            return
        now = time.monotonic()
        self._without_workers = self._without_workers or now
        if now - self._without_workers >= NO_WORKERS_S:
            found = f"the Dask cluster at {self._address} has had no worker for {NO_WORKERS_S:g} s"
            if self._had_workers:
                found += f"; one of these may have ended them all: {', '.join(cases[:SHOWN_CASES])}"
            raise SegconvError(found, code="SC100", hint=f"start workers, for example with dask worker {self._address}")

    def killed_by(self, future: Any, case: str) -> SegconvError | None:
        """Return the error for a task that killed all its workers; None for any other error.

        Raises
        ------
        SegconvError
            ``SC100`` if the cluster could not do the task at all.
        """
        if future.status == "cancelled":
            raise self._lost()
        if future.status != "error":
            return None
        from distributed.scheduler import KilledWorker

        error = future.exception()
        if isinstance(error, KilledWorker):
            return SegconvError(
                "every worker that began it was ended from outside, most likely for want of memory",
                code="SC100",
                file=case,
                hint="give the workers more memory, or fewer threads each",
            )
        raise SegconvError(
            f"the workers of the Dask cluster cannot take the work ({type(error).__name__}: {error})",
            code="SC100",
            file=case,
            hint="the workers need this Python, the packages that are installed here, and the same view of the disk",
        )

    def result(self, future: Any) -> Any:
        """Return the result of a task, or raise its exception."""
        while True:
            try:
                result, error = future.result(timeout=POLL_S)
                break
            except TimeoutError:
                self.look()  # the worker that held the result died; another one repeats the work
        if error is not None:
            raise error
        return result

    def _lost(self) -> SegconvError:
        return SegconvError(
            f"the Dask scheduler at {self._address} lost the work: it was restarted, or no longer answers",
            code="SC100",
            hint=f"check that it runs, and that {SCHEDULER} still names it",
        )


WORKERS = Dask()
