"""Run complete processes in turn; measure CPU time, wall time and memory, children included."""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

LIMIT_S = 1800
"""How long a command may take: more than the slowest."""

SAMPLED_EVERY_S = 0.02
_REAPER = (sys.executable, str(Path(__file__).with_name("reaper.py")))

COUNTED_RAY = (
    "env",
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper=true",
    "RAY_process_group_cleanup_enabled=false",
)
"""Begins the command of a Ray node whose workers are counted. They end with their job, and the node reaps them:
the kernel adds the CPU time of a child to its parent only then."""


class Failed(Exception):
    """A command failed, or what it made is not what the others made."""


@dataclass(frozen=True)
class Contestant:
    """A command, and what has to be removed before each run.

    Parameters
    ----------
    who
        The program, if its name in the comparison says more than that.
    size
        What grows: ``cases``, ``volume``, ``workers``, each a number.
    once
        It is so slow that it runs only once, watched.
    beside
        Processes of servers that work for it: their CPU time and memory are counted. Those of
        Ray begin with `COUNTED_RAY`.
    idle
        What part of a core these take without work; see `idle_cores`.
    needs
        A module that must be installed.
    """

    command: Sequence[str]
    made: Path
    env: Mapping[str, str]
    who: str = ""
    size: Mapping[str, int] = field(default_factory=dict)
    once: bool = False
    beside: Sequence[int] = ()
    idle: float = 0.0
    needs: str = ""

    @property
    def is_there(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


@dataclass
class Row:
    """What the runs of one contestant took: seconds of each, and the largest memory in MiB.

    Parameters
    ----------
    rss_mib
        Of its largest process.
    pss_mib
        Of all its processes at one time, shared pages counted once.
    idle
        As in `Contestant`.
    """

    name: str
    who: str
    size: Mapping[str, int]
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    rss_mib: float = 0.0
    pss_mib: float = 0.0
    idle: float = 0.0

    @property
    def cpu(self) -> float:
        """Median of the CPU seconds."""
        return statistics.median(self.cpu_s)

    @property
    def wall(self) -> float:
        """Median of the wall seconds."""
        return statistics.median(self.wall_s)

    def add(self, once: Once) -> None:
        """Add what one more run took."""
        self.cpu_s.append(once.cpu_s)
        self.wall_s.append(once.wall_s)
        self.rss_mib = max(self.rss_mib, once.rss_mib)


@dataclass(frozen=True)
class Once:
    """What one run took, with its servers; seconds, and MiB as in `Row`."""

    cpu_s: float
    wall_s: float
    rss_mib: float
    pss_mib: float


def compare(contestants: Mapping[str, Contestant], rounds: int, check: Callable[[], None]) -> list[Row]:
    """Run all in turn, `rounds` times after a first round that is watched, checked and not timed.

    The order is drawn for each round, because a program that follows a large writer pays for the memory it left behind.
    Watching takes time from what is watched, so only what runs once is timed at the same time.

    Raises
    ------
    Failed
        If a command does.
    """
    rows = {name: Row(name, one.who or name, one.size, idle=one.idle) for name, one in contestants.items()}
    for name, contestant in contestants.items():
        first = run(contestant, watched=True)
        rows[name].pss_mib = first.pss_mib
        if contestant.once:
            rows[name].add(first)
    check()
    again = [name for name, contestant in contestants.items() if not contestant.once]
    order = np.random.default_rng(0)
    for _ in range(rounds):
        for name in order.permutation(again).tolist():
            rows[name].add(run(contestants[name]))
    return list(rows.values())


def run(contestant: Contestant, *, watched: bool = False) -> Once:
    """Run a command once; if `watched`, find out how much memory it takes.

    Raises
    ------
    Failed
        If the command does.
    """
    set_aside(contestant.made)
    os.sync()
    before = _cpu_s(contestant.beside)
    process = subprocess.Popen(
        [*_REAPER, *contestant.command],
        # As users have it: modules are compiled once, not by every process.
        env={k: v for k, v in {**os.environ, **contestant.env}.items() if k != "PYTHONDONTWRITEBYTECODE"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with _memory(process.pid, contestant.beside) if watched else nullcontext([0.0]) as peaks:
        out, err = _output(process, contestant.command)
    if process.returncode != 0 or not out.startswith("0 "):
        raise Failed(f"{' '.join(contestant.command)} failed:\n{err}")
    _, cpu, wall, rss = out.split()
    return Once(float(cpu) + _cpu_s(contestant.beside) - before, float(wall), float(rss), max(peaks))


def set_aside(made: Path) -> None:
    """Empty a file, or the files of a folder, and hide it beside: it is removed when everything is measured.

    For a minute, ext4 takes no inode that was freed, and looks at each of them for every new file: 800 files that were
    removed cost the next program that writes as many a fifth of a second.
    """
    files = [made] if made.is_file() else [Path(folder, name) for folder, _, names in os.walk(made) for name in names]
    for file in files:
        if file.is_file() and not file.is_symlink():
            if file.stat().st_nlink > 1:  # the source has the same content
                file.unlink()
            else:
                os.truncate(file, 0)
    with suppress(FileNotFoundError):
        made.rename(made.with_name(f".{made.name}-{time.monotonic_ns()}"))


def _output(process: subprocess.Popen[str], command: Sequence[str]) -> tuple[str, str]:
    """Return what a process writes; end it and its children if that takes too long."""
    try:
        return process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        for one in _trees([process.pid])[::-1]:
            with suppress(psutil.Error):
                one.kill()
        process.wait()
        raise Failed(f"{' '.join(command)} was still at work after {LIMIT_S} s") from None


@contextmanager
def _memory(between: int, beside: Sequence[int]) -> Iterator[list[float]]:
    """Watch the children of a process, and servers; yield a list of the MiB that all take together, which grows."""
    over = threading.Event()
    found = [0.0]

    def watch() -> None:
        while not over.wait(SAMPLED_EVERY_S):
            total = 0
            for process in [*_trees([between])[1:], *_trees(beside)]:
                with suppress(psutil.Error):
                    total += process.memory_full_info().pss
            found.append(total / 2**20)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def _cpu_s(roots: Sequence[int]) -> float:
    """Return the CPU seconds that processes and their children, also those that it waited for, have taken so far."""
    total = 0.0
    for process in _trees(roots):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def idle_cores(servers: Sequence[int], seconds: float) -> float:
    """Watch servers without work; return what part of a core they take."""
    begun, before = time.monotonic(), _cpu_s(servers)
    time.sleep(seconds)
    return (_cpu_s(servers) - before) / (time.monotonic() - begun)


def _trees(roots: Sequence[int]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for root in roots:
        with suppress(psutil.Error):
            process = psutil.Process(root)
            found += [process, *process.children(recursive=True)]
    return found


def machine() -> str:
    """Return cores and memory."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores, {gib:.0f} GiB"
