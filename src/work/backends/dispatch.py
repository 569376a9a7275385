"""Send items to a cluster in batches, take results as they arrive, and find the item that ends its workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from itertools import islice
from math import ceil
from typing import Generic, Protocol, TypeVar

from ...errors import SegconvError
from .backend import Work
from .batch import Answer, Batch, Done
from .shared import Required, Unfit

T = TypeVar("T")
R = TypeVar("R")

A_BATCH_S = 0.005
"""More than sending a batch and taking its result keeps the busiest process, which is the same for all workers."""

_REMEMBERED = 0.5
"""What each batch leaves of what the time of earlier ones counts, because the first ones load modules."""


class Ticket(Protocol):
    """A batch that a cluster was given."""

    def done(self) -> Done | None:
        """Return what the worker of an ended batch returned; None if its workers were ended from outside.

        Raises
        ------
        SegconvError
            ``SC100`` if the cluster could not do the work at all, or is gone.
        """

    def cancel(self) -> None:
        """Give the batch up: its result is not wanted any more."""


class Cluster(Protocol):
    """Workers on other machines."""

    hint: str
    """What to do if a worker was ended."""

    def room(self) -> int:
        """Return how many batches should be at work or ready for a worker at once.

        Raises
        ------
        SegconvError
            ``SC100`` if the cluster is gone.
        """

    def items_a_batch(self, seconds: float | None) -> int:
        """Return how many items to send at once.

        Parameters
        ----------
        seconds
            Mean time that a worker takes for an item; None as long as it is unknown.
        """

    def submit(self, batch: Batch) -> Ticket:
        """Give a batch to the cluster."""

    def next(self, names: Callable[[], Sequence[str]]) -> Ticket:
        """Wait for a batch to end, and return it.

        Parameters
        ----------
        names
            Returns the names of the waiting items for messages.

        Raises
        ------
        SegconvError
            ``SC100`` if the cluster is gone, or has no workers for too long.
        """


def dispatched(cluster: Cluster, work: Work[T, R]) -> Generator[R, None, None]:
    """Yield the results of all items, in any order.

    A batch whose workers were ended is done again, each of its items by itself with no other at work: a cluster
    blames all the work of a dead worker.

    Raises
    ------
    SegconvError
        ``SC042`` for a worker that does not see the files or has another version of segconv; ``SC100`` if the
        cluster is gone, or for an item that ends its workers without `killed`.
    Exception
        What `work` raises.
    """
    sent = _Sent(cluster, work)
    suspects: deque[T] = deque()
    try:
        while True:
            while not suspects and len(sent) < (room := cluster.room()) and sent.further(room):
                pass
            by_itself = not len(sent) and bool(suspects)
            if by_itself:
                sent.again(suspects.popleft())
            if not len(sent):
                return
            batch, answers = sent.next()
            if answers is not None:
                for result, error in answers:
                    if error is not None:
                        raise error
                    yield result
            elif by_itself:
                killed = _killed(work.name(batch[0]), cluster.hint)
                if work.killed is None:
                    raise killed
                yield work.killed(batch[0], killed)
            else:
                suspects.extend(batch)
    finally:
        sent.cancel()


def batch_of(seconds: float | None, workers: int, usual_s: float, most: int) -> int:
    """Return how many items a batch should have.

    Parameters
    ----------
    seconds
        Mean time that an item takes; None as long as it is unknown: then it is one.
    workers
        How many the cluster has. The more there are, the longer the batches, because one process sends them all.
    usual_s
        Time that a batch of a small cluster should take.
    most
        Largest batch.
    """
    if seconds is None:
        return 1
    return max(1, min(most, int(max(usual_s, workers * A_BATCH_S) / max(seconds, 1e-9))))


def cannot_take(kind: str, why: str) -> SegconvError:
    """Return the error of a cluster whose workers cannot even begin."""
    return SegconvError(
        f"the workers of the {kind} cluster cannot take the work ({why})",
        code="SC100",
        hint="the workers need this Python, the packages that are installed here, and the same view of the disk",
    )


class _Sent(Generic[T, R]):
    """The batches that are not done."""

    def __init__(self, cluster: Cluster, work: Work[T, R]) -> None:
        self._cluster = cluster
        self._items = work.items
        self._work = work.carried
        self._required = Required.of(work.files)
        self._waiting: dict[Ticket, tuple[T, ...]] = {}
        self._undone = work.number
        self._seconds = 0.0
        self._timed = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def further(self, room: int) -> bool:
        """Send the next batch, where so many have room; return whether there was an item for it."""
        most = self._cluster.items_a_batch(self._seconds / self._timed if self._timed else None)
        if self._undone is not None:
            most = min(most, max(1, ceil(self._undone / room)))
        batch = tuple(islice(self._items, most))
        if batch:
            self._send(batch)
        return bool(batch)

    def again(self, item: T) -> None:
        """Send an item by itself whose workers were ended."""
        self._send((item,))

    def _send(self, batch: tuple[T, ...]) -> None:
        self._waiting[self._cluster.submit(Batch(self._work, batch, self._required))] = batch

    def next(self) -> tuple[tuple[T, ...], Sequence[Answer] | None]:
        """Return the items of a finished batch, and its answers; None if its workers were ended."""
        ticket = self._cluster.next(self._names)
        done = ticket.done()
        batch = self._waiting.pop(ticket)
        if done is None:
            return batch, None
        if isinstance(done, Unfit):
            raise done.refusal()
        answers, seconds = done
        self._seconds = seconds + self._seconds * _REMEMBERED
        self._timed = len(answers) + self._timed * _REMEMBERED
        if self._undone is not None:
            self._undone -= len(answers)
        return batch, answers

    def cancel(self) -> None:
        """Give up unfinished batches."""
        for ticket in self._waiting:
            ticket.cancel()

    def _names(self) -> list[str]:
        return [self._work.name(item) for batch in self._waiting.values() for item in batch]


def _killed(case: str, hint: str) -> SegconvError:
    return SegconvError(
        "every worker that began it was ended from outside, most likely because memory ran out",
        code="SC100",
        file=case,
        hint=hint,
    )
