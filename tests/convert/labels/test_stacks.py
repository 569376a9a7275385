"""Picture slices: an index, and black, must mean the same in all of them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
import tifffile

from ...command import Command
from ..drawn import labels, picture, save_palette

SLICES = ("--from", "pairs", "--spacing", "1,1,2")
BLACK, RED, GREEN = (0, 0, 0), (255, 0, 0), (0, 255, 0)


def stack(folder: Path, number: int, white: Collection[int] = (), *, masks: bool = False) -> None:
    folder.mkdir(parents=True)
    for at in range(3):
        array = labels(number + at) if masks else picture(number + at)
        kind = "miniswhite" if at in white else "minisblack"
        tifffile.imwrite(folder / f"s{at}.tif", array, photometric=kind)


@pytest.mark.parametrize(("odd", "code"), [("images", "SC084"), ("masks", "SC078")])
def test_white_as_zero_in_some_slices_is_refused(tmp_path: Path, segconv: Command, odd: str, code: str) -> None:
    for case in "ab":
        for folder in ("images", "masks"):
            white = [1] if (folder, case) == (odd, "b") else []
            stack(tmp_path / "mine" / folder / case, ord(case), white, masks=folder == "masks")
    done = segconv("convert", tmp_path / "mine", "--to", "5_A", *SLICES)
    assert (done.code, done.codes()) == (65, [code]), done.err
    assert f"{odd}/b/s1.tif: is stored with white as 0, {odd}/a/s0.tif with black as 0" in done.err


def test_white_as_zero_in_all_slices_is_a_warning(tmp_path: Path, segconv: Command) -> None:
    for folder in ("images", "masks"):
        stack(tmp_path / "mine" / folder / "a", 1, range(3), masks=folder == "masks")
    done = segconv("convert", tmp_path / "mine", "--to", "5_A", *SLICES)
    assert done.code == 0, done.err
    assert "Warning SC091: images/a/s0.tif" in done.err
    assert "Warning SC078: masks/a/s0.tif" in done.err


def test_pages_that_differ_in_what_is_white_are_named(tmp_path: Path, segconv: Command) -> None:
    for folder in ("images", "masks"):
        (tmp_path / "mine" / folder).mkdir(parents=True)
        with tifffile.TiffWriter(tmp_path / "mine" / folder / "a.tif") as file:
            for at in range(3):
                white = folder == "images" and at == 1
                array = labels(at) if folder == "masks" else picture(at)
                file.write(array, photometric="miniswhite" if white else "minisblack", metadata=None)
    done = segconv("convert", tmp_path / "mine", "--to", "5_A", *SLICES)
    assert (done.code, done.codes()) == (65, ["SC053"]), done.err
    assert "images/a.tif: its page 2 is 8-bit gray with white as 0, 12×10×3, its first 8-bit gray, 12×10×3" in done.err


def test_palettes_that_differ_between_slices_are_refused_and_count_by_colour(tmp_path: Path, segconv: Command) -> None:
    stack(tmp_path / "mine/images/a", 1)
    for at in range(3):
        box = np.zeros((10, 12), np.uint8)
        box[3:6, 3:7] = 1
        save_palette(tmp_path / f"mine/masks/a/s{at}.png", box, [BLACK, GREEN if at == 2 else RED])
    done = segconv("convert", tmp_path / "mine", "--to", "5_A", *SLICES)
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "masks/a/s2.png: index 1 of its palette is #00ff00, in masks/a/s0.png it is #ff0000" in done.err
    by_colour = "background=#000000,cyst=#ff0000,duct=#00ff00"
    done = segconv("convert", tmp_path / "mine", "--to", "5_A", *SLICES, "--labels", by_colour, "--json")
    assert done.code == 0, done.err
    assert segconv("check", "5", "--json").json["facts"]["labels"][2]["voxels"] == 12
