"""Measure everything, and write ``REPORT.md`` and ``REPORT.json`` beside this file: ``python -m benchmarks``.

With ``--only`` or ``--quick`` the report is printed, and kept only where ``--output`` says.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .job import Room
from .jobs import JOBS
from .measure import Failed, machine, set_aside
from .page import page
from .result import Measured

HERE = Path(__file__).parent
PACKAGES = ("segconv", "numpy", "isal", "numba", "nnunetv2", "SimpleITK", "monai", "distributed", "ray", "submitit")


def main(words: Sequence[str] | None = None) -> None:
    """Run jobs, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(JOBS), metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--quick", action="store_true", help="one round on small inputs, to try the jobs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, metavar="DIR")
    options = parser.parse_args(words)
    rounds = 1 if options.quick else options.rounds
    measured = Measured(machine(), os.getloadavg()[0], options.workers, rounds, options.quick, _versions())
    output = options.output or (None if options.only or options.quick else HERE)
    with tempfile.TemporaryDirectory(dir=os.environ.get("SEGCONV_BENCH_DIR")) as folder:
        for job in options.only or JOBS:
            _measure(measured, job, Path(folder, job))
            if output is not None:  # after each job, so that an interrupted run keeps what it measured
                output.mkdir(parents=True, exist_ok=True)
                (output / "REPORT.json").write_text(measured.to_json(), encoding="utf-8")
                (output / "REPORT.md").write_text(page(measured), encoding="utf-8")
    if output is None:
        sys.stdout.write(page(measured))


def _measure(measured: Measured, job: str, folder: Path) -> None:
    """Run one job in a new folder, and add what it measured, or why it failed."""
    begun = time.monotonic()
    print(f"{job} …", file=sys.stderr, flush=True)
    folder.mkdir()
    with ExitStack() as exits:
        try:
            found = JOBS[job](Room(folder, measured.workers, measured.quick, exits))
            measured.results[job] = [one.measured(measured.rounds) for one in found]
        except (Failed, OSError) as error:
            measured.failed[job] = str(error).replace(str(folder), "…")
            print(measured.failed[job], file=sys.stderr, flush=True)
    set_aside(folder)
    measured.seconds[job] = time.monotonic() - begun


def _versions() -> dict[str, str]:
    found = {"Python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


if __name__ == "__main__":
    main()
