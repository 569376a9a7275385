"""BMP: read as Pillow writes it, written as Pillow reads it, and refused where it contradicts itself."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segconv.errors import SegconvError
from segconv.image import raster
from segconv.image.formats import bmp

from .pictures import COLOUR, GREY, RGBA, WRITTEN, pillow, probed, refused


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bmp_is_read_as_pillow_writes_it(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(RGBA).convert("RGB").convert(mode)
    data = pillow(image, "BMP")
    found = raster.decode(data)
    header, samples, plain = found.header, found.stored, found.plain
    assert plain
    expected = np.asarray(image)
    assert np.array_equal(samples, expected[..., :3] if mode == "RGBA" and header.kind == "RGB" else expected)
    assert header.depth == (1 if mode == "1" else 8)
    assert header.kind == {"1": "gray", "L": "gray", "P": "palette"}.get(mode, header.kind)
    assert probed(data, tmp_path, ".bmp") == header
    assert not raster.decode(data + b"x").plain
    refused("SC054", data + bytes((1 << 20) + 1))
    for cut in range(0, len(data), 97):
        refused("SC058" if cut > 2 else "SC051", data[:cut], ".bmp")


@pytest.mark.parametrize("array", [GREY, COLOUR, GREY > 100])
def test_bmp_is_written_as_pillow_reads_it(array: np.ndarray) -> None:
    data = bmp.encode_samples(array)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), array)
    assert np.array_equal(raster.decode(data).stored, array)


def test_a_bmp_whose_palette_is_not_a_ramp_counts_by_index() -> None:
    inverted = np.stack([np.arange(255, -1, -1, dtype=np.uint8)] * 3, axis=-1)
    found = raster.decode(bmp.encode_samples(GREY, inverted))
    header, samples = found.header, found.stored
    assert header.kind == "palette"
    assert np.array_equal(samples, GREY)


def bmp_with(at: int, value: bytes, data: bytes = WRITTEN[".bmp"]) -> bytes:
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (WRITTEN[".bmp"][:53], "SC058"),
        (WRITTEN[".bmp"][:-1], "SC058"),
        (WRITTEN[".bmp"][:60], "SC058"),
        (WRITTEN[".bmp"][: 54 + 1023], "SC058"),
        (bmp_with(10, (53).to_bytes(4, "little")), "SC053"),
        (bmp_with(14, (39).to_bytes(4, "little")), "SC053"),
        (bmp_with(14, (125).to_bytes(4, "little"), bmp_with(10, (999).to_bytes(4, "little"))), "SC053"),
        (bmp_with(26, b"\2\0"), "SC053"),
        (bmp_with(28, b"\x10\0"), "SC056"),
        (bmp_with(30, b"\1"), "SC056"),
        (bmp_with(30, b"\3"), "SC056"),
        (bmp_with(46, (200).to_bytes(4, "little")), "SC053"),
    ],
)
def test_a_bmp_that_contradicts_itself_or_ends_early_is_refused(data: bytes, code: str) -> None:
    refused(code, data, ".bmp")


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (WRITTEN[".bmp"][:53], "ends after 53 bytes, within its header"),
        (WRITTEN[".bmp"][: 54 + 1023], "ends within its palette"),
        (bmp_with(10, (54).to_bytes(4, "little")), "ends within its palette"),
        (bmp_with(10, (53).to_bytes(4, "little")), "has a BMP header of 40 bytes"),
        (WRITTEN[".bmp"][:-1], "its header promises"),
    ],
)
def test_errors_in_bmp_name_the_rule_that_is_broken(data: bytes, wording: str) -> None:
    with pytest.raises(SegconvError, match=wording):
        _ = raster.decode(data).stored


@pytest.mark.parametrize("longer", [0, 1, 84])
def test_headers_of_later_versions_of_bmp_are_read(longer: int) -> None:
    plain = bmp.encode_samples(COLOUR)
    data = plain[:10] + (54 + longer).to_bytes(4, "little") + (40 + longer).to_bytes(4, "little") + plain[18:54]
    assert np.array_equal(raster.decode(data + bytes(longer) + plain[54:]).stored, COLOUR)


def test_an_index_without_a_colour_is_not_written_as_bmp() -> None:
    with pytest.raises(SegconvError) as raised:
        bmp.encode_samples(np.array([[0, 2]], np.uint8), np.zeros((2, 3), np.uint8))
    assert raised.value.code == "SC053"
