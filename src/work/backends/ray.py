"""Workers of a Ray cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from ...errors import SegconvError
from .backend import Work
from .batch import Batch, Done
from .dispatch import batch_of, cannot_take, dispatched
from .ray_client import ADDRESS, LOCAL, RETRIES, answers, connected, first_line, module

T = TypeVar("T")
R = TypeVar("R")

POLL_S = 1.0
"""How often to check that the cluster still exists, and how many cores it has."""
AHEAD = 2
"""Batches submitted per core of the cluster, so that no core waits for its next one."""
BATCH_S = 0.5
"""Time that a batch should take: Ray spends about 1.6 ms on each."""
MOST_ITEMS = 256


class Ray:
    """A Ray cluster, which decides how many work at once, not `jobs`.

    Parameters
    ----------
    address
        Of its head, or ``local`` for one that is started on this machine; if None, the one that `ADDRESS` names, or in
        a program that is connected to a cluster, that one.
    """

    here = False

    def __init__(self, address: str | None) -> None:
        self._address = address

    def ready(self) -> None:
        """See `Backend`."""
        if self._address == LOCAL:  # which would start a cluster only to end it
            module()
            return
        with connected(self._address):
            pass

    def results(self, work: Work[T, R]) -> Generator[R, None, None]:
        """See `Backend`."""
        with connected(self._address) as ray:
            yield from dispatched(_Cluster(ray), work)


class _Task:
    """A batch of a Ray cluster; see `dispatch.Ticket`."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray = ray
        self._reference = reference

    def done(self) -> Done | None:
        errors = self._ray.exceptions
        try:
            done: Done = self._ray.get(self._reference)
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError, errors.ObjectLostError):
            return None
        except errors.RayError as error:
            raise cannot_take("Ray", f"{type(error).__name__}: {first_line(error)}") from error
        return done

    def cancel(self) -> None:
        self._ray.cancel(self._reference, force=True)  # ends the worker: nothing is written after the run


class _Cluster:
    """The cluster during a run; see `dispatch.Cluster`."""

    hint = "give each worker more memory, for example with fewer CPUs on a node"
    blames_others = True

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._function = ray.remote(max_retries=RETRIES)(_in_worker)
        self._waiting: dict[Any, _Task] = {}
        self._look()

    def room(self) -> int:
        return self._room

    def items_a_batch(self, seconds: float | None) -> int:
        return batch_of(seconds, self._room // AHEAD, BATCH_S, MOST_ITEMS)

    def submit(self, batch: Batch) -> _Task:
        reference = self._function.remote(batch)
        task = self._waiting[reference] = _Task(self._ray, reference)
        return task

    def next(self, names: Callable[[], Sequence[str]]) -> _Task:
        while True:
            if time.monotonic() - self._looked >= POLL_S:
                self._look()
            done, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=POLL_S)
            if done:
                return self._waiting.pop(done[0])

    def _look(self) -> None:
        """Find out how many batches fit at once, and that the cluster still exists: Ray would wait for ever."""
        self._looked = time.monotonic()
        if not answers(self._ray):
            raise SegconvError(
                "the Ray cluster does not answer any more",
                code="SC100",
                hint=f"check that its head runs, and that {ADDRESS} still names it",
            )
        self._room = AHEAD * max(1, int(self._ray.cluster_resources().get("CPU", 1)))


def _in_worker(batch: Batch) -> Done:
    """Do a batch in a worker process, which ends when it is cancelled."""
    return batch()


def workers(address: str | None = None) -> Ray:
    """Return the workers of a Ray cluster."""
    return Ray(address)
