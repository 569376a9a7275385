"""Batches are sent as there is room, every item is done once, and one that ends its workers is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil, log2

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.work.backends.backend import Work
from segconv.work.backends.batch import Batch, Done
from segconv.work.backends.dispatch import batch_of, dispatched


class Ticket:
    def __init__(self, cluster: FakeCluster, batch: Batch) -> None:
        self.cluster = cluster
        self.batch = batch
        self.cancelled = False
        self.dead = False

    def done(self) -> Done | None:
        """Do the batch; an item that ends its workers ends everything that is at work."""
        if self.cluster.lost(self):
            return None
        left = _again([*[False] * next(self.cluster.cuts), True])
        return self.batch(lambda: next(left))

    def cancel(self) -> None:
        self.cancelled = True


class FakeCluster:
    """A cluster in this process, whose workers are ended by some items.

    Parameters
    ----------
    rooms
        How many batches fit, one after another, again and again.
    sizes
        Likewise the sizes of batches.
    order
        Which of the waiting batches ends next.
    poison
        Items that end a worker.
    bystanders
        Whether all waiting batches are lost with the worker.
    cuts
        How many items of a batch are done, one batch after another, before its worker takes the run for ended.
    """

    hint = "do that"

    def __init__(
        self,
        rooms: Sequence[int],
        sizes: Sequence[int],
        order: Sequence[int],
        poison: set[int],
        bystanders: bool,
        cuts: Sequence[int] = (1000,),
    ) -> None:
        self._rooms, self._sizes, self._order = map(_again, (rooms, sizes, order))
        self._poison = poison
        self.blames_others = bystanders
        self.cuts = _again(cuts)
        self.waiting: list[Ticket] = []
        self.most = 0
        self.beside: list[int] = []
        self.sent: list[int] = []
        self.seconds: list[float | None] = []

    def room(self) -> int:
        self._room = next(self._rooms)
        return self._room

    def items_a_batch(self, seconds: float | None) -> int:
        self.seconds.append(seconds)
        return next(self._sizes)

    def submit(self, batch: Batch) -> Ticket:
        ticket = Ticket(self, batch)
        self.beside.append(len(self.waiting))
        self.waiting.append(ticket)
        self.sent.append(len(batch.items))
        self.most = max(self.most, len(self.waiting))
        return ticket

    def next(self, names: Callable[[], Sequence[str]]) -> Ticket:
        assert sorted(names()) == sorted(str(item) for ticket in self.waiting for item in ticket.batch.items)
        ticket = self.waiting.pop(next(self._order) % len(self.waiting))
        if self._poison.intersection(ticket.batch.items) and self.blames_others:
            for other in self.waiting:
                other.dead = True
        return ticket

    def lost(self, ticket: Ticket) -> bool:
        return ticket.dead or bool(self._poison.intersection(ticket.batch.items))


def _again(numbers: Sequence[int]) -> Iterator[int]:
    while True:
        yield from numbers


def square(number: int) -> int:
    if number == 1000:
        raise SegconvError("found this", code="SC055", file="1000")
    return number * number


def named(number: int, error: SegconvError) -> int:
    assert (error.code, error.file, error.hint) == ("SC100", str(number), "do that")
    return -number


@given(
    items=st.lists(st.integers(0, 50), unique=True, max_size=30),
    poison=st.sets(st.integers(0, 50), max_size=4),
    rooms=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    order=st.lists(st.integers(0, 9), min_size=1, max_size=9),
    bystanders=st.booleans(),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=4),
)
def test_every_item_has_one_result_whatever_ends_workers(
    items: list[int],
    poison: set[int],
    rooms: list[int],
    sizes: list[int],
    order: list[int],
    bystanders: bool,
    cuts: list[int],
) -> None:
    cluster = FakeCluster(rooms, sizes, order, poison, bystanders, cuts)
    found = list(dispatched(cluster, Work(square, iter(items), 2, str, (), named)))
    assert sorted(found) == sorted(-number if number in poison else number * number for number in items)
    assert not cluster.waiting
    assert cluster.most <= max(rooms)


@given(poison=st.sets(st.integers(0, 255), max_size=6), size=st.integers(1, 256), room=st.integers(1, 5))
@example(poison={77}, size=256, room=4)
@example(poison={77, 200}, size=256, room=4)
def test_few_more_batches_find_the_items_that_end_jobs_which_share_nothing(
    poison: set[int], size: int, room: int
) -> None:
    cluster = FakeCluster([room], [size], [0], poison, False)
    found = list(dispatched(cluster, Work(square, iter(range(256)), room, str, (), named)))
    assert sorted(found) == sorted(-number if number in poison else number * number for number in range(256))
    assert len(cluster.sent) <= ceil(256 / size) + len(poison) * max(1, 2 * ceil(log2(size)))


def test_other_batches_go_on_while_a_job_that_ended_is_done_again_in_halves() -> None:
    cluster = FakeCluster([3], [8], [0], {3}, False)
    found = list(dispatched(cluster, Work(square, iter(range(80)), 3, str, (), named)))
    assert sorted(found) == sorted({number * number for number in range(80)} - {9} | {-3})
    assert cluster.sent[:5] == [8, 8, 8, 4, 4]
    assert cluster.beside[3:-2] == [2] * (len(cluster.beside) - 5)


def test_items_that_a_worker_has_not_begun_as_it_takes_the_run_for_ended_are_sent_again() -> None:
    cluster = FakeCluster([1], [6], [0], set(), False, [2, 0, 1, 9])
    assert sorted(dispatched(cluster, Work(square, iter(range(6)), 1, str))) == [0, 1, 4, 9, 16, 25]


def test_an_item_that_ends_its_workers_is_refused_by_name_if_nothing_takes_it() -> None:
    cluster = FakeCluster([2], [3], [0], {4}, True)
    with pytest.raises(SegconvError) as caught:
        list(dispatched(cluster, Work(square, iter(range(9)), 2, str)))
    assert (caught.value.code, caught.value.file) == ("SC100", "4")


def test_an_error_of_the_work_ends_it_and_cancels_the_rest() -> None:
    cluster = FakeCluster([3], [1], [0], set(), False)
    with pytest.raises(SegconvError) as caught:
        list(dispatched(cluster, Work(square, iter([1000, 1, 2, 3]), 2, str)))
    assert caught.value.code == "SC055"
    assert cluster.waiting
    assert all(ticket.cancelled for ticket in cluster.waiting)


def test_results_before_an_error_in_the_same_batch_are_kept() -> None:
    cluster = FakeCluster([1], [3], [0], set(), False)
    results = dispatched(cluster, Work(square, iter([2, 3, 1000]), 2, str))
    assert [next(results), next(results)] == [4, 9]
    with pytest.raises(SegconvError, match="found this"):
        next(results)


def test_closing_takes_no_more_items_and_cancels_what_is_at_work() -> None:
    taken: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    cluster = FakeCluster([2], [2], [0], set(), False)
    results = dispatched(cluster, Work(square, counted(), 2, str))
    next(results)
    results.close()
    assert len(taken) <= 6
    assert all(ticket.cancelled for ticket in cluster.waiting)


def test_batches_are_sized_by_the_time_that_items_took() -> None:
    cluster = FakeCluster([1], [2], [0], set(), False)
    list(dispatched(cluster, Work(square, iter(range(6)), 2, str)))
    first, *later = cluster.seconds
    assert first is None
    assert all(seconds is not None and seconds >= 0 for seconds in later)


@pytest.mark.parametrize(("size", "sent"), [(1000, [25, 25, 25, 25]), (30, [25, 25, 25, 25]), (10, [10] * 6)])
def test_where_the_number_of_items_is_known_no_batch_leaves_others_idle(size: int, sent: list[int]) -> None:
    cluster = FakeCluster([4], [size], [0], set(), False)
    found = list(dispatched(cluster, Work(square, iter(range(100)), 4, str, number=100)))
    assert sorted(found) == [number * number for number in range(100)]
    assert cluster.sent[: len(sent)] == sent
    assert sum(cluster.sent) == 100


@pytest.mark.parametrize(
    ("seconds", "workers", "items"),
    [(None, 2, 1), (0.004, 2, 125), (0.004, 1000, 200), (0.1, 2, 5), (0.1, 1000, 50), (60, 1000, 1), (0, 2, 200)],
)
def test_batches_are_longer_where_many_workers_wait_for_the_process_that_sends_them(
    seconds: float | None, workers: int, items: int
) -> None:
    assert batch_of(seconds, workers, usual_s=0.5, most=200) == items
