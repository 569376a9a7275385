"""Whole processes, run in turn: CPU and wall time with all their children, and the largest process."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """What one run took: seconds, and MiB of its largest process."""

    cpu_s: float
    wall_s: float
    peak_mib: float


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


def compare(contestants: Mapping[str, Contestant], rounds: int, check: Callable[[], None]) -> dict[str, Run]:
    """Run all in turn, `rounds` times after a first round that is checked and not counted; return medians."""
    for contestant in contestants.values():
        run(contestant)
    check()
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            runs[name].append(run(contestant))
    return {
        name: Run(
            statistics.median(r.cpu_s for r in found),
            statistics.median(r.wall_s for r in found),
            max(r.peak_mib for r in found),
        )
        for name, found in runs.items()
    }


def report(title: str, medians: Mapping[str, Run], *, ours: str, floor: str) -> None:
    """Print a table with ratios to ours and to the floor."""
    print(f"\n{title}")
    print(f"{'':28}{'CPU s':>8}{'wall s':>8}{'peak MiB':>10}{'CPU / ours':>12}{'CPU / floor':>13}")
    for name, found in medians.items():
        print(
            f"{name:28}{found.cpu_s:8.2f}{found.wall_s:8.2f}{found.peak_mib:10.0f}"
            f"{found.cpu_s / medians[ours].cpu_s:12.2f}{found.cpu_s / medians[floor].cpu_s:13.2f}"
        )


def machine() -> str:
    """Return cores and memory."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores, {gib:.0f} GiB, load {os.getloadavg()[0]:.1f}"
