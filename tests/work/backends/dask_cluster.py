"""Scenarios on real Dask clusters, in a process of their own; one line of JSON per scenario."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segconv.work.backends import addressed
from segconv.work.backends import dask as backend
from segconv.work.backends.dask_client import SCHEDULER
from segconv.work.parallel import each
from segconv.work.run import execute
from segconv.work.run_options import RunOptions

from .. import tasks
from . import scenarios
from .scenarios import LONG_S, SEEN, At, refused, square, tell

WORKERS = 2
CASES = 16
MANY = 1000
"""Items that take a single worker ten times as long as another one needs to join."""


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


class Separate:
    """A cluster of a scheduler and workers, each a process that can be killed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self.scheduler = self._dask("scheduler", "--port", "0", "--host", "127.0.0.1")
        self.workers: list[subprocess.Popen[bytes]] = []
        _wait(self._file.exists)

    @property
    def address(self) -> str:
        import json

        return str(json.loads(self._file.read_text())["address"])

    def add_worker(self) -> None:
        self.workers.append(self._dask("worker", "--nworkers", "1", "--nthreads", "1", "--no-nanny"))

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _dask(self, kind: str, *options: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "dask", kind, "--scheduler-file", str(self._file), *options]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([*words, "--dashboard-address", "127.0.0.1:0"], **quiet)


@contextmanager
def separate(folder: Path) -> Iterator[Separate]:
    cluster = Separate(folder)
    try:
        yield cluster
    finally:
        cluster.end()


def killed_and_joined(folder: Path) -> Any:
    """A worker joins late, and the first one is killed: the bytes are those of one process."""
    with separate(folder) as cluster:
        cluster.add_worker()
        begin = At({3: cluster.add_worker, CASES // 2: cluster.workers[0].kill})
        runs = []
        for how in (RunOptions(), RunOptions(backend=addressed("dask", cluster.address), progress=begin)):
            plan = tasks.make_plan(folder / str(len(runs)), CASES)
            execute(plan, tasks.copy_with_process, tasks.listing, how)
            runs.append(tasks.tree(plan.target.path))
        processes = {path.read_text() for path in (folder / "1").glob("process-*")}
        expected = {str(process.pid) for process in cluster.workers}
        return {"equal": runs[0] == runs[1] != {}, "workers": processes == expected}


def joined(folder: Path) -> Any:
    """Workers join one worker that returns results all the time: how many then work at once."""
    with separate(folder) as cluster:
        cluster.add_worker()
        spans: list[tuple[float, float]] = []
        most = 0
        for span in each(scenarios.brief, range(MANY), backend=addressed("dask", cluster.address)):
            spans.append(span)
            most = max(most, sum(begun <= span[0] < ended for begun, ended in spans))
            if len(spans) == 1:
                cluster.add_worker()
                cluster.add_worker()
            if most > backend.AHEAD:  # more than the first worker could get
                break
        return most


def scheduler_killed(folder: Path) -> Any:
    with separate(folder) as cluster:
        cluster.add_worker()
        name = addressed("dask", cluster.address)
        return scenarios.cluster_gone(folder, name, cluster.scheduler.kill)


def _wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG_S
    while not until():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


ON_THE_CLUSTER: tuple[Callable[[Path, str], Any], ...] = (
    scenarios.same_bytes,
    scenarios.window,
    scenarios.poison,
    scenarios.errors,
    scenarios.interrupted,
)
ELSEWHERE: tuple[Callable[[Path], Any], ...] = (
    killed_and_joined,
    joined,
    scheduler_killed,
    without_workers,
    unreachable,
)


def main(root: Path) -> None:
    import dask
    from distributed import LocalCluster

    def folder_of(scenario: Callable[..., Any]) -> Path:
        folder = root / scenario.__name__
        folder.mkdir()
        return folder

    os.environ[SEEN] = str(root / scenarios.interrupted.__name__)  # which workers inherit
    # One death suffices, which takes a worker a second to recover from.
    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster:
        os.environ[SCHEDULER] = cluster.scheduler_address
        for scenario in ON_THE_CLUSTER:
            tell(scenario.__name__, scenario(folder_of(scenario), "dask"))
    for alone in ELSEWHERE:
        tell(alone.__name__, alone(folder_of(alone)))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(Path(sys.argv[1]))
