"""Checking: ``segconv check`` and nnU-Net's ``verify_dataset_integrity``, interleaved, with the same number of workers.

``python -m benchmarks.check [--rounds N] [--workers N] [--hippocampus TASK]``

Memory is that of all processes at once: the largest sum over the tree of their proportional set sizes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from . import data
from .measure import Contestant, Run, machine, run

BIN = Path(sys.executable).parent
SAMPLED_S = 0.05


def tree_pss_mib(root: int) -> float:
    """Return the proportional set size of a process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    waiting, total = [root], 0
    while waiting:
        process = waiting.pop()
        waiting += parents.get(process, [])
        try:
            rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return total / 1024


def peak_mib(contestant: Contestant) -> float:
    """Run a command once more, and return the most memory that its processes had at one time."""
    env = {k: v for k, v in {**os.environ, **contestant.env}.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(contestant.command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.is_set():
            peak = max(peak, tree_pss_mib(process.pid))
            time.sleep(SAMPLED_S)

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    over.set()
    watcher.join()
    return peak


def compare(title: str, dataset: Path, base: Path, rounds: int, workers: int) -> None:
    """Time both on one dataset, and print the ratios."""
    env = {name: str(base / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    theirs = [sys.executable, "-m", "benchmarks.verify_integrity", str(dataset), str(workers)]
    ours = [str(BIN / "segconv"), "check", str(dataset), "-q", "-j", str(workers)]
    contestants = {
        "nnU-Net's check": Contestant(theirs, base / "none", env),
        "segconv check": Contestant(ours, base / "none", env),
        "segconv check --quick": Contestant([*ours, "--quick"], base / "none", env),
    }
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            one = run(contestant)
            if number:  # the first round warms the caches
                runs[name].append(one)
    print(f"\n{title}")
    print(f"{'':24}{'CPU s':>8}{'wall s':>8}{'peak MiB':>10}{'CPU':>8}{'wall':>8}{'memory':>8}")
    found = {
        name: (
            statistics.median(r.cpu_s for r in runs[name]),
            statistics.median(r.wall_s for r in runs[name]),
            peak_mib(contestant),
        )
        for name, contestant in contestants.items()
    }
    base_line = found["nnU-Net's check"]
    for name, numbers in found.items():
        ratios = "".join(f"{theirs / mine:7.1f}×" for theirs, mine in zip(base_line, numbers, strict=True))
        print(f"{name:24}{numbers[0]:8.2f}{numbers[1]:8.2f}{numbers[2]:10.0f}{ratios}")


def converted(source: Path, base: Path, target: str) -> Path:
    """Return the dataset that segconv makes of a task."""
    env = {**os.environ, "nnUNet_raw": str(base / "nnUNet_raw")}
    words = [str(BIN / "segconv"), "convert", str(source), "--to", target, "-q"]
    subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL)
    return next((base / "nnUNet_raw").glob(f"Dataset{int(target):03d}_*"))


def main() -> None:
    """Compare on volumes, and on the Hippocampus cases where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--hippocampus", type=Path, default=Path("../shared/data/Task04_Hippocampus"))
    options = parser.parse_args()
    print(f"{machine()}, {options.workers} workers, medians of {options.rounds} interleaved rounds")
    with tempfile.TemporaryDirectory(dir=os.environ.get("SEGCONV_BENCH_DIR")) as folder:
        base = Path(folder)
        for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
            (base / name).mkdir()
        volumes = converted(data.msd(base / "Task01_Bench", 4, (512, 512, 100)), base, "1")
        compare("4 volumes of 512×512×100, int16", volumes, base, options.rounds, options.workers)
        if options.hippocampus.is_dir():
            hippocampus = converted(options.hippocampus, base, "4")
            compare("260 cases of the Hippocampus task", hippocampus, base, options.rounds, options.workers)


if __name__ == "__main__":
    main()
