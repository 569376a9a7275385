"""Numbered masks of one picture are united on request and refused otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import io

from ...command import Command
from ..drawn import picture, save, written


def square(at: int) -> np.ndarray:
    mask = np.zeros(picture(0).shape[:2], np.uint8)
    mask[at : at + 3, at : at + 3] = 255
    return mask


@pytest.fixture(params=["{}_mask", "masks/{}_mask", "{}_seg"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """Two pictures, the second of which has three masks."""
    form, root = str(request.param), tmp_path / "src"
    for number, name in enumerate(("x", "y")):
        save(root / ("images" if "/" in form else "") / f"{name}.png", picture(number))
        save(root / f"{form.format(name)}.png", square(0))
    for number in (1, 2):
        save(root / f"{form.format('y')}_{number}.png", square(4 * number))
    return root, form


def test_several_masks_of_a_picture_are_refused_with_the_option_that_unites_them(
    source: tuple[Path, str], segconv: Command
) -> None:
    root, form = source
    done = segconv("convert", root, "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC085"]), done.err
    name = form.format("y").removeprefix("masks/")
    assert f"{name}.png, {name}_1.png, {name}_2.png are several masks of one picture" in done.err
    assert "or --unite-masks takes their union" in done.err


def test_they_are_united_on_request_and_come_back_under_the_first_name(
    source: tuple[Path, str], tmp_path: Path, segconv: Command
) -> None:
    root, form = source
    done = segconv("convert", root, "--to", "5_A", "--unite-masks")
    assert done.code == 0, done.err
    assert "note: united the masks of 1 picture" in done.err
    dataset = segconv.raw / "Dataset005_A"
    union = (square(0) | square(4) | square(8)) > 0
    assert np.array_equal(written(dataset, "y") > 0, union)
    assert np.array_equal(written(dataset, "x") > 0, square(0) > 0)
    assert segconv("restore", dataset / "labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    assert np.array_equal(io.imread(tmp_path / "back" / f"{form.format('y').removeprefix('masks/')}.png") > 0, union)


def test_a_mask_of_several_classes_is_not_united(tmp_path: Path, segconv: Command) -> None:
    save(tmp_path / "src/y.png", picture(1))
    save(tmp_path / "src/y_mask.png", square(0))
    save(tmp_path / "src/y_mask_1.png", square(0) // 255 + square(5) // 255 * 2)
    done = segconv(
        "convert", tmp_path / "src", "--to", "5_A", "--unite-masks", "--labels", "background=0,a=1,b=2,c=255"
    )
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err


def test_a_number_that_names_a_picture_does_not_number_a_mask(tmp_path: Path, segconv: Command) -> None:
    for number, name in enumerate(("y", "y_1")):
        save(tmp_path / f"src/{name}.png", picture(number))
        save(tmp_path / f"src/{name.replace('y', 'y_mask')}.png", square(number))
    assert segconv("convert", tmp_path / "src", "--to", "5_A").code == 0


def test_a_lone_numbered_mask_is_not_that_of_the_picture_without_the_number(tmp_path: Path, segconv: Command) -> None:
    for number, name in enumerate(("a", "b")):
        save(tmp_path / f"mine/x/{name}.png", picture(number))
    for number, name in enumerate(("gt_a_1", "gt_b")):
        save(tmp_path / f"mine/y/{name}.png", square(number))
    done = segconv("convert", tmp_path / "mine", "--to", "5_A")
    assert done.code != 0, done.err
