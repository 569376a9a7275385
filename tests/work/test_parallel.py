"""Results of workers: all of them, in any order; errors come back; a dead worker is reported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from segconv.errors import Interrupted, SegconvError
from segconv.work.backends.gone import run_is_gone
from segconv.work.interruption import interruptible
from segconv.work.parallel import each
from segconv.work.unforeseen import unforeseen


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    raise SegconvError("found this", code="SC055", file=str(number))


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def process(number: int) -> int:
    return os.getpid()


WORKERS = [(1, None), (2, None), (1, "threading"), (3, "threading")]


@pytest.mark.parametrize(("jobs", "backend"), WORKERS)
def test_every_item_gives_one_result(jobs: int, backend: str | None) -> None:
    def numbers() -> Iterator[int]:
        yield from range(20)

    assert sorted(each(square, numbers(), jobs=jobs, backend=backend)) == [n * n for n in range(20)]


@pytest.mark.parametrize(("jobs", "backend"), WORKERS)
def test_nothing_gives_nothing(jobs: int, backend: str | None) -> None:
    assert list(each(square, [], jobs=jobs, backend=backend)) == []


def test_threads_take_items_as_they_are_needed_and_stop_with_whoever_asks() -> None:
    taken: list[int] = []
    gone: list[bool] = []
    released = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        if number:
            released.wait(30)
            gone.append(run_is_gone())
        return number

    results = each(work, numbers(), jobs=2, backend="threading")
    assert next(results) == 0
    assert len(taken) <= 6
    threading.Timer(0.2, released.set).start()
    results.close()
    assert gone, "what was begun is waited for"
    assert all(gone), "and learns that its run is gone"
    assert len(gone) <= 2
    assert not run_is_gone(), "no one else does"


def test_an_error_in_a_thread_comes_back_and_ends_the_others() -> None:
    with pytest.raises(SegconvError) as caught:
        list(each(refuse, range(50), jobs=2, backend="threading"))
    assert caught.value.code == "SC055"


def test_one_item_starts_no_process() -> None:
    assert list(each(process, [1], jobs=2)) == [os.getpid()]
    assert os.getpid() not in set(each(process, [1, 2], jobs=2))


def test_an_error_comes_back_complete() -> None:
    with pytest.raises(SegconvError) as caught:
        list(each(refuse, [1, 2], jobs=2))
    assert (caught.value.code, caught.value.message) == ("SC055", "found this")


def test_a_worker_that_is_killed_is_reported() -> None:
    with pytest.raises(SegconvError) as caught:
        list(each(die, [1, 2], jobs=2))
    assert (caught.value.code, caught.value.exit_code) == ("SC100", 70)
    assert sorted(each(square, [1, 2], jobs=2)) == [1, 4], "the next call has new workers"


def sleep(number: int) -> int:
    time.sleep(0.2 if number == 0 else 60)
    return os.getpid()


def sleepers() -> None:
    try:
        with interruptible("interrupted", "run it again"):
            for worker in each(sleep, range(6), jobs=2):
                print(worker, flush=True)
    except Interrupted as error:
        print(error.message, flush=True)
        sys.exit(error.exit_code)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_workers(number: signal.Signals) -> None:
    words = [sys.executable, "-c", "from tests.work.test_parallel import sleepers; sleepers()"]
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert out == "interrupted\n"
    assert not Path(f"/proc/{worker}").exists()


def test_unforeseen_errors_are_reported_with_their_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (unforeseen(MemoryError(), "a").code, unforeseen(MemoryError(), "a").file) == ("SC103", "a")
    assert unforeseen(ZeroDivisionError("a bug"), "a").message == "unexpected ZeroDivisionError: a bug"
    monkeypatch.setenv("SEGCONV_DEBUG", "1")
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError as error:
        assert "Traceback" in unforeseen(error, "a").message


def test_a_backend_that_there_is_not_is_refused() -> None:
    with pytest.raises(SegconvError) as caught:
        list(each(square, [1, 2], jobs=2, backend="cluster"))
    assert caught.value.code == "SC001"
    assert "cluster" in caught.value.message
    assert caught.value.hint == "there are loky, threading, dask, ray, slurm"


@pytest.mark.parametrize("items", [[], [1], [1, 2]])
def test_it_is_refused_however_little_there_is_to_do(items: list[int]) -> None:
    with pytest.raises(SegconvError, match="no backend"):
        list(each(square, items, backend="cluster"))


class Odd(Exception):
    """An error that cannot be made again from what it holds, as many are."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def odd(number: int) -> int:
    raise Odd(1, 2)


def test_an_error_that_cannot_be_carried_comes_back_as_a_finding() -> None:
    with pytest.raises(SegconvError, match="unexpected Odd: 1 and 2") as caught:
        list(each(odd, [1, 2], jobs=2, name=str))
    assert caught.value.code == "SC104"
    with pytest.raises(ZeroDivisionError):
        list(each(divide, [0, 0], jobs=2))


def divide(number: int) -> float:
    return 1 / number
