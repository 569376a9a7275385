"""Pictures of every format: other readers see the same samples; cut, turned and disguised files are refused."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import io as skio

from segconv.errors import SegconvError
from segconv.image import raster
from segconv.image.formats import bmp
from segconv.image.formats import png as picture

from .formats.pictures import COLOUR, GREY, WRITTEN, pillow, probed, refused, tif


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


@pytest.mark.parametrize("ending", WRITTEN)
def test_a_picture_may_have_as_many_pixels_as_the_budget_allows(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segconv.image.picture.MAX_PIXELS", GREY.size)
    _ = raster.decode(WRITTEN[ending]).stored
    monkeypatch.setattr("segconv.image.picture.MAX_PIXELS", GREY.size - 1)
    picture._sound_header.cache_clear()  # headers that were judged within the budget before
    refused("SC054", WRITTEN[ending])


@pytest.mark.parametrize("ending", [".png", ".bmp", ".jpg"])
def test_after_a_picture_may_stand_a_mebibyte_and_no_byte_more(ending: str) -> None:
    assert not raster.decode(WRITTEN[ending] + bytes(1 << 20)).plain
    refused("SC054", WRITTEN[ending] + bytes((1 << 20) + 1))


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
