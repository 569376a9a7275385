"""Reports: ``segconv report`` and ``segconv check``, which reads the same files, interleaved; and the size of the page.

``python -m benchmarks.report [--rounds N] [--workers N] [--hippocampus TASK]``
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from . import data
from .check import BIN, converted
from .measure import Contestant, compare, machine, report


def measure(title: str, dataset: Path, base: Path, rounds: int, workers: int) -> None:
    """Time both on one dataset, and print the size of the page."""
    env = {name: str(base / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    page = base / "made" / "report.html"
    words = [str(BIN / "segconv"), "report", str(dataset), "-o", str(page), "-q", "-j", str(workers)]
    check = [str(BIN / "segconv"), "check", str(dataset), "-q", "-j", str(workers)]
    contestants = {
        "segconv report": Contestant(words, page.parent, env),
        "segconv check": Contestant(check, base / "none", env),
    }
    sizes: list[float] = []
    medians = compare(contestants, rounds, lambda: sizes.append(page.stat().st_size / 1e6))
    report(f"{title}: a page of {sizes[0]:.1f} MB", medians, ours="segconv report", floor="segconv check")


def main() -> None:
    """Measure on many small and on few large volumes, and on the Hippocampus cases where they are."""
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
        sources = {
            "1,000 volumes of 64×64×40": data.msd(base / "Task01_Small", 1000, (64, 64, 40)),
            "4 volumes of 512×512×100": data.msd(base / "Task02_Large", 4, (512, 512, 100)),
        }
        if options.hippocampus.is_dir():
            sources["260 cases of the Hippocampus task"] = options.hippocampus
        for number, (title, source) in enumerate(sources.items(), start=1):
            measure(title, converted(source, base, str(number)), base, options.rounds, options.workers)


if __name__ == "__main__":
    main()
