"""Planning: time and memory of ``segconv convert --dry-run`` for 10,000 and 100,000 pairs of pictures.

``python -m benchmarks.plan [--rounds N]``
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from .data import many_pictures
from .measure import Contestant, machine, run

BIN = Path(sys.executable).parent
SIZES = (10_000, 100_000)


def main() -> None:
    """Plan both, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{machine()}, medians of {options.rounds} interleaved rounds")
    with tempfile.TemporaryDirectory(dir=os.environ.get("SEGCONV_BENCH_DIR")) as folder:
        base = Path(folder)
        (base / "nnUNet_raw").mkdir()
        env = {"nnUNet_raw": str(base / "nnUNet_raw")}
        found = {}
        for size in SIZES:
            source = many_pictures(base / f"pairs_{size}", size)
            words = [str(BIN / "segconv"), "convert", str(source), "--to", "1_Bench", "--dry-run", "-q"]
            found[size] = Contestant([*words, "--labels", "background=0,road=255"], base / "none", env)
        runs: dict[int, list[tuple[float, float, float]]] = {size: [] for size in SIZES}
        for _ in range(options.rounds):
            for size, contestant in found.items():
                one = run(contestant)
                runs[size].append((one.wall_s, one.cpu_s, one.peak_mib))
        print(f"{'pairs':>8}{'wall s':>9}{'CPU s':>9}{'peak MiB':>10}")
        medians = {size: [statistics.median(r[i] for r in found) for i in range(3)] for size, found in runs.items()}
        for size, (wall, cpu, peak) in medians.items():
            print(f"{size:8d}{wall:9.2f}{cpu:9.2f}{peak:10.0f}")
        small, large = (medians[size] for size in SIZES)
        print(f"ten times the pairs take {large[1] / small[1]:.1f} × the CPU time, and")
        print(f"{(large[2] - small[2]) * 1024 / (SIZES[1] - SIZES[0]):.2f} KiB more memory for each further pair")


if __name__ == "__main__":
    main()
