"""Converting: segconv, nnU-Net's own converters and the floor, interleaved; pictures, v1, 4D and 3D.

``python -m benchmarks.convert [KIND …] [--cases N] [--pairs N] [--rounds N] [--workers N]``
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from . import data
from .measure import Contestant, compare, machine, report

BIN = Path(sys.executable).parent
KINDS = ("png", "v1", "4d", "3d")


def contestants(kind: str, source: Path, base: Path, workers: int) -> dict[str, Contestant]:
    """Return what is compared; each writes a dataset of its own."""
    raw = base / "nnUNet_raw"
    env = {name: str(base / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    segconv = [str(BIN / "segconv"), "convert", str(source), "-q", "-j", str(workers), "--to"]
    floor = [sys.executable, "-m", "benchmarks.floor", str(source)]
    theirs = {
        "png": [
            sys.executable,
            "-m",
            "benchmarks.nnunet_png",
            str(source),
            str(raw / "Dataset001_Bench"),
            str(workers),
        ],
        "v1": [str(BIN / "nnUNetv2_convert_old_nnUNet_dataset"), str(source), "Dataset001_Bench"],
    }.get(
        kind,
        [str(BIN / "nnUNetv2_convert_MSD_dataset"), "-i", str(source), "-overwrite_id", "1", "-np", str(workers)],
    )
    found = {
        "nnU-Net's way": Contestant(theirs, raw / "Dataset001_Bench", env),
        "segconv": Contestant([*segconv, "2_Bench"], raw / "Dataset002_Bench", env),
        "floor": Contestant([*floor, str(base / "floor"), str(workers)], base / "floor", env),
    }
    if kind != "png":
        found["segconv --no-verify-source"] = Contestant(
            [*segconv, "3_Bench", "--no-verify-source"], raw / "Dataset003_Bench", env
        )
        found["floor, unproved copy"] = Contestant(
            [*floor, str(base / "copy"), str(workers), "--unproved"], base / "copy", env
        )
    return found


def check(base: Path) -> None:
    """Refuse to time what is not the same."""
    theirs, ours = (base / "nnUNet_raw" / f"Dataset00{n}_Bench" for n in (1, 2))
    files = sorted(path.relative_to(theirs) for path in theirs.glob("*T?/*.*"))
    if files != sorted(path.relative_to(ours) for path in ours.glob("*T?/*.*")):
        raise SystemExit("the two converters wrote different files")
    for path in files:
        if path.suffix == ".png":
            same = np.array_equal(np.asarray(Image.open(theirs / path)), np.asarray(Image.open(ours / path)))
        else:
            one, two = nib.load(theirs / path), nib.load(ours / path)
            same = np.array_equal(one.dataobj, two.dataobj) and np.allclose(one.affine, two.affine, atol=1e-4)
        if not same:
            raise SystemExit(f"the two converters differ in {path}")


def main() -> None:
    """Compare on each kind of source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], default=[])
    parser.add_argument("--cases", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    makers: dict[str, tuple[str, Callable[[Path], Path]]] = {
        "png": (f"PNG, {options.pairs} pairs 512×512", lambda root: data.pictures(root / "Bench", options.pairs)),
        "v1": (
            f"v1, {options.cases} cases 256×256×100, two channels",
            lambda root: data.v1(root / "Task001_Bench", options.cases, (256, 256, 100)),
        ),
        "4d": (
            f"4D, {options.cases} cases 240×240×155×4 and a test image",
            lambda root: data.msd(root / "Task01_Bench", options.cases, (240, 240, 155, 4)),
        ),
        "3d": (
            f"3D, {options.cases} cases 512×512×160 and a test image",
            lambda root: data.msd(root / "Task01_Bench", options.cases, (512, 512, 160)),
        ),
    }
    print(f"{machine()}, {options.workers} workers, medians of {options.rounds} interleaved rounds")
    for kind in options.kinds or KINDS:
        title, make = makers[kind]
        with tempfile.TemporaryDirectory(dir=os.environ.get("SEGCONV_BENCH_DIR")) as folder:
            base = Path(folder)
            for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
                (base / name).mkdir()
            source = make(base)
            found = contestants(kind, source, base, options.workers)
            report(title, compare(found, options.rounds, lambda base=base: check(base)), ours="segconv", floor="floor")


if __name__ == "__main__":
    main()
