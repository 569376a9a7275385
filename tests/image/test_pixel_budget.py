"""How many pixels a picture may have: one limit for every format, and no lower limit of a library."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segconv.errors import SegconvError
from segconv.image import raster
from segconv.image.formats import bmp, jpeg
from segconv.image.formats import png as picture

from ..command import Command
from ..convert.drawn import labels, pair, save
from ..convert.drawn import picture as drawn

SIZE = (40, 30)


def as_jpeg(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, format="JPEG")
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def tiff(samples: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, **options)
    return buffer.getvalue()


GREY, COLOUR = labels(1, 4, SIZE), drawn(1, 3, np.uint8, SIZE)
COLOURS = np.arange(12, dtype=np.uint8).reshape(4, 3)
FILES: dict[str, Callable[[], bytes]] = {
    "png": lambda: picture.encode_samples(GREY),
    "png of colours": lambda: picture.encode_samples(COLOUR),
    "png of 16 bits": lambda: picture.encode_samples(drawn(1, 1, np.uint16, SIZE)),
    "png of 1 bit": lambda: picture.encode_few_bits(GREY % 2, 1),
    "png of 2 bits": lambda: picture.encode_few_bits(GREY, 2),
    "palette png": lambda: picture.encode_palette(GREY, COLOURS),
    "bmp": lambda: bmp.encode_samples(COLOUR),
    "palette bmp": lambda: bmp.encode_samples(GREY, COLOURS),
    "jpeg": lambda: as_jpeg(COLOUR),
    "grey jpeg": lambda: as_jpeg(GREY),
    "tiff": lambda: tiff(COLOUR),
    "tiff of jpeg": lambda: tiff(COLOUR, compression="jpeg", tile=(16, 16)),
    "tiff of floats": lambda: tiff(GREY.astype(np.float32)),
}


@pytest.mark.parametrize("name", FILES)
def test_no_limit_of_a_library_is_below_the_budget(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = FILES[name]()
    usual = raster.decode(data).stored
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert (raster.decode(data).stored == usual).all()


@pytest.mark.parametrize("name", FILES)
def test_above_the_budget_every_format_says_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = FILES[name]()
    monkeypatch.setattr("segconv.image.picture.MAX_PIXELS", SIZE[0] * SIZE[1] - 1)
    picture._sound_header.cache_clear()  # headers that were judged within the usual budget
    with pytest.raises(SegconvError) as caught:
        _ = raster.decode(data).stored
    assert (caught.value.code, caught.value.message) == ("SC054", "has 30×40 pixels, at most 1199 are allowed")


def test_the_sizes_of_a_head_are_held_against_the_budget() -> None:
    within, above = (22_360, 22_360), (22_361, 22_361)
    for (width, height), refused in ((within, False), (above, True)):
        png = picture.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        frame = struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"
        scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
        jpg = b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + scan
        bitmap = struct.pack("<2s8xI", b"BM", 54) + struct.pack("<IiiHHI24x", 40, width, height, 1, 24, 0)
        for judge, head in ((picture.read_header, png), (jpeg.read_header, jpg), (bmp.read_header, bitmap)):
            if refused:
                with pytest.raises(SegconvError) as caught:
                    judge(head)
                assert caught.value.code == "SC054"
            else:
                assert (judge(head).width, judge(head).height) == (width, height)


SIDE = 1_000_001
"""Longer than libpng takes."""


@pytest.mark.parametrize("shape", [(1, SIDE), (SIDE, 1), (1, SIDE, 3), (1, SIDE, 4)], ids=str)
def test_a_long_side_is_not_limited(shape: tuple[int, ...]) -> None:
    samples = np.random.default_rng(0).integers(0, 9, shape, dtype=np.uint8)
    for data in (picture.encode_samples(samples), *([picture.encode_mask(samples)] if samples.ndim == 2 else [])):
        opened_file = raster.decode(data)
        header, found = opened_file.header, opened_file.stored
        assert (header.height, header.width) == shape[:2]
        assert (found == samples).all()


def test_a_long_side_of_16_bits_is_read_as_grey_and_refused_as_colour() -> None:
    grey = (np.arange(SIDE, dtype=np.uint32) % 60_000).astype(np.uint16)[np.newaxis]
    assert (raster.decode(picture.encode_mask(grey)).stored == grey).all()
    head = picture.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, 1, 16, 2, 0, 0, 0))
    with pytest.raises(SegconvError) as caught:
        picture.read_header(head)
    assert caught.value.code == "SC054"


@pytest.mark.parametrize("name", ["png of 1 bit", "palette png", "png"])
def test_texts_and_profiles_next_to_the_pixels_do_not_count(name: str) -> None:
    data = FILES[name]()
    usual = raster.decode(data).stored
    large = zlib.compress(bytes(2 << 20))
    for around in (chunk(b"zTXt", b"text\0\0" + large), chunk(b"iCCP", b"profile\0\0" + large), chunk(b"gAMA", b"x")):
        assert (raster.decode(data[:33] + around + data[33:]).stored == usual).all()


def test_a_picture_that_nnunet_would_not_open_is_reported(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        pair(tmp_path / "source", f"images/c{number}.png", f"masks/c{number}.png", number)
    save(tmp_path / "source" / "images" / "c1.png", drawn(1))
    monkeypatch.setattr("segconv.convert.write.pictures.NNUNET_PIXELS", 100)
    monkeypatch.setattr("segconv.review.check.readers.NNUNET_PIXELS", 100)
    done = segconv("convert", tmp_path / "source", "--to", "7_A")
    assert done.code == 0
    assert done.err.count("Warning SC054: images/c") == 2
    assert segconv("check", "7").code == 1
    assert segconv("convert", segconv.raw / "Dataset007_A", "--to", "8_A", "--format", "tif").code == 0
    assert segconv("check", "8").code == 0
