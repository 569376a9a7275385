"""Damaged, odd and hostile pictures: refused with the file named, nothing left behind, the source untouched."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segconv.image import raster

from ..command import Command, tree_hash
from .drawn import labels, pair, picture, save

IMAGE, MASK = "images/2.png", "masks/2.png"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number in (1, 2, 3):
        pair(tmp_path / "mine", f"images/{number}.png", f"masks/{number}.png", number)
    return tmp_path / "mine"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def replaced(path: str, data: bytes) -> Callable[[Path], None]:
    return lambda source: (source / path).write_bytes(data) and None


def instead(path: str, name: str, write: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(source: Path) -> None:
        (source / path).unlink()
        write(source / name)

    return change


def linked(path: str, target: str) -> Callable[[Path], None]:
    return instead(path, path, lambda p: p.symlink_to(target))


def rotated(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(2)).save(path, exif=exif)


def tiff_with_jpeg(path: Path) -> None:
    tifffile.imwrite(path, labels(2, size=(64, 64)) * np.uint8(255), compression="jpeg")


# Name → change of the source, exit code, code, file that is named.
BAD: dict[str, tuple[Callable[[Path], object], int, str, str]] = {
    "empty file": (replaced(IMAGE, b""), 65, "SC051", IMAGE),
    "web page": (replaced(IMAGE, b"<!DOCTYPE html><html></html>"), 65, "SC051", IMAGE),
    "pointer": (replaced(MASK, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), 65, "SC051", MASK),
    "JPEG called PNG": (instead(MASK, MASK, lambda p: Image.fromarray(labels(2)).save(p, format="JPEG")), 65, "SC051", MASK),
    "JPEG mask": (instead(MASK, "masks/2.jpg", lambda p: save(p, labels(2))), 65, "SC078", "masks/2.jpg"),
    "JPEG within a TIFF mask": (instead(MASK, "masks/2.tif", tiff_with_jpeg), 65, "SC078", "masks/2.tif"),
    "turned picture": (instead(IMAGE, "images/2.jpg", rotated), 65, "SC053", "images/2.jpg"),
    "more pixels than allowed": (replaced(IMAGE, png(60000, 60000, b"x")), 65, "SC054", IMAGE),
    "more pixels than said": (replaced(IMAGE, png(12, 10, zlib.compress(bytes(10_000_000)))), 65, "SC054", IMAGE),
    "fewer pixels than said": (replaced(IMAGE, png(12, 10, zlib.compress(bytes(50)))), 65, "SC058", IMAGE),
    "no pixels": (replaced(IMAGE, png(0, 10, zlib.compress(b""))), 65, "SC053", IMAGE),
    "much after the end": (lambda s: (s / IMAGE).write_bytes((s / IMAGE).read_bytes() + bytes(2 << 20)), 65, "SC054", IMAGE),
    "cut JPEG": (instead(IMAGE, "images/2.jpg", lambda p: (save(p, picture(2)), p.write_bytes(p.read_bytes()[:-40]))), 65, "SC058", "images/2.jpg"),
    "cut TIFF": (instead(IMAGE, "images/2.tif", lambda p: p.write_bytes(raster.encode(picture(2), ".tif")[:-60])), 65, "SC058", "images/2.tif"),
    "cut BMP": (instead(IMAGE, "images/2.bmp", lambda p: p.write_bytes(raster.encode(picture(2), ".bmp")[:-60])), 65, "", "images/2.bmp"),
    "float TIFF": (instead(IMAGE, "images/2.tif", lambda p: p.write_bytes(raster.encode(picture(2).astype(np.float32), ".tif"))), 65, "", "images/2.tif"),
    "float mask": (instead(MASK, "masks/2.tif", lambda p: p.write_bytes(raster.encode(labels(2) / np.float32(2), ".tif"))), 65, "SC071", "masks/2.tif"),
    "negative mask": (instead(MASK, "masks/2.tif", lambda p: p.write_bytes(raster.encode(-labels(2).astype(np.int16), ".tif"))), 65, "SC072", "masks/2.tif"),
    "another size": (lambda s: save(s / MASK, labels(2, size=(12, 10))), 65, "SC082", MASK),
    "a picture for a mask": (lambda s: save(s / MASK, picture(2, 3)), 65, "SC078", MASK),
    "transparent picture": (lambda s: [save(s / "images" / f"{n}.png", picture(n, 4)) for n in (1, 2, 3)], 65, "SC084", "images/1.png"),
    "link out of the source": (linked(MASK, "/etc/passwd"), 65, "SC060", MASK),
    "link to nothing": (linked(MASK, "nowhere.png"), 66, "SC012", MASK),
    "link to itself": (linked(MASK, "2.png"), 65, "SC060", MASK),
    "folder linked from outside": (lambda s: (s / "more").symlink_to(s.parent), 65, "SC060", "more"),
    "folder linked in a circle": (lambda s: (s / "masks" / "again").symlink_to(s), 65, "SC060", "masks/again"),
    "pipe": (instead(MASK, MASK, lambda p: os.mkfifo(p)), 65, "SC061", MASK),
    "folder called as a picture": (instead(MASK, MASK, lambda p: p.mkdir()), 65, "SC061", MASK),
    "missing mask": (lambda s: (s / MASK).unlink(), 65, "SC080", IMAGE),
    "missing image": (lambda s: (s / IMAGE).unlink(), 65, "SC081", MASK),
    "no cases": (lambda s: [p.unlink() for p in [*s.glob("*/*.png")]], 66, "SC011", ""),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_source_is_refused_and_nothing_is_left(what: str, source: Path, segconv: Command) -> None:
    change, exit_code, code, file = BAD[what]
    change(source)
    hashed = (
        source / "images" if what in ("pipe", "folder linked from outside", "folder linked in a circle") else source
    )
    before = tree_hash(hashed)
    done = segconv("convert", source, "--to", "9")
    assert done.code == exit_code, done.err
    assert f"Error {code}" in done.err
    assert f": {file}" in done.err
    assert not (segconv.raw / "Dataset009_mine").exists()
    assert {path.name for path in segconv.raw.iterdir()} <= {".segconv-009", ".segconv-009.lock"}
    assert tree_hash(hashed) == before


@pytest.mark.parametrize("path", [IMAGE, MASK])
def test_no_flipped_bit_of_a_png_goes_unnoticed(path: str, source: Path, segconv: Command) -> None:
    whole = (source / path).read_bytes()
    for position in np.random.default_rng(7).choice(len(whole), 25, replace=False):
        data = bytearray(whole)
        data[position] ^= 1 << int(position) % 8
        (source / path).write_bytes(data)
        done = segconv("convert", source, "--to", "9", "--restart")
        assert done.code == 65, (position, done.err)
        assert f": {path}: " in done.err
    (source / path).write_bytes(whole)
    assert segconv("convert", source, "--to", "9", "--restart").code == 0


def test_all_bad_files_are_told_not_the_first_alone(source: Path, segconv: Command) -> None:
    for name in ("images/1.png", "masks/2.png", "images/3.png"):
        data = bytearray((source / name).read_bytes())
        data[50] ^= 1
        (source / name).write_bytes(data)
    done = segconv("convert", source, "--to", "9", "--labels", "background=0,cell=255")
    assert done.codes() == ["SC058"] * 3
    for name in ("images/1.png", "masks/2.png", "images/3.png"):
        assert name in done.err


@pytest.mark.parametrize(
    ("change", "code", "file"),
    [
        (lambda s: save(s / IMAGE, np.full((10, 12), 9, np.uint8)), "SC077", IMAGE),
        (lambda s: save(s / MASK, np.zeros((10, 12), np.uint8)), "SC075", MASK),
        (lambda s: (s / IMAGE).write_bytes((s / IMAGE).read_bytes() + b"tail"), "SC059", IMAGE),
        (lambda s: (s / MASK).write_bytes((s / MASK).read_bytes() + b"tail"), "SC059", MASK),
        (lambda s: (s / IMAGE).write_bytes((s / "images/1.png").read_bytes()), "SC088", IMAGE),
    ],
)
def test_odd_pictures_are_converted_with_a_warning(
    change: Callable[[Path], object], code: str, file: str, source: Path, segconv: Command
) -> None:
    change(source)
    done = segconv("convert", source, "--to", "9")
    assert done.code == 0, done.err
    assert f"Warning {code}: {file}: " in done.err
    assert segconv("convert", source, "--to", "8", "--strict").code == 65


def test_links_inside_the_source_are_followed(source: Path, segconv: Command) -> None:
    (source / "store").mkdir()
    (source / IMAGE).rename(source / "store" / "two.png")
    (source / IMAGE).symlink_to("../store/two.png")
    done = segconv("convert", source, "--to", "9")
    assert done.code == 0, done.err


def test_names_with_control_characters_cannot_write_on_the_terminal(source: Path, segconv: Command) -> None:
    for folder in ("images", "masks"):
        (source / folder / "2.png").rename(source / folder / "a\x1b[31m\nError SC001: b.png")
    (source / "masks" / "a\x1b[31m\nError SC001: b.png").unlink()
    done = segconv("convert", source, "--to", "9")
    assert done.codes() == ["SC080"]
    assert "\x1b" not in done.err
