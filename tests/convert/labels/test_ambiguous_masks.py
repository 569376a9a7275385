"""Masks as tools and people leave them: converted correctly, or refused with choices that work."""

from __future__ import annotations

import re
import shlex
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ...command import Command, Done
from ..drawn import picture, save, written

SIZE = (24, 32)
BLACK, WHITE, RED, GREEN = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0)


def boxes(*values: int, ground: int = 0, dtype: type = np.uint8) -> np.ndarray:
    mask = np.full(SIZE, ground, dtype)
    for at, value in enumerate(values):
        mask[4 + at : 14, 2 + 10 * at : 9 + 10 * at] = value
    return mask


def made(root: Path, draw: Callable[[Path, int], None]) -> Path:
    for number in range(3):
        save(root / f"images/p{number}.png", picture(number, size=SIZE))
        (root / "masks").mkdir(exist_ok=True)
        draw(root / f"masks/p{number}.png", number)
    return root


def indexed(path: Path, indices: np.ndarray, *colours: tuple[int, int, int], alpha: bytes | None = None) -> None:
    image = Image.new("P", indices.shape[::-1])
    image.putdata(indices.ravel().tolist())
    image.putpalette([part for colour in colours for part in colour])
    image.save(path, **({} if alpha is None else {"transparency": alpha}))


def bmp_of_4_bits(path: Path, indices: np.ndarray, *colours: tuple[int, int, int]) -> None:
    height, width = indices.shape
    rows = b"".join((row[::2] << 4 | row[1::2]).astype(np.uint8).tobytes() for row in indices[::-1])
    table = b"".join(bytes((*colour[::-1], 0)) for colour in colours).ljust(64, b"\0")
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 4, 0, len(rows), 0, 0, 16, 16)
    path.with_suffix(".bmp").write_bytes(struct.pack("<2sI4xI", b"BM", 118 + len(rows), 118) + head + table + rows)


def rgb(values: np.ndarray, *colours: tuple[int, ...]) -> np.ndarray:
    return np.array(colours, np.uint8)[values]


def convert(segconv: Command, root: Path, *words: object, to: str = "9_A") -> Done:
    return segconv("convert", root, "--to", to, *words)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda path, _: save(path, boxes(65535, dtype=np.uint16)), boxes(1)),
        (lambda path, _: save(path, rgb(boxes(1), BLACK, WHITE)), boxes(1)),
        (lambda path, _: save(path, np.stack([boxes(1, 2)] * 3, axis=-1)), boxes(1, 2)),
        (lambda path, _: save(path, np.stack([boxes(255), np.full(SIZE, 255, np.uint8)], axis=-1)), boxes(1)),
        (lambda path, _: save(path, np.dstack([np.full((*SIZE, 3), 255, np.uint8), boxes(255)])), boxes(1)),
        (lambda path, _: Image.fromarray(boxes(255)).save(path, transparency=0), boxes(1)),
    ],
    ids=[
        "0 and 65535",
        "grey RGB of 0 and 255",
        "grey RGB of classes",
        "grey with alpha",
        "alpha",
        "a transparent grey",
    ],
)
def test_masks_that_can_mean_one_thing_are_taken(
    draw: Callable[[Path, int], None], expected: np.ndarray, tmp_path: Path, segconv: Command
) -> None:
    done = convert(segconv, made(tmp_path / "mine", draw))
    assert done.code == 0, done.err
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "p1"), expected)


def random_colours(path: Path, number: int) -> None:
    save(path, rgb(boxes(1, 2), BLACK, *((9 + 40 * number, 80, 30), (200, 9 + 40 * number, 77))))


def transparent_elsewhere(path: Path, number: int) -> None:
    mask = boxes(1)
    mask[:, 16:] = 2
    indexed(path, mask, RED, GREEN, BLACK, alpha=bytes([255, 255, 0]))


def black_elsewhere(path: Path, number: int) -> None:
    mask = boxes(1)
    mask[:, 16:] = 2
    indexed(path, mask, RED, GREEN, BLACK)


def reversed_bmp(path: Path, number: int) -> None:
    colours, mask = ((WHITE, BLACK), 1 - boxes(1)) if number == 1 else ((BLACK, WHITE), boxes(1))
    bmp_of_4_bits(path, mask, *colours)


def bits_mixed(path: Path, number: int) -> None:
    Image.fromarray(boxes(255)).convert("1" if number == 1 else "L").save(path)


def transparent_in_some(path: Path, number: int) -> None:
    indexed(path, boxes(1, 2), BLACK, RED, GREEN, alpha=None if number == 1 else bytes([0, 255, 255]))


def train_ids(path: Path, number: int) -> None:
    mask = boxes(10, 13)
    mask[:, -1] = 255
    save(path, mask)


@pytest.mark.parametrize(
    ("draw", "code", "wording", "right"),
    [
        (random_colours, "SC078", "is in one mask only, as colours of objects are", boxes(1, 1)),
        (transparent_elsewhere, "SC078", "index 2 of its palette is transparent, as background often is", None),
        (black_elsewhere, "SC078", "index 2 of its palette is black, as background often is", None),
        (reversed_bmp, "SC078", "index 0 of its palette is #ffffff", boxes(1)),
        (bits_mixed, "SC074", "holds only 0, 255, masks/p1.png 0, 1: the masks are not coded alike", boxes(1)),
        (train_ids, "SC074", "the label files hold the values 0, 10, 13, 255", None),
    ],
)
def test_masks_that_can_mean_several_things_are_refused_with_choices_that_work(
    draw: Callable[[Path, int], None],
    code: str,
    wording: str,
    right: np.ndarray | None,
    tmp_path: Path,
    segconv: Command,
) -> None:
    root = made(tmp_path / "mine", draw)
    done = convert(segconv, root)
    assert (done.code, done.codes()) == (65, [code]), done.err
    assert wording in done.err
    choices = re.findall(r"--labels (?:'[^']+'|\S+)(?: --map (?:'[^']+'|\S+))*", done.err)
    assert choices, done.err
    for at, choice in enumerate(choices):
        again = convert(segconv, root, *shlex.split(choice), to=f"{10 + at}_B")
        assert again.code == 0, again.err
    if right is not None:
        assert np.array_equal(written(segconv.raw / "Dataset010_B", "p1"), right)


def test_an_index_transparent_in_only_some_palettes_is_refused(tmp_path: Path, segconv: Command) -> None:
    done = convert(segconv, made(tmp_path / "mine", transparent_in_some))
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "index 0 of its palette is #000000, in masks/p0.png it is #00000000" in done.err


def test_smoothed_masks_of_several_classes_are_advised_no_snap_and_no_labels(tmp_path: Path, segconv: Command) -> None:
    def smooth(path: Path, number: int) -> None:
        values = np.zeros((8 * SIZE[0], 8 * SIZE[1]), np.uint8)
        values[30:140, 10:120], values[40:150, 130:240] = 128, 255
        Image.fromarray(values).rotate(5 + number).resize(SIZE[::-1], Image.Resampling.BILINEAR).save(path)

    done = convert(segconv, made(tmp_path / "mine", smooth))
    assert (done.code, done.codes()) == (65, ["SC074"]), done.err
    assert "most pixels are 0, 128, 255, as in masks that were smoothed or resized" in done.err
    assert "--accept-labels" not in done.err
    assert "--labels" not in done.err


@pytest.mark.parametrize("odd", [1, 3])
def test_masks_of_a_class_that_are_inverted_are_refused_or_accepted(odd: int, tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        save(tmp_path / f"mine/images/p{number}.png", picture(number, size=SIZE))
        for name in ("liver", "spleen"):
            turned = name == "liver" and number < odd
            save(tmp_path / f"mine/masks/{name}/p{number}.png", 255 - boxes(255) if turned else boxes(255))
    done = convert(segconv, tmp_path / "mine", "--from", "masks")
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "masks/liver/p0.png" in done.err
    assert "inverted" in done.err
    assert convert(segconv, tmp_path / "mine", "--from", "masks", "--accept-labels").code == 0


def test_white_as_zero_in_some_masks_of_classes_is_refused(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        save(tmp_path / f"mine/images/p{number}.png", picture(number, size=SIZE))
        for name in ("liver", "spleen"):
            path = tmp_path / f"mine/masks/{name}/p{number}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            white = (name, number) == ("spleen", 1)
            tifffile.imwrite(path, boxes(255), photometric="miniswhite" if white else "minisblack")
    done = convert(segconv, tmp_path / "mine", "--from", "masks")
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "masks/spleen/p1.tif: is stored with white as 0" in done.err


@pytest.mark.parametrize("channels", [1, 3])
def test_photographs_as_masks_ask_which_files_are_the_labels(channels: int, tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        rng = np.random.default_rng(number)
        shape = (64, 64) if channels == 1 else (64, 64, channels)
        save(tmp_path / f"mine/masks/p{number}.png", rng.integers(0, 256, shape).astype(np.uint8))
        save(tmp_path / f"mine/images/p{number}.png", picture(number, size=(64, 64)))
    done = convert(segconv, tmp_path / "mine")
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "check which of the files are the labels" in done.err
    assert "--images" in done.err


def test_more_colours_than_a_person_types_are_declared_by_a_table(tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        values = np.zeros((64, 64, 3), np.uint8)
        for colour in range(60):
            values[colour, 8:56] = (colour * 4, 200 - colour, 90)
        save(tmp_path / f"mine/masks/p{number}.png", values)
        save(tmp_path / f"mine/images/p{number}.png", picture(number, size=(64, 64)))
    done = convert(segconv, tmp_path / "mine")
    assert (done.code, done.codes()) == (65, ["SC078"]), done.err
    assert "background=#" not in done.err
    assert "--accept-labels" in done.err
