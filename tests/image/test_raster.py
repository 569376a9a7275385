"""Pictures of every format: other readers see the same samples; cut, turned and disguised files are refused."""

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
from skimage import io as skio

from segconv.errors import SegconvError
from segconv.image import raster
from segconv.image.formats import bmp, jpeg, tiff
from segconv.image.formats import png as picture

GREY = (np.arange(60 * 70).reshape(60, 70) % 251).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)
RGBA = np.concatenate([COLOUR, np.full((60, 70, 1), 255, np.uint8)], axis=-1)


def tif(array: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def pillow(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format_, **options)
    return buffer.getvalue()


def refused(code: str, data: bytes, ending: str | None = None) -> SegconvError:
    with pytest.raises(SegconvError) as raised:
        _ = raster.decode(data, ending).stored
    assert raised.value.code == code, raised.value.message
    return raised.value


def probed(data: bytes, folder: Path, ending: str) -> raster.PictureHeader:
    path = folder / f"x{ending}"
    path.write_bytes(data)
    return raster.probe_file(str(path))


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


def test_missing_files_and_files_that_are_not_pictures_are_refused(tmp_path: Path) -> None:
    for name, code in (("absent.tif", "SC012"), ("absent.txt", "SC051")):
        with pytest.raises(SegconvError) as raised:
            raster.probe_file(str(tmp_path / name))
        assert raised.value.code == code
    with pytest.raises(ValueError, match="is not one of"):
        raster.encode(GREY, ".jpg")


@pytest.mark.parametrize("ending", raster.WRITABLE)
@pytest.mark.parametrize("array", [GREY, COLOUR])
def test_data_encoded_by_ending_come_back(ending: str, array: np.ndarray) -> None:
    assert np.array_equal(raster.decode(raster.encode(array, ending), ending).stored, array)


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


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp"])
def test_palettes_in_every_format(ending: str, tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (7, 3)).astype(np.uint8)
    indices = GREY % 7
    data = raster.encode_palette(indices, colours, ending)
    found = raster.decode(data, ending)
    header, samples = found.header, found.stored
    assert header.kind == "palette"
    assert np.array_equal(samples, indices)
    assert np.array_equal(found.palette[:, :3][samples], colours[indices])
    assert probed(data, tmp_path, ending) == header
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), indices)
        assert np.array_equal(np.asarray(image.convert("RGB")), colours[indices])


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


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_pictures_that_are_stored_turned_are_refused(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg = pillow(Image.fromarray(GREY), "JPEG", exif=exif)
    tiff = tif(GREY, extratags=[(274, "H", 1, orientation, True)])
    for data, ending in ((jpeg, ".jpg"), (tiff, ".tif")):
        if orientation == 1:
            _ = raster.decode(data).stored
            continue
        assert "rotate" in refused("SC053", data).hint
        with pytest.raises(SegconvError) as raised:
            probed(data, tmp_path, ending)
        assert raised.value.code == "SC053"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (pillow(Image.new("CMYK", (5, 5)), "JPEG"), "SC056"),
        (pillow(Image.new("CMYK", (5, 5)), "TIFF"), "SC056"),
        (pillow(Image.new("LAB", (5, 5)), "TIFF"), "SC056"),
        (pillow(Image.new("1", (5, 5)), "TIFF", compression="group4"), "SC056"),
        (tif(np.zeros((5, 5), np.complex64)), "SC056"),
        (pillow(Image.new("L", (5, 5)), "GIF"), "SC051"),
        (b"<html>", "SC051"),
        (b"", "SC051"),
        (b"II*\0", "SC058"),
    ],
)
def test_what_cannot_be_kept_unchanged_is_refused(data: bytes, code: str) -> None:
    refused(code, data)


@pytest.mark.parametrize("ending", raster.ENDINGS)
def test_another_format_under_the_name_is_refused_and_named(ending: str, tmp_path: Path) -> None:
    files = {
        "PNG": picture.encode_samples(GREY),
        "TIFF": tif(GREY),
        "BMP": bmp.encode_samples(GREY),
        "JPEG": pillow(Image.fromarray(GREY), "JPEG"),
        "web page": b"<!DOCTYPE html>",
        "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\n",
    }
    own = {".png": "PNG", ".bmp": "BMP"}.get(ending, "TIFF" if ending.startswith(".t") else "JPEG")
    for kind, data in files.items():
        if kind == own:
            continue
        assert kind in refused("SC051", data, ending).message
        with pytest.raises(SegconvError, match=kind) as raised:
            probed(data, tmp_path, ending)
        assert raised.value.code == "SC051"


def test_a_tiff_over_budget_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segconv.image.picture.MAX_PIXELS", 1000)
    for data in (
        tif(GREY),
        bmp.encode_samples(GREY),
        pillow(Image.fromarray(GREY), "JPEG"),
        picture.encode_samples(GREY),
    ):
        refused("SC054", data)


WRITTEN = {
    ".png": picture.encode_samples(GREY),
    ".tif": tif(GREY),
    ".bmp": bmp.encode_samples(GREY),
    ".jpg": pillow(Image.fromarray(GREY), "JPEG"),
}


@pytest.mark.parametrize("ending", WRITTEN)
def test_a_picture_may_have_as_many_pixels_as_the_budget_allows(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segconv.image.picture.MAX_PIXELS", GREY.size)
    _ = raster.decode(WRITTEN[ending]).stored
    monkeypatch.setattr("segconv.image.picture.MAX_PIXELS", GREY.size - 1)
    refused("SC054", WRITTEN[ending])


@pytest.mark.parametrize("ending", [".png", ".bmp", ".jpg"])
def test_after_a_picture_may_stand_a_mebibyte_and_no_byte_more(ending: str) -> None:
    assert not raster.decode(WRITTEN[ending] + bytes(1 << 20)).plain
    refused("SC054", WRITTEN[ending] + bytes((1 << 20) + 1))


def test_the_bytes_of_a_tiff_have_a_budget_too(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tif(np.zeros((2, 5, 4, 3), np.uint16), photometric="rgb")
    monkeypatch.setattr(tiff, "MAX_VOLUME", 2 * 5 * 4 * 3 * 2)
    _ = raster.decode(data).stored
    monkeypatch.setattr(tiff, "MAX_VOLUME", 2 * 5 * 4 * 3 * 2 - 1)
    refused("SC054", data)


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
    ("data", "told"),
    [
        (WRITTEN[".bmp"][:53], "ends after 53 bytes, within its header"),
        (WRITTEN[".bmp"][: 54 + 1023], "ends within its palette"),
        (bmp_with(10, (54).to_bytes(4, "little")), "ends within its palette"),
        (bmp_with(10, (53).to_bytes(4, "little")), "has a BMP header of 40 bytes"),
        (WRITTEN[".bmp"][:-1], "its header promises"),
    ],
)
def test_errors_in_bmp_name_the_rule_that_is_broken(data: bytes, told: str) -> None:
    with pytest.raises(SegconvError, match=told):
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
    ("data", "told"),
    [
        (pillow(Image.new("CMYK", (5, 5)), "JPEG"), "is a JPEG of 4 components"),
        (jpeg_of() + b"\xff\xc0\0\x12" + bytes(15), "is cut within the segment"),
        (jpeg_of() + b"\xff\xc0\0\1" + bytes(20), "is cut within the segment"),
        (jpeg_of() + b"\0\xc0\0\2" + bytes(20), "no marker at byte"),
        (jpeg_of() + b"\xff\xc0\0", "no marker at byte"),
        (jpeg_of((0xC0, b"\x08\0\5\0\5\1\1\x11\0"), (0xDA, bytes(6))) + b"\0\0", "before its end marker"),
    ],
)
def test_errors_in_jpeg_name_the_rule_that_is_broken(data: bytes, told: str) -> None:
    with pytest.raises(SegconvError, match=told):
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
    ("data", "told"),
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
def test_errors_in_tiff_name_the_rule_that_is_broken(data: bytes, told: str) -> None:
    with pytest.raises(SegconvError, match=told):
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


@pytest.mark.parametrize("format_", ["BMP", "JPEG"])
@given(data=st.data())
@settings(max_examples=60)
def test_a_picture_with_any_bytes_changed_is_read_or_refused(format_: str, data: st.DataObject) -> None:
    whole = bytearray(pillow(Image.fromarray(COLOUR), format_))
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


def test_real_pictures_are_read_as_independent_readers_read_them(data: Path) -> None:
    files = sorted(data.glob("ivadomed_data_testing/data_test_png_tif/**/*_SEM.*[gf]"))
    kinds = set()
    for path in files:
        found = raster.decode(path.read_bytes(), path.suffix)
        header, samples, plain = found.header, found.stored, found.plain
        assert raster.probe_file(str(path)) == header
        assert plain
        with Image.open(path) as image:
            pillows = np.asarray(image)
        if path.suffix == ".tif":
            theirs = [tifffile.imread(path, key=0), pillows]
        elif header.depth == 8:
            theirs = [skio.imread(path), pillows]
        elif header.kind == "gray":
            theirs = [skio.imread(path)]
        else:  # other readers cut 16-bit colour to 8: the upper half must be theirs
            theirs = []
            assert np.abs((samples >> 8).astype(int) - pillows.astype(int)).max() <= 1
        for expected in theirs:
            assert np.array_equal(samples, expected), path
        kinds.add((header.format, header.depth, header.kind))
    assert len(files) == 11
    assert len(kinds) == 10
