"""Combining classes: segconv, TotalSegmentator's own command and function, and the floor, interleaved.

``python -m benchmarks.combine [--cases N] [--rounds N] [--workers N] [--map FILE]``

The cases are a label map of TotalSegmentator, enlarged to the size of a CT: as a mask for each class, and as one file.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np

from segconv.train.totalsegmentator.groups import usual_groups
from segconv.train.totalsegmentator.registry import numbering

from .measure import Contestant, compare, machine, report

BIN = Path(sys.executable).parent
ENLARGED = 4
GROUPS = ("lung", "ribs")


def make(base: Path, label_map: Path, cases: int) -> tuple[Path, Path]:
    """Write the cases in both forms, as masks those of the groups; return their folders."""
    numbers = numbering("total")
    needed = [name for group in GROUPS for name in usual_groups(numbers)[group]]
    image = nib.load(label_map)
    values = np.asarray(image.dataobj).astype(np.uint8)
    for axis in range(3):
        values = values.repeat(ENLARGED, axis)
    affine = image.affine @ np.diag([1 / ENLARGED] * 3 + [1])
    masks, whole = base / "masks", base / "whole"
    whole.mkdir()
    for number in range(cases):
        turned = np.roll(values, number, 0)
        (masks / f"case{number}").mkdir(parents=True)
        one = nib.Nifti1Image(turned, affine)
        one.header.extensions.extend(image.header.extensions)
        nib.save(one, whole / f"case{number}.nii.gz")
        for name in needed:
            mask = (turned == numbers[name]).astype(np.uint8)
            nib.save(nib.Nifti1Image(mask, affine), masks / f"case{number}" / f"{name}.nii.gz")
    return masks, whole


def contestants(source: Path, group: str, base: Path, workers: int) -> dict[str, Contestant]:
    """Return what is compared; each writes a folder of its own."""
    ours = [str(BIN / "segconv"), "totalseg", "combine", str(source), group, "-q", "-j", str(workers), "-o"]
    program = [sys.executable, "-m", "benchmarks.combine_masks", str(source), group, str(workers)]
    env = {"TOTALSEG_HOME_DIR": str(base / "home")}
    names = {"totalseg_combine_masks": "command", "its function, one process": "function", "floor": "floor"}
    found = {name: Contestant([*program, how, str(base / how)], base / how, env) for name, how in names.items()}
    return {**found, "segconv": Contestant([*ours, str(base / "ours")], base / "ours", env)}


def check(base: Path) -> None:
    """Refuse to time what is not the same."""
    for path in sorted((base / "ours").glob("*.nii.gz")):
        ours = nib.load(path)
        for how in ("command", "function", "floor"):
            theirs = nib.load(base / how / path.name)
            if not (np.array_equal(ours.dataobj, theirs.dataobj) and np.array_equal(ours.affine, theirs.affine)):
                raise SystemExit(f"segconv and {how} differ in {path.name}")


def main() -> None:
    """Compare on both forms, for a group of few classes and one of many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--map", type=Path, default=Path("../shared/data/totalseg_small/example_seg.nii.gz"))
    options = parser.parse_args()
    print(f"{machine()}, {options.workers} workers, medians of {options.rounds} interleaved rounds")
    with tempfile.TemporaryDirectory(dir=os.environ.get("SEGCONV_BENCH_DIR")) as folder:
        base = Path(folder)
        masks, whole = make(base, options.map, options.cases)
        shape = "×".join(map(str, nib.load(next(whole.iterdir())).shape))
        for source in (masks, whole):
            for group in GROUPS:
                found = contestants(source, group, base, options.workers)
                form = "a mask for each class" if source.name == "masks" else "one file for all classes"
                title = f"{group}, {options.cases} cases of {shape}, {form}"
                report(title, compare(found, options.rounds, lambda: check(base)), ours="segconv", floor="floor")


if __name__ == "__main__":
    main()
