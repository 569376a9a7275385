"""Results of workers: all of them, in any order; errors come back; a dead worker is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from segconv.errors import SegconvError
from segconv.work.parallel import each


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    raise SegconvError("found this", code="SC055", file=str(number))


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def process(number: int) -> int:
    return os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_gives_one_result(jobs: int) -> None:
    def numbers() -> Iterator[int]:
        yield from range(20)

    assert sorted(each(square, numbers(), jobs=jobs)) == [n * n for n in range(20)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_gives_nothing(jobs: int) -> None:
    assert list(each(square, [], jobs=jobs)) == []


def test_one_item_starts_no_process() -> None:
    assert list(each(process, [1], jobs=2)) == [os.getpid()]
    assert os.getpid() not in set(each(process, [1, 2], jobs=2))


def test_an_error_comes_back_whole() -> None:
    with pytest.raises(SegconvError) as caught:
        list(each(refuse, [1, 2], jobs=2))
    assert (caught.value.code, caught.value.message) == ("SC055", "found this")


def test_a_worker_that_is_ended_from_outside_is_told() -> None:
    with pytest.raises(SegconvError) as caught:
        list(each(die, [1, 2], jobs=2))
    assert (caught.value.code, caught.value.exit_code) == ("SC100", 70)
    assert sorted(each(square, [1, 2], jobs=2)) == [1, 4], "the next call has new workers"
