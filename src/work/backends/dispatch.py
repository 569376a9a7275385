"""Send items to a cluster in batches, take results as they arrive, and find the item that ends its workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from itertools import chain, islice
from math import ceil
from typing import Generic, Protocol, TypeVar

from ...errors import SegconvError
from .backend import Work
from .batch import Answer, Batch, Done
from .shared import Required, Unfit

T = TypeVar("T")
R = TypeVar("R")

A_BATCH_S = 0.005
"""Longer than the busiest process, shared by all workers, needs to send a batch and take its result."""

_REMEMBERED = 0.5
"""How much of the earlier batches' timing is kept at each new batch: the first ones load modules."""


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
    blames_others: bool
    """Whether a worker that is ended may take batches with it that did not end it."""

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

    A batch whose workers were ended is done again in parts. A cluster that blames all the work of a dead worker gets
    its items one by one, with no other at work: few deaths of workers find the one that ends them. Any other cluster
    gets its halves, beside other batches: few batches find it.

    Raises
    ------
    SegconvError
        ``SC042`` for a worker that does not see the files or has another version of segconv; ``SC100`` if the
        cluster is gone, or for an item that ends its workers without `killed`.
    Exception
        What `work` raises.
    """
    sent = _Sent(cluster, work)
    try:
        while sent.fill():
            batch, suspect, answers = sent.next()
            for result, error in answers:
                if error is not None:
                    raise error
                yield result
            if answers:
                sent.rest(batch[len(answers) :])
            elif suspect and len(batch) == 1:
                killed = _killed(work.name(batch[0]), cluster.hint)
                if work.killed is None:
                    raise killed
                yield work.killed(batch[0], killed)
            else:
                sent.suspected(batch)
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
        self._waiting: dict[Ticket, tuple[tuple[T, ...], bool]] = {}
        self._suspects: deque[tuple[T, ...]] = deque()
        self._undone = work.number
        self._seconds = 0.0
        self._timed = 0.0

    def fill(self) -> bool:
        """Send batches while there is room for them; return whether any are at work."""
        if self._suspects and self._cluster.blames_others:
            if not self._waiting:
                self._send(self._suspects.popleft(), suspect=True)
        else:
            while len(self._waiting) < (room := self._cluster.room()) and self._further(room):
                pass
        return bool(self._waiting)

    def _further(self, room: int) -> bool:
        """Send the next batch; `room` is how many batches fit at once. Return whether there was an item for it."""
        if self._suspects:
            self._send(self._suspects.popleft(), suspect=True)
            return True
        most = self._cluster.items_a_batch(self._seconds / self._timed if self._timed else None)
        if self._undone is not None:
            most = min(most, max(1, ceil(self._undone / room)))
        batch = tuple(islice(self._items, most))
        if batch:
            self._send(batch, suspect=False)
        return bool(batch)

    def rest(self, items: tuple[T, ...]) -> None:
        """Take back items of a batch that its worker did not begin, because it took the run for ended."""
        if items:
            self._items = chain(items, self._items)

    def suspected(self, batch: tuple[T, ...]) -> None:
        """Take back a batch whose workers were ended, in parts that are sent before other items."""
        size = 1 if self._cluster.blames_others else ceil(len(batch) / 2)
        self._suspects.extend(batch[start : start + size] for start in range(0, len(batch), size))

    def _send(self, batch: tuple[T, ...], *, suspect: bool) -> None:
        self._waiting[self._cluster.submit(Batch(self._work, batch, self._required))] = batch, suspect

    def next(self) -> tuple[tuple[T, ...], bool, Sequence[Answer]]:
        """Return the items of a finished batch, whether they are suspects, and its answers; none if it was ended."""
        ticket = self._cluster.next(self._names)
        done = ticket.done()
        batch, suspect = self._waiting.pop(ticket)
        if done is None:
            return batch, suspect, ()
        if isinstance(done, Unfit):
            raise done.refusal()
        answers, seconds = done
        self._seconds = seconds + self._seconds * _REMEMBERED
        self._timed = len(answers) + self._timed * _REMEMBERED
        if self._undone is not None:
            self._undone -= len(answers)
        return batch, suspect, answers

    def cancel(self) -> None:
        """Give up unfinished batches."""
        for ticket in self._waiting:
            ticket.cancel()

    def _names(self) -> list[str]:
        return [self._work.name(item) for batch, _ in self._waiting.values() for item in batch]


def _killed(case: str, hint: str) -> SegconvError:
    return SegconvError(
        "every worker that began it was ended from outside, most likely because memory ran out",
        code="SC100",
        file=case,
        hint=hint,
    )
