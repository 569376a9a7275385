"""Augmenting: two CTs, six rotations each, by segconv, plain SimpleITK, TorchIO, MONAI and the floor, interleaved.

``python -m benchmarks.augment [--cases N] [--rounds N] [--workers N]``

TorchIO and MONAI run in environments of their own: ``SEGCONV_BENCH_TORCHIO`` and
``SEGCONV_BENCH_MONAI`` name their Pythons. What a contestant writes is compared before it is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from . import data
from .measure import Contestant, compare, machine, report

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
ANGLES = (30, 60, 180)
PLANES = ("sagittal", "coronal")
SHAPE = (512, 512, 160)
OTHERS = {"TorchIO": "SEGCONV_BENCH_TORCHIO", "MONAI": "SEGCONV_BENCH_MONAI"}


def dataset(base: Path, cases: int) -> Path:
    """Make a dataset of CT cases; return its folder."""
    source = data.msd(base / "Task01_Bench", cases, SHAPE)
    folder = base / "nnUNet_raw" / "Dataset001_Bench"
    for kind in ("imagesTr", "labelsTr"):
        (folder / kind).mkdir(parents=True)
        for path in (source / kind).iterdir():
            name = path.name.replace(".nii.gz", "_0000.nii.gz") if kind == "imagesTr" else path.name
            path.rename(folder / kind / name)
    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "outer": 1, "inner": 2},
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def contestants(source: Path, base: Path, workers: int) -> dict[str, Contestant]:
    """Return what is compared; each writes a folder of its own."""
    raw = base / "nnUNet_raw"
    env = {name: str(base / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    segconv = [str(BIN / "segconv"), "augment", "1", "-q", "-j", str(workers)]
    segconv += ["--rotate", ",".join(map(str, ANGLES)), "--planes", ",".join(PLANES)]
    floor = [sys.executable, "-m", "benchmarks.augment_floor", str(raw / "Dataset002_Bench")]
    found = {
        "SimpleITK script": Contestant(
            [sys.executable, str(HERE / "augment_simpleitk.py"), str(source), str(base / "script")],
            base / "script",
            env,
        ),
        "segconv": Contestant([*segconv, "--to", "2_Bench"], raw / "Dataset002_Bench", env),
        "segconv --link hard": Contestant(
            [*segconv, "--to", "3_Bench", "--link", "hard"], raw / "Dataset003_Bench", env
        ),
        "segconv --format nii": Contestant(
            [*segconv, "--to", "4_Bench", "--format", "nii"], raw / "Dataset004_Bench", env
        ),
    }
    for name, variable in OTHERS.items():
        python = os.environ.get(variable)
        if python is None:
            print(f"{name} is left out: {variable} names no Python that has it")
            continue
        script = HERE / f"augment_{name.lower()}.py"
        made = base / name.lower()
        found[name] = Contestant([python, str(script), str(source), str(made)], made, env)
    # Last, so that in every round what it writes again has been made.
    found["floor"] = Contestant([*floor, str(base / "floor"), str(workers)], base / "floor", env)
    return found


def check(base: Path, names: list[str]) -> None:
    """Refuse to time what is not the same: images within one grey value, labels equal, but for the edge of the grid."""
    ours = base / "nnUNet_raw" / "Dataset002_Bench"
    folders = {"SimpleITK script": base / "script"} | {name: base / name.lower() for name in names if name in OTHERS}
    for name, theirs in folders.items():
        files = sorted(path.relative_to(theirs) for path in theirs.glob("*T?/*_*al*.nii.gz"))
        if files != sorted(path.relative_to(ours) for path in ours.glob("*T?/*_*al*.nii.gz")):
            raise SystemExit(f"{name} and segconv wrote different files")
        for path in files:
            one, two = (sitk.GetArrayFromImage(sitk.ReadImage(str(root / path))) for root in (theirs, ours))
            apart = np.abs(one.astype(np.int32) - two)
            # Truncation instead of rounding is one grey value; an edge rule half a voxel off is the outermost layer.
            share = float((apart > 1).mean())
            if share > 0.02:
                raise SystemExit(f"{name} and segconv differ by more than 1 in {share:.2%} of {path}")
            print(f"  {name}: {path.name}: equal {float((apart == 0).mean()):.2%}, further than 1 {share:.3%}")


def main() -> None:
    """Compare all that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(f"{machine()}, {options.workers} workers, medians of {options.rounds} interleaved rounds")
    with tempfile.TemporaryDirectory(dir=os.environ.get("SEGCONV_BENCH_DIR")) as folder:
        base = Path(folder)
        for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
            (base / name).mkdir()
        source = dataset(base, options.cases)
        found = contestants(source, base, options.workers)
        title = f"{options.cases} CT cases {SHAPE[0]}×{SHAPE[1]}×{SHAPE[2]}, {len(ANGLES) * len(PLANES)} rotations each"
        medians = compare(found, options.rounds, lambda: check(base, list(found)))
        report(title, medians, ours="segconv", floor="floor")


if __name__ == "__main__":
    main()
