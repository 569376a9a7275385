"""Files of one name on two grids, each with an image and a label, are not channels of one case."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from segconv.dataset import phantoms

from ...command import Command
from ..oracles import ct, voxels, write

OTHER_SIZE = (30, 26, 12)


def scan(folder: Path, number: int, *, mask_of_mr: bool = True) -> None:
    """Write a CT and an MR of a person, each on its own grid, with their labels."""
    of_ct, of_mr = ct(number), phantoms.ct(100 + number, size=OTHER_SIZE)
    write(folder / f"p{number}_ct.nii.gz", of_ct.images[0])
    write(folder / f"p{number}_mr.nii.gz", of_mr.images[0])
    write(folder / f"p{number}_seg.nii.gz", of_ct.label)
    if mask_of_mr:
        write(folder / f"p{number}_seg_mr.nii.gz", of_mr.label)


@pytest.mark.parametrize("cases", [1, 3])
def test_each_grid_is_offered_as_a_dataset_of_its_own(tmp_path: Path, segconv: Command, cases: int) -> None:
    for number in range(cases):
        scan(tmp_path / "s", number)
    done = segconv("convert", tmp_path / "s", "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    assert "--repair" not in done.err
    offered = [shlex.split(found) for found in re.findall(r"(--images .+?) takes", done.err)]
    assert len(offered) == 2
    for target, words, image, label in zip((5, 6), offered, ("ct", "mr"), ("seg", "seg_mr"), strict=True):
        done = segconv("convert", tmp_path / "s", "--to", f"{target}_A", *words, "--accept-labels")
        assert done.code == 0, done.err
        made = next((tmp_path / "nnUNet_raw").glob(f"Dataset00{target}_*"))
        for kind, name in (("images", image), ("labels", label)):
            expected = sorted(voxels(path).tobytes() for path in (tmp_path / "s").glob(f"p?_{name}.nii.gz"))
            found = [voxels(path) for path in (made / f"{kind}Tr").iterdir()]
            if kind == "images":
                assert sorted(array.tobytes() for array in found) == expected
            else:
                assert all(np.unique(array).size > 1 for array in found)


def test_channels_on_two_grids_without_a_second_label_are_refused_as_before(tmp_path: Path, segconv: Command) -> None:
    scan(tmp_path / "s", 0, mask_of_mr=False)
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--accept-labels")
    assert done.codes() == ["SC082"], done.err


def test_declared_channels_are_not_questioned(tmp_path: Path, segconv: Command) -> None:
    scan(tmp_path / "s", 0)
    patterns = ("--images", "p0_ct.nii.gz", "--images", "p0_mr.nii.gz", "--masks", "p0_seg.nii.gz")
    done = segconv("convert", tmp_path / "s", "--to", "5_A", *patterns, "--accept-labels")
    assert done.codes() == ["SC082"], done.err
