"""TIFF: every layout, type, palette and compression, pages and budgets; damaged files are refused."""

from __future__ import annotations

import contextlib
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from segconv.errors import SegconvError
from segconv.image import raster
from segconv.image.formats import bmp, tiff
from segconv.image.formats import png as picture

from .pictures import COLOUR, GREY, pillow, probed, refused, tif


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd"])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("layout", ["strips", "tiles", "planes", "planes of tiles", "big", "bigtiff"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_layout_of_a_tiff(
    compression: str | None, predictor: bool, layout: str, dtype: str, tmp_path: Path
) -> None:
    if predictor and compression in (None, "packbits"):
        return
    array = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (60, 70, 3)).astype(dtype)
    options: dict[str, Any] = {
        "strips": {"rowsperstrip": 7},
        "tiles": {"tile": (16, 32)},
        "planes": {"planarconfig": "separate", "rowsperstrip": 11},
        "planes of tiles": {"planarconfig": "separate", "tile": (16, 16)},
        "big": {"byteorder": ">"},
        "bigtiff": {"bigtiff": True},
    }[layout]
    stored = np.moveaxis(array, -1, 0) if layout.startswith("planes") else array
    data = tif(stored, photometric="rgb", compression=compression, predictor=predictor, **options)
    found = raster.decode(data, ".tif")
    header, samples, plain = found.header, found.stored, found.plain
    assert plain
    assert np.array_equal(samples, array)
    assert samples.dtype.isnative
    assert (header.kind, header.depth, header.samples, header.pages) == ("RGB", array.itemsize * 8, 3, 1)
    assert probed(data, tmp_path, ".tif") == header
    cut = data[: len(data) * 2 // 3]
    refused("SC058", cut)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]
)
def test_every_type_of_a_tiff(dtype: str) -> None:
    array = np.random.default_rng(0).normal(50, 20, (30, 20)).astype(dtype)
    found = raster.decode(tif(array, compression="zlib"))
    header, samples = found.header, found.stored
    assert np.array_equal(samples, array)
    assert samples.dtype == (np.float32 if dtype == "float16" else array.dtype)
    assert header.numbers == dtype.rstrip("0123456789")


def test_few_bits_of_a_tiff_count_as_stored() -> None:
    array = GREY % 2
    for photometric in ("minisblack", "miniswhite"):
        found = raster.decode(tif(array.astype(bool), photometric=photometric))
        header, samples = found.header, found.stored
        assert (header.kind, header.depth) == ("gray", 1)
        assert samples.dtype == np.uint8
        assert np.array_equal(samples, array), "not inverted"
    theirs = pillow(Image.fromarray(array * 255).convert("1"), "TIFF")
    assert np.array_equal(raster.decode(theirs).stored, array)
    four = b"".join(bytes(row) for row in (GREY % 16 * 16)[:, ::2] + (GREY % 16)[:, 1::2])
    data = tif(GREY % 16, rowsperstrip=60)
    assert len(four) == 60 * 35
    # tifffile writes no 4 bits: the same file, its strip packed by hand and two tags changed
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        tags = {tag.code: tag.valueoffset for tag in tiff.pages[0].tags}
        at = tiff.pages[0].dataoffsets[0]
    packed = bytearray(data)
    packed[at : at + len(four)] = four
    packed[tags[258] : tags[258] + 2] = (4).to_bytes(2, "little")
    found = raster.decode(bytes(packed))
    header, samples = found.header, found.stored
    assert header.depth == 4
    assert np.array_equal(samples, GREY % 16)


def test_a_white_zero_is_not_inverted() -> None:
    data = tif(GREY, photometric="miniswhite")
    assert np.array_equal(raster.decode(data).stored, tifffile.imread(io.BytesIO(data)))


def test_pages_are_an_axis(tmp_path: Path) -> None:
    stack = np.stack([GREY, GREY[::-1], GREY])
    data = raster.encode_tiff_pages(stack)
    found = raster.decode(data)
    header, samples = found.header, found.stored
    assert header.pages == 3
    assert np.array_equal(samples, stack)
    assert probed(data, tmp_path, ".tiff") == header
    colours = np.stack([COLOUR, COLOUR[::-1]])
    assert np.array_equal(raster.decode(raster.encode_tiff_pages(colours)).stored, colours)
    assert np.array_equal(tifffile.imread(io.BytesIO(raster.encode_tiff_pages(colours))), colours)


@pytest.mark.parametrize("options", [{"rowsperstrip": 16}, {"tile": (32, 32)}])
def test_jpeg_in_a_tiff_is_read_and_reported(options: dict[str, Any]) -> None:
    data = tif(COLOUR, photometric="rgb", compression="jpeg", **options)
    found = raster.decode(data)
    header, samples = found.header, found.stored
    assert header.lossy
    assert header.kind == "RGB"
    assert np.array_equal(samples, tifffile.imread(io.BytesIO(data)))
    with Image.open(io.BytesIO(pillow(Image.fromarray(COLOUR), "TIFF", compression="jpeg"))) as image:
        theirs = np.asarray(image).astype(int)
    found = raster.decode(pillow(Image.fromarray(COLOUR), "TIFF", compression="jpeg")).stored
    assert np.abs(found - theirs).max() <= 2, "another decoder of the same JPEG"


def test_stacks_of_imagej_are_pages_and_those_behind_one_directory_are_refused() -> None:
    stack = np.stack([GREY, GREY[::-1], GREY])
    data = tif(stack, imagej=True)
    assert np.array_equal(raster.decode(data).stored, stack)
    for number in (b"2", b"9"):
        first = tif(GREY, imagej=True, metadata={"axes": "YX"}).replace(b"images=1\n", b"images=" + number + b"\n")
        assert "ImageJ" in refused("SC056", first).message


def test_a_thumbnail_is_not_a_page() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(GREY)
        writer.write(GREY[::4, ::4], subfiletype=1)
    found = raster.decode(buffer.getvalue())
    header, samples = found.header, found.stored
    assert header.pages == 1
    assert np.array_equal(samples, GREY)


def test_pages_that_differ_are_refused() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(GREY)
        writer.write(GREY[:20])
    assert "page 2" in refused("SC053", buffer.getvalue()).message


@given(
    st.one_of(
        hnp.arrays(st.sampled_from([np.uint8, np.uint16]), st.tuples(st.integers(1, 12), st.integers(1, 12))),
        hnp.arrays(
            st.sampled_from([np.uint8, np.uint16]),
            st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([2, 3, 4])),
        ),
    )
)
def test_encoded_tiff_comes_back_from_another_reader(array: np.ndarray) -> None:
    data = tiff.encode_samples(array)
    assert np.array_equal(tifffile.imread(io.BytesIO(data)).reshape(array.shape), array)
    found = raster.decode(data)
    header, samples = found.header, found.stored
    assert np.array_equal(samples, array)
    assert header.kind == {2: "gray", 3: {2: "gray+alpha", 3: "RGB", 4: "RGBA"}.get(array.shape[-1])}[array.ndim]
    assert tiff.encode_samples(array) == data
    if array.dtype == np.uint8 and array.ndim == 2:
        with Image.open(io.BytesIO(data)) as image:
            assert np.array_equal(np.asarray(image), array)


def test_a_tiff_over_budget_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segconv.image.picture.MAX_PIXELS", 1000)
    for data in (
        tif(GREY),
        bmp.encode_samples(GREY),
        pillow(Image.fromarray(GREY), "JPEG"),
        picture.encode_samples(GREY),
    ):
        refused("SC054", data)


def test_the_bytes_of_a_tiff_have_a_budget_too(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tif(np.zeros((2, 5, 4, 3), np.uint16), photometric="rgb")
    monkeypatch.setattr(tiff, "MAX_VOLUME", 2 * 5 * 4 * 3 * 2)
    _ = raster.decode(data).stored
    monkeypatch.setattr(tiff, "MAX_VOLUME", 2 * 5 * 4 * 3 * 2 - 1)
    refused("SC054", data)


def tiff_with(data: bytes, **tags: int) -> bytes:
    """A little-endian TIFF with the numbers of some tags changed."""
    changed = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        for name, value in tags.items():
            tag = opened.pages[0].tags[name]
            size = {3: 2, 4: 4}[int(tag.dtype)]
            changed[tag.valueoffset : tag.valueoffset + size] = value.to_bytes(size, "little")
    return bytes(changed)


PACKED = tif(GREY, compression="zlib", rowsperstrip=60)
SHORT = zlib.compress(GREY.tobytes()[:-1])
PALETTE = tif(GREY, photometric="palette", colormap=np.zeros((3, 256), np.uint16))


def with_two_colours(data: bytes) -> bytes:
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        at = opened.pages[0].tags["ColorMap"].offset + 4
    return data[:at] + (6).to_bytes(4, "little") + data[at + 4 :]


TILED = tif(GREY, compression="jpeg", tile=(64, 80))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (tiff_with(PACKED, StripOffsets=0), "SC058"),
        (tiff_with(PACKED, StripByteCounts=0), "SC058"),
        (tiff_with(PACKED, StripByteCounts=len(PACKED)), "SC058"),
        (tiff_with(PACKED, ImageLength=61, RowsPerStrip=61), "SC058"),
        (tiff_with(tif(GREY), ImageLength=61, RowsPerStrip=61), "SC058"),
        (tif(GREY)[:-1], "SC058"),
        (tiff_with(PACKED + SHORT, StripOffsets=len(PACKED), StripByteCounts=len(SHORT)), "SC058"),
        (tiff_with(tif(GREY, tile=(64, 80)), TileWidth=65520, TileLength=65520), "SC054"),
        (tiff_with(TILED, TileWidth=63, ImageWidth=60), "SC054"),
        (tiff_with(TILED, TileLength=47, ImageLength=40), "SC054"),
        (tiff_with(PALETTE, BitsPerSample=32), "SC056"),
        (with_two_colours(PALETTE), "SC053"),
        (tiff_with(TILED, TileWidth=48, ImageWidth=40), "SC054"),
        (tiff_with(TILED, TileLength=32, ImageLength=30), "SC054"),
        (tiff_with(tif(GREY), PhotometricInterpretation=3), "SC056"),
        (tif(np.zeros((32, 32, 32), np.uint8), volumetric=True, tile=(16, 16, 16)), "SC056"),
    ],
)
def test_a_tiff_whose_pixels_are_not_what_it_says_is_refused(data: bytes, code: str) -> None:
    refused(code, data, ".tif")


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (tiff_with(PACKED, StripOffsets=0), "strip or tile 1 of 1 ends at byte"),
        (tiff_with(PACKED, StripByteCounts=0), "strip or tile 1 of 1 ends at byte"),
        (tif(GREY)[:-1], "strip or tile 1 of 1 ends at byte"),
        (
            tiff_with(PACKED + SHORT, StripOffsets=len(PACKED), StripByteCounts=len(SHORT)),
            "holds 4199 bytes of pixels, expected 4200",
        ),
        (tiff_with(tif(GREY, rowsperstrip=30), ImageLength=90), "has 2 strips or tiles, its size asks for 3"),
        (tiff_with(tif(GREY), BitsPerSample=11), "has samples of 11 bits"),
        (b"II*\0" + bytes(4), "is a TIFF without a picture"),
    ],
)
def test_errors_in_tiff_name_the_rule_that_is_broken(data: bytes, wording: str) -> None:
    with pytest.raises(SegconvError, match=wording):
        _ = raster.decode(data, ".tif").stored


def test_a_palette_of_16_bits_counts_by_index() -> None:
    indices = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    found = raster.decode(tif(indices, photometric="palette", colormap=np.zeros((3, 65536), np.uint16)))
    header, samples = found.header, found.stored
    assert (header.kind, header.depth) == ("palette", 16)
    assert np.array_equal(samples, indices)


def test_an_index_without_a_colour_is_not_written_as_tiff() -> None:
    pages = np.array([[[0, 2]]], np.uint8)
    tiff.encode_pages(pages, np.zeros((3, 3), np.uint8))
    with pytest.raises(SegconvError) as raised:
        tiff.encode_pages(pages, np.zeros((2, 3), np.uint8))
    assert raised.value.code == "SC053"


@pytest.mark.parametrize("compression", ["zlib", "zstd", "lzw", "packbits"])
def test_a_strip_that_unpacks_to_more_than_it_needs_is_refused(compression: str) -> None:
    bomb = bytearray(tif(np.zeros((4000, 50), np.uint8), compression=compression, rowsperstrip=4000))
    with tifffile.TiffFile(io.BytesIO(bytes(bomb))) as tiff:
        tags = {tag.code: tag.valueoffset for tag in tiff.pages[0].tags}
    for code in (257, 278):
        bomb[tags[code] : tags[code] + 4] = (40).to_bytes(4, "little")
    assert refused("SC054" if compression in ("lzw",) else "SC058", bytes(bomb))


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits", "zstd", "jpeg"])
@given(data=st.data())
@settings(max_examples=60)
def test_a_tiff_with_any_bytes_changed_is_read_or_refused(compression: str | None, data: st.DataObject) -> None:
    whole = bytearray(tif(GREY, compression=compression, rowsperstrip=16))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 250))
        whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SegconvError):
        _ = raster.decode(bytes(whole)).stored


def test_a_flipped_bit_in_a_checked_compression_is_refused_or_harmless() -> None:
    data = tif(GREY, compression="zlib")
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        start, count = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    rng = np.random.default_rng(5)
    noticed = 0
    for _ in range(100):
        damaged = bytearray(data)
        damaged[start + rng.integers(count)] ^= 1 << rng.integers(8)
        try:
            samples = raster.decode(bytes(damaged)).stored
        except SegconvError as error:
            assert error.code in ("SC054", "SC058")
            noticed += 1
        else:
            assert np.array_equal(samples, GREY)
    assert noticed > 10
