"""Scenarios on a real cluster, in a process of their own; one line of JSON per scenario."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from segconv.errors import Interrupted, SegconvError
from segconv.work.backends import dask as backend
from segconv.work.backends.dask_client import SCHEDULER
from segconv.work.backends.gone import run_is_gone
from segconv.work.interruption import interruptible
from segconv.work.parallel import each
from segconv.work.run import execute
from segconv.work.run_options import RunOptions

from .. import tasks

WORKERS = 2
LONG_S = 60.0


class Odd(Exception):
    """An error that cannot be made again from what it holds, as many are."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    raise SegconvError("found this", code="SC055", file=str(number), hint="do that")


def odd(number: int) -> int:
    raise Odd(1, 2)


def long_unless_first(number: int) -> int:
    """Return at once for the first item; otherwise wait until the run is gone, and leave a file that says so."""
    if number:
        until = time.monotonic() + LONG_S
        while not run_is_gone() and time.monotonic() < until:
            time.sleep(0.02)
        Path(os.environ["SEEN"], f"{number}-{run_is_gone()}").touch()
    return number


def refused(work: Callable[[], Any]) -> list[str]:
    try:
        work()
    except SegconvError as error:
        return [error.code, error.file, error.message, error.hint]
    return ["nothing"]


def counted(taken: list[int]) -> Iterator[int]:
    for number in range(1000):
        taken.append(number)
        yield number


def same_bytes(folder: Path) -> Any:
    runs = {}
    for jobs, name in ((1, None), (2, "dask")):
        plan = tasks.make_plan(folder / f"{name}", 6)
        execute(plan, tasks.copy_with_process, tasks.listing, RunOptions(jobs=jobs, backend=name))
        runs[name] = tasks.tree(plan.target.path)
    processes = {path.read_text() for path in (folder / "dask").glob("process-*")}
    return {"equal": runs[None] == runs["dask"] != {}, "workers": len(processes)}


def window(folder: Path) -> Any:
    taken: list[int] = []
    results = each(square, counted(taken), backend="dask")
    first = next(results)
    results.close()
    return {"first": first in {n * n for n in taken}, "taken": len(taken)}


def poison(folder: Path) -> Any:
    plan = tasks.make_plan(folder, 4)
    wording = refused(lambda: execute(plan, tasks.one_dies, tasks.listing, RunOptions(backend="dask")))
    outcome = execute(plan, tasks.copy, tasks.listing, RunOptions(backend="dask"))
    return {"wording": wording, "done": outcome.done, "reused": outcome.reused}


def interrupted(folder: Path) -> Any:

    taken: list[int] = []
    try:
        with interruptible("half is kept", "go on"):
            for _ in each(long_unless_first, counted(taken), backend="dask"):
                signal.raise_signal(signal.SIGINT)
    except Interrupted as error:
        until = time.monotonic() + LONG_S
        while len(list(folder.iterdir())) < 1 and time.monotonic() < until:
            time.sleep(0.02)
        seen = {path.name.partition("-")[2] for path in folder.iterdir()}
        return {"code": error.exit_code, "taken": len(taken), "gone": sorted(seen)}
    return None


def errors(folder: Path) -> Any:
    return [refused(lambda work=work: list(each(work, [1], backend="dask"))) for work in (refuse, odd)]


def without_workers(folder: Path) -> Any:
    from distributed import LocalCluster

    backend.POLL_S, backend.NO_WORKERS_S = 0.1, 0.2
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        os.environ[SCHEDULER] = cluster.scheduler_address
        return refused(lambda: list(each(square, range(3), backend="dask")))


def unreachable(folder: Path) -> Any:
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "500ms"}):
        os.environ[SCHEDULER] = "tcp://127.0.0.1:9"
        none_there = refused(lambda: list(each(square, range(3), backend="dask")))
        plan = tasks.make_plan(folder)
        refused_run = refused(lambda: execute(plan, tasks.copy, tasks.listing, RunOptions(backend="dask")))
        assert not plan.target.path.parent.exists(), "nothing was begun"
        os.environ[SCHEDULER] = "no address"
        no_address = refused(lambda: list(each(square, range(3), backend="dask")))
    del os.environ[SCHEDULER]
    return [none_there, refused_run, no_address, refused(lambda: list(each(square, range(3), backend="dask")))]


ON_THE_CLUSTER: tuple[Callable[[Path], Any], ...] = (same_bytes, window, poison, errors, interrupted)
ELSEWHERE: tuple[Callable[[Path], Any], ...] = (without_workers, unreachable)


def main(root: Path) -> None:
    import dask
    from distributed import LocalCluster

    def tell(scenario: Callable[[Path], Any]) -> None:
        folder = root / scenario.__name__
        folder.mkdir()
        print(json.dumps([scenario.__name__, scenario(folder)]), flush=True)

    os.environ["SEEN"] = str(root / interrupted.__name__)  # which workers inherit
    # One death suffices, which takes a worker a second to recover from.
    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster:
        os.environ[SCHEDULER] = cluster.scheduler_address
        for scenario in ON_THE_CLUSTER:
            tell(scenario)
    for scenario in ELSEWHERE:
        tell(scenario)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
