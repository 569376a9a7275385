"""Run complete processes in turn; measure CPU time, wall time and memory, children included."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

SAMPLED_EVERY_S = 0.02


@dataclass(frozen=True)
class Run:
    """What one run took: seconds, MiB of its largest process, and of all its processes together."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    pss_mib: float = 0.0


@dataclass(frozen=True)
class Contestant:
    """A command, and what has to be removed before each run."""

    command: Sequence[str]
    made: Path
    env: Mapping[str, str]


def run(contestant: Contestant) -> Run:
    """Run a command once, in a process whose children are counted with it."""
    shutil.rmtree(contestant.made, ignore_errors=True)
    os.sync()
    # A process between, because the kernel keeps the peak of all children that were ever waited for.
    script = (
        "import resource, subprocess, sys, time; t = time.monotonic();"
        "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(code, u.ru_utime + u.ru_stime, time.monotonic() - t, u.ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *contestant.command],
        # As users have it: modules are compiled once, not by every process.
        env={k: v for k, v in {**os.environ, **contestant.env}.items() if k != "PYTHONDONTWRITEBYTECODE"},
        capture_output=True,
        text=True,
        check=True,
    )
    code, cpu, wall, peak = done.stdout.split()
    if int(code) != 0:
        raise SystemExit(f"{' '.join(contestant.command)} failed:\n{done.stderr}")
    return Run(float(cpu), float(wall), float(peak))


def peak_pss_mib(contestant: Contestant) -> float:
    """Run a command once; return the most that it and all its children take together, shared pages counted once."""
    shutil.rmtree(contestant.made, ignore_errors=True)
    env = {**os.environ, **contestant.env}
    with subprocess.Popen(contestant.command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        peak = 0
        tree = psutil.Process(process.pid)
        while process.poll() is None:
            total = 0
            with suppress(psutil.Error):
                for one in (tree, *tree.children(recursive=True)):
                    with suppress(psutil.Error):
                        total += one.memory_full_info().pss
            peak = max(peak, total)
            time.sleep(SAMPLED_EVERY_S)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(contestant.command)} failed")
    return peak / 2**20


def compare(contestants: Mapping[str, Contestant], rounds: int, check: Callable[[], None]) -> dict[str, Run]:
    """Run all in turn, `rounds` times after a first round that is watched, checked and not timed; return medians.

    The order is drawn for each round, because a program that follows a large writer pays for the memory it left behind.
    """
    memory = {name: peak_pss_mib(contestant) for name, contestant in contestants.items()}
    check()
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    order = np.random.default_rng(0)
    for _ in range(rounds):
        for name in order.permutation(list(contestants)).tolist():
            runs[name].append(run(contestants[name]))
    return {
        name: Run(
            statistics.median(r.cpu_s for r in found),
            statistics.median(r.wall_s for r in found),
            max(r.peak_mib for r in found),
            memory[name],
        )
        for name, found in runs.items()
    }


def report(title: str, medians: Mapping[str, Run], *, ours: str, floor: str) -> None:
    """Print a table with ratios to ours and to the floor."""
    print(f"\n{title}")
    print(f"{'':28}{'CPU s':>8}{'wall s':>8}{'peak MiB':>10}{'tree MiB':>10}{'CPU / ours':>12}{'CPU / floor':>13}")
    for name, found in medians.items():
        print(
            f"{name:28}{found.cpu_s:8.2f}{found.wall_s:8.2f}{found.peak_mib:10.0f}{found.pss_mib:10.0f}"
            f"{found.cpu_s / medians[ours].cpu_s:12.2f}{found.cpu_s / medians[floor].cpu_s:13.2f}"
        )


def machine() -> str:
    """Return cores and memory."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores, {gib:.0f} GiB, load {os.getloadavg()[0]:.1f}"
