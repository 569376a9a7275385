"""Conversion of MSD tasks: segconv, nnU-Net's own converter, and the floor, in turn in one run.

``python -m benchmarks.convert [--cases N] [--rounds N] [--workers N]``
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np

from .measure import Contestant, compare, machine, report

BIN = Path(sys.executable).parent


def make_task(root: Path, cases: int, shape: tuple[int, ...]) -> Path:
    """Write a task of smooth, noisy int16 volumes with labels."""
    random = np.random.default_rng(0)
    space = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape[:3]), indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in space))
    label = (radius < 0.5).astype(np.uint8) + (radius < 0.3)
    for number in range(cases + 1):
        body = np.where(radius < 0.9, 40 + 60 * label, -1000).astype(np.float32)
        if len(shape) == 4:
            body = np.repeat(body[..., None], shape[3], axis=-1)
        noise = random.normal(0, 12, shape[:3]).astype(np.float32)
        image = np.where(body > -900, body + (noise[..., None] if len(shape) == 4 else noise), body).astype(np.int16)
        split = "Tr" if number < cases else "Ts"
        for folder, array in ((f"images{split}", image), (f"labels{split}", label)):
            if folder != "labelsTs":
                (root / folder).mkdir(parents=True, exist_ok=True)
                nib.save(nib.Nifti1Image(array, np.diag([0.8, 0.8, 2.0, 1.0])), root / folder / f"case_{number}.nii.gz")
    pairs = [{"image": f"./imagesTr/case_{n}.nii.gz", "label": f"./labelsTr/case_{n}.nii.gz"} for n in range(cases)]
    channels = shape[3] if len(shape) == 4 else 1
    description = {
        "name": "Bench",
        "modality": {str(c): f"channel{c}" for c in range(channels)},
        "labels": {"0": "background", "1": "outer", "2": "inner"},
        "numTraining": cases,
        "numTest": 1,
        "training": pairs,
        "test": [f"./imagesTs/case_{cases}.nii.gz"],
    }
    (root / "dataset.json").write_text(json.dumps(description))
    return root


def contestants(task: Path, base: Path, workers: int) -> dict[str, Contestant]:
    """Return what is compared; each writes a dataset of its own."""
    raw = base / "nnUNet_raw"
    env = {name: str(base / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    segconv = [str(BIN / "segconv"), "convert", str(task), "-q", "-j", str(workers), "--to"]
    floor = [sys.executable, "-m", "benchmarks.floor", str(task)]
    return {
        "nnU-Net's converter": Contestant(
            [str(BIN / "nnUNetv2_convert_MSD_dataset"), "-i", str(task), "-overwrite_id", "1", "-np", str(workers)],
            raw / "Dataset001_Bench",
            env,
        ),
        "segconv": Contestant([*segconv, "2_Bench"], raw / "Dataset002_Bench", env),
        "segconv --no-verify-source": Contestant(
            [*segconv, "3_Bench", "--no-verify-source"], raw / "Dataset003_Bench", env
        ),
        "floor": Contestant([*floor, str(base / "floor"), str(workers)], base / "floor", env),
        "floor, unproved copy": Contestant(
            [*floor, str(base / "copy"), str(workers), "--unproved"], base / "copy", env
        ),
    }


def check(base: Path) -> None:
    """Refuse to time what is not the same."""
    theirs, ours = (base / "nnUNet_raw" / f"Dataset00{n}_Bench" for n in (1, 2))
    files = sorted(path.relative_to(theirs) for path in theirs.glob("*T?/*.nii.gz"))
    if files != sorted(path.relative_to(ours) for path in ours.glob("*T?/*.nii.gz")):
        raise SystemExit("the two converters wrote different files")
    for path in files:
        one, two = nib.load(theirs / path), nib.load(ours / path)
        if not (np.array_equal(one.dataobj, two.dataobj) and np.allclose(one.affine, two.affine, atol=1e-4)):
            raise SystemExit(f"the two converters differ in {path}")


def main() -> None:
    """Compare on a 3D and a 4D task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(f"{machine()}, {options.workers} workers, medians of {options.rounds} interleaved rounds")
    for title, shape in (("3D, 512×512×160", (512, 512, 160)), ("4D, 240×240×155×4", (240, 240, 155, 4))):
        with tempfile.TemporaryDirectory(dir=os.environ.get("SEGCONV_BENCH_DIR")) as folder:
            base = Path(folder)
            for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
                (base / name).mkdir()
            task = make_task(base / "Task01_Bench", options.cases, shape)
            medians = compare(contestants(task, base, options.workers), options.rounds, lambda base=base: check(base))
            decoded = int(np.prod(shape)) * 2 / 2**20
            report(f"{title}, {options.cases} cases and one test image", medians, ours="segconv", floor="floor")
            ratio = medians["segconv"].peak_mib / decoded
            print(f"largest process {ratio:.1f} × the {decoded:.0f} MiB of a decoded source file")


if __name__ == "__main__":
    main()
