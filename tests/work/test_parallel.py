"""Results of workers: all of them, in any order; errors come back; a dead worker is told."""

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
from segconv.work.interruption import interruptible
from segconv.work.parallel import each, run_is_gone, unforeseen


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
    assert all(gone), "and is told that its run is gone"
    assert len(gone) <= 2
    assert not run_is_gone(), "nobody else is"


def test_an_error_in_a_thread_comes_back_and_ends_the_others() -> None:
    with pytest.raises(SegconvError) as caught:
        list(each(refuse, range(50), jobs=2, backend="threading"))
    assert caught.value.code == "SC055"


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
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert out == "interrupted\n"
    assert not Path(f"/proc/{worker}").exists()


def test_what_was_not_foreseen_is_told_with_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "--backend cluster" in caught.value.message


def test_workers_of_dask_do_the_work(tmp_path: Path) -> None:
    script = """
from distributed import LocalCluster
import os
from segconv.work.parallel import DASK_SCHEDULER
from tests.work import tasks
from segconv.work.run import execute
import sys, pathlib

if __name__ == "__main__":
    plan = tasks.make_plan(pathlib.Path(sys.argv[1]), 6)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        os.environ[DASK_SCHEDULER] = cluster.scheduler_address
        print(execute(plan, tasks.copy_with_process, tasks.listing, jobs=2, backend="dask").done)
"""
    (tmp_path / "script.py").write_text(script)
    root = Path(__file__).parents[2]
    words = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "run")]
    env = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout == "6\n", done.stderr
    made = tmp_path / "run" / "root" / "Dataset007_Kit"
    assert sorted(path.name for path in (made / "data").iterdir()) == [f"{n}.bin" for n in range(6)]
    workers = {int(path.read_text()) for path in (tmp_path / "run").glob("process-*")}
    assert len(workers) == 2
