"""Numbered masks of one volume are united on request and refused otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segconv.image.geometry import Volume
from segconv.image.orientation import Reordering

from ...command import Command
from ..oracles import ct, records, voxels, write


def mask(number: int, value: int, on: int = 1) -> Volume:
    label = ct(number).label
    return Volume((label.array == value).astype(np.uint8) * np.uint8(on), label.geometry)


@pytest.fixture(params=["{}_mask", "masks/{}_seg"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """Two volumes, the second of which has three masks, one of them in another order of voxels."""
    form, root = str(request.param), tmp_path / "src"
    for number, name in enumerate(("x", "y")):
        write(root / ("images" if "/" in form else "") / f"{name}.nii.gz", ct(number).images[0])
        write(root / f"{form.format(name)}.nii.gz", mask(number, 1))
    write(root / f"{form.format('y')}_1.nii.gz", mask(1, 2))
    order, third = Reordering((0, 1, 2), (True, False, True)), mask(1, 3)
    write(root / f"{form.format('y')}_2.nii.gz", Volume(order.array(third.array), order.grid(third.geometry)))
    return root, form


def test_numbered_masks_are_refused_once_with_the_option_and_united_with_it(
    source: tuple[Path, str], tmp_path: Path, segconv: Command
) -> None:
    root, form = source
    command = ("convert", root, "--to", "5_A", "--channels", "CT")
    done = segconv(*command)
    assert (done.code, done.codes()) == (65, ["SC085"]), done.err
    assert "are several masks of one volume" in done.err
    assert "--unite-masks takes their union" in done.err
    done = segconv(*command, "--unite-masks")
    assert done.code == 0, done.err
    assert "the masks of 1 volume" in done.err
    made = segconv.raw / "Dataset005_A"
    assert np.array_equal(voxels(made / "labelsTr/y.nii.gz") > 0, ct(1).label.array > 0)
    assert np.array_equal(voxels(made / "labelsTr/x.nii.gz") > 0, ct(0).label.array == 1)
    assert "3 masks of one object each united" in records(made)["y"]["repairs"]
    assert segconv("restore", made / "labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    back = tmp_path / "back" / f"{form.format('y').removeprefix('masks/')}.nii.gz"
    assert np.array_equal(voxels(back) > 0, ct(1).label.array > 0)


@pytest.mark.parametrize("declared", [(), ("--labels", "background=0,a=1,b=2")])
def test_masks_of_different_values_are_classes_and_not_united(
    declared: tuple[str, ...], tmp_path: Path, segconv: Command
) -> None:
    write(tmp_path / "s/y.nii.gz", ct(1).images[0])
    write(tmp_path / "s/y_mask.nii.gz", mask(1, 1))
    write(tmp_path / "s/y_mask_1.nii.gz", mask(1, 2, on=2))
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT", "--unite-masks", *declared)
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "y_mask_1.nii.gz: holds 2 where y_mask.nii.gz holds 1: united they would be two classes" in done.err


def test_a_mask_on_another_grid_is_refused_by_its_own_name(tmp_path: Path, segconv: Command) -> None:
    write(tmp_path / "s/y.nii.gz", ct(1).images[0])
    write(tmp_path / "s/y_mask.nii.gz", mask(1, 1))
    part = ct(1).label
    write(tmp_path / "s/y_mask_1.nii.gz", mask(1, 2), (part.array[:-1] == 2).astype(np.uint8))
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT", "--unite-masks")
    assert (done.code, done.codes()) == (65, ["SC082"]), done.err
    assert "y_mask_1.nii.gz" in done.err
