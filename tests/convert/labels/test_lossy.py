"""Masks in a lossy format are accepted where declared values explain every pixel within the snap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ...command import Command
from ..drawn import picture, records, save, written

SIZE = (48, 64)


def drawn(number: int, *values: int, ground: int = 0) -> np.ndarray:
    """A disc for each value, one within the other."""
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    mask = np.full(SIZE, ground, np.uint8)
    for at, value in enumerate(values):
        mask[(y - 22 - number) ** 2 + (x - 30) ** 2 < (18 - 9 * at) ** 2] = value
    return mask


def make(source: Path, *values: int, quality: int = 75, ground: int = 0, colour: tuple[int, ...] = ()) -> Path:
    for number in range(3):
        save(source / f"images/c{number}.png", picture(number, size=SIZE))
        mask = drawn(number, *values, ground=ground)
        (source / "masks").mkdir(exist_ok=True)
        array = mask[..., np.newaxis] // 255 * np.array(colour, np.uint8) if colour else mask
        Image.fromarray(array).save(source / f"masks/c{number}.jpg", quality=quality)
    return source


def off(source: Path, number: int) -> int:
    """How far the pixels of a mask are from black and white."""
    values = np.asarray(Image.open(source / f"masks/c{number}.jpg"))
    return int(np.minimum(values, 255 - values).max())


@pytest.mark.parametrize("quality", [95, 75, 20])
def test_black_and_white_is_taken_with_the_snap_that_is_hinted(quality: int, tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", 255, quality=quality)
    done = segconv("convert", source, "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC078"] * 3), done.err
    snap = max(off(source, number) for number in range(3))
    said = ("--labels", "background=0,foreground=255", "--snap", str(snap))
    assert f"export the mask as PNG, or {' '.join(said)} takes the nearest" in done.err
    done = segconv("convert", source, "--to", "5_A", *said)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    # At the very edge compression may have moved a pixel beyond the middle.
    wrong = int((written(made, "c1") != (drawn(1, 255) > 0)).sum())
    assert wrong <= 20
    values = np.asarray(Image.open(source / "masks/c1.jpg"))
    counted = int(((values > 0) & (values < 255)).sum())
    repairs = [repair for repair in records(made)["c1"]["repairs"] if " snapped from " in repair]
    assert sum(int(repair.split()[0]) for repair in repairs) == counted
    assert f"Warning SC079: masks/c1.jpg: {repairs[0]}" in done.err
    assert segconv("restore", made / "labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "back/c1.png")), written(made, "c1") * np.uint8(255))


def test_a_pixel_further_off_is_refused(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", 255)
    snap = off(source, 1) - 1
    done = segconv("convert", source, "--to", "5_A", "--labels", "background=0,x=255", "--snap", str(snap))
    assert (done.code, set(done.codes())) == (65, {"SC070"}), done.err
    assert "masks/c1.jpg" in done.err


def test_several_values_are_taken_where_they_are_declared(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", 128, 255)
    done = segconv("convert", source, "--to", "5_A")
    assert "background=0,foreground=255" not in done.err
    assert "--labels NAME=VALUE,… --snap N" in done.err
    done = segconv("convert", source, "--to", "5_A", "--labels", "background=0,disc=128,cup=255", "--snap", "63")
    assert done.code == 0, done.err
    expected = np.array([0, 1, 2])[np.searchsorted([0, 128, 255], drawn(2, 128, 255))]
    assert int((written(segconv.raw / "Dataset005_A", "c2") != expected).sum()) <= 30


def test_a_label_that_is_not_declared_is_snapped_into_no_other(tmp_path: Path, segconv: Command) -> None:
    done = segconv(
        "convert", make(tmp_path / "mine", 128, 255), "--to", "5_A", "--labels", "background=0,x=255", "--snap", "127"
    )
    assert (done.code, set(done.codes())) == (65, {"SC070"}), done.err
    assert "the nearest within 127 would put a whole label into that of" in done.err


def test_values_that_compression_mixes_are_refused(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", 1, 2)
    assert "foreground=255" not in segconv("convert", source, "--to", "5_A").err
    done = segconv("convert", source, "--to", "5_A", "--labels", "background=0,a=1,b=2", "--snap", "1")
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "0 and 1 are declared, 1 apart, expected 32 and more" in done.err


def test_white_ground_is_hinted_with_both_declarations(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", 0, ground=255)
    done = segconv("convert", source, "--to", "5_A")
    snap = str(max(off(source, number) for number in range(3)))
    on_white = ("--labels", "background=255,foreground=0", "--snap", snap)
    assert f"{' '.join(on_white)} if white is background" in done.err
    done = segconv("convert", source, "--to", "5_A", *on_white)
    assert done.code == 0, done.err
    assert int((written(segconv.raw / "Dataset005_A", "c0") != (drawn(0, 0, ground=255) == 0)).sum()) <= 20


def test_colours_are_taken_where_they_are_declared(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", 255, colour=(255, 0, 0))
    done = segconv("convert", source, "--to", "5_A", "--labels", "background=#000000,x=#ff0000", "--snap", "140")
    assert done.code == 0, done.err
    assert int((written(segconv.raw / "Dataset005_A", "c0") != (drawn(0, 255) > 0)).sum()) <= 20


def test_grey_in_three_equal_samples_is_hinted_as_grey(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", 255, colour=(255, 255, 255))
    done = segconv("convert", source, "--to", "5_A")
    snap = str(
        max(int(np.minimum(v := np.asarray(Image.open(f))[..., 0], 255 - v).max()) for f in source.glob("masks/*"))
    )
    said = ("--labels", "background=0,foreground=255", "--snap", snap)
    assert " ".join(said) in done.err
    assert segconv("convert", source, "--to", "5_A", *said).code == 0
