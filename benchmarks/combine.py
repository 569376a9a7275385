"""Combining classes: segconv, TotalSegmentator's own command and function, and the floor.

The cases are a label map of TotalSegmentator, enlarged to the size of a CT: as a mask for each class, and as one file.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from segconv.train.totalsegmentator.groups import usual_groups
from segconv.train.totalsegmentator.registry import numbering

from .job import FLOOR, OURS, Comparison, Room
from .measure import Contestant, Failed

LABEL_MAP = Path(os.environ.get("SEGCONV_TEST_DATA", "../shared/data")) / "totalseg_small" / "example_seg.nii.gz"
ENLARGED = 4
GROUPS = ("lung", "ribs")
THEIRS = {"totalseg_combine_masks": "command", "its function, one process": "function", FLOOR: "floor"}


def make(base: Path, label_map: Path, cases: int, enlarged: int) -> tuple[Path, Path]:
    """Write the cases in both forms, as masks those of the groups; return their folders."""
    numbers = numbering("total")
    needed = [name for group in GROUPS for name in usual_groups(numbers)[group]]
    image = nib.load(label_map)
    values = np.asarray(image.dataobj).astype(np.uint8)
    for axis in range(3):
        values = values.repeat(enlarged, axis)
    affine = image.affine @ np.diag([1 / enlarged] * 3 + [1])
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


def combine(room: Room) -> Sequence[Comparison]:
    """Combine in both forms, for a group of few classes and one of many."""
    cases = room.many(2)
    masks, whole = make(room.base, LABEL_MAP, cases, 1 if room.quick else ENLARGED)
    shape = "×".join(map(str, nib.load(next(whole.iterdir())).shape))
    found = []
    for source in (masks, whole):
        for group in GROUPS:
            form = "a mask for each class" if source == masks else "one file for all classes"
            title = f"{group}, {cases} cases of {shape}, {form}"
            base = room.base / f"{source.name}_{group}"
            found.append(Comparison(title, _contestants(room, source, group, base), lambda base=base: _check(base)))
    return found


def _contestants(room: Room, source: Path, group: str, base: Path) -> dict[str, Contestant]:
    """Return what is compared; each writes a folder of its own."""
    found = {}
    for name, how in THEIRS.items():
        one = room.program("combine_masks", source, group, room.workers, how, base / how, made=base / how)
        env = {"TOTALSEG_HOME_DIR": str(room.base / "home")}
        theirs = {} if name == FLOOR else {"once": True, "needs": "totalsegmentator"}
        found[name] = dataclasses.replace(one, env=env, **theirs)
    ours = base / "ours"
    return {**found, OURS: room.segconv("totalseg", "combine", source, group, "-o", ours, made=ours)}


def _check(base: Path) -> None:
    """Refuse to time what is not the same."""
    for path in sorted((base / "ours").glob("*.nii.gz")):
        ours = nib.load(path)
        for how in (how for how in THEIRS.values() if (base / how).is_dir()):
            theirs = nib.load(base / how / path.name)
            if not (np.array_equal(ours.dataobj, theirs.dataobj) and np.array_equal(ours.affine, theirs.affine)):
                raise Failed(f"segconv and {how} differ in {path.name}")
