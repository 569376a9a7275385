"""JPEG: read as scikit-image reads it, and refused where it is cut or contradicts itself."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import io as skio

from segconv.errors import SegconvError
from segconv.image import raster
from segconv.image.formats import jpeg

from .pictures import COLOUR, GREY, WRITTEN, pillow, probed, refused


@pytest.mark.parametrize("array", [GREY, COLOUR])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100}, {"restart_marker_blocks": 4}])
def test_jpeg_is_read_as_scikit_image_reads_it_and_cuts_are_refused(
    array: np.ndarray, options: dict[str, Any], tmp_path: Path
) -> None:
    data = pillow(Image.fromarray(array), "JPEG", **options)
    found = raster.decode(data)
    header, samples, plain = found.header, found.stored, found.plain
    assert plain
    assert header.lossy
    assert np.array_equal(samples, skio.imread(io.BytesIO(data)))
    assert probed(data, tmp_path, ".jpg") == header
    assert not raster.decode(data + b"x").plain
    for cut in range(3, len(data), max(1, len(data) // 60)):
        refused("SC058", data[:cut], ".jpg")


def jpeg_of(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG of these segments, an empty one of JFIF first."""
    pieces = [(0xE0, bytes(14)), *segments]
    return b"\xff\xd8" + b"".join(b"\xff%c%s%s" % (m, (len(b) + 2).to_bytes(2, "big"), b) for m, b in pieces)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (jpeg_of((0xC0, b"\x08\0\5\0\5")), "SC058"),
        (jpeg_of((0xDA, bytes(6))), "SC058"),
        (jpeg_of((0xC1, b"\x0c\0\5\0\5\1\1\x11\0"), (0xDA, bytes(6))), "SC056"),
        (jpeg_of((0xC0, b"\x08\0\0\0\5\1\1\x11\0"), (0xDA, bytes(6))), "SC053"),
        (jpeg_of() + b"\xff\xc0\0\1" + bytes(20), "SC058"),
        (jpeg_of() + b"\xff\xc0\0\x12" + bytes(15), "SC058"),
        (jpeg_of() + b"\0\xc0\0\2" + bytes(20), "SC058"),
    ],
)
def test_segments_without_a_picture_are_refused(data: bytes, code: str, tmp_path: Path) -> None:
    refused(code, data, ".jpg")
    with pytest.raises(SegconvError) as raised:
        probed(data, tmp_path, ".jpg")
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (pillow(Image.new("CMYK", (5, 5)), "JPEG"), "is a JPEG of 4 components"),
        (jpeg_of() + b"\xff\xc0\0\x12" + bytes(15), "is cut within the segment"),
        (jpeg_of() + b"\xff\xc0\0\1" + bytes(20), "is cut within the segment"),
        (jpeg_of() + b"\0\xc0\0\2" + bytes(20), "no marker at byte"),
        (jpeg_of() + b"\xff\xc0\0", "no marker at byte"),
        (jpeg_of((0xC0, b"\x08\0\5\0\5\1\1\x11\0"), (0xDA, bytes(6))) + b"\0\0", "before its end marker"),
    ],
)
def test_errors_in_jpeg_name_the_rule_that_is_broken(data: bytes, wording: str) -> None:
    with pytest.raises(SegconvError, match=wording):
        _ = raster.decode(data).stored


def test_files_that_are_not_jpeg_are_reported_as_what_they_are() -> None:
    with pytest.raises(SegconvError, match="PNG") as raised:
        jpeg.read_header(WRITTEN[".png"])
    assert raised.value.code == "SC051"


def test_an_empty_segment_is_part_of_the_format() -> None:
    data = WRITTEN[".jpg"]
    found = raster.decode(data[:2] + b"\xff\xfe\0\2" + data[2:])
    header, samples = found.header, found.stored
    assert np.array_equal(samples, raster.decode(data).stored)
    assert header.lossy
