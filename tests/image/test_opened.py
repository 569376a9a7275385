"""One way to read any file: all formats give the same voxels."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from segconv.errors import SegconvError
from segconv.image import opened, raster, volumes
from segconv.image.formats import bmp, nifti
from segconv.image.formats import png as picture
from segconv.image.geometry import Geometry

GRID = Geometry((4, 3, 2), (1.0, 2.0, 3.0), (5.0, 6.0, 7.0), tuple(np.eye(3).ravel().tolist()))
LABEL = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
PICTURE = LABEL[0]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("slope", [1.0, 0.5])
def test_messages_say_what_a_file_decodes_to(tmp_path: Path, dtype: str, slope: float) -> None:
    block = bytearray(b"".join(bytes(part) for part in nifti.buffers_of(LABEL.astype(dtype), GRID)))
    block[112:116] = struct.pack("<f", slope)
    path = tmp_path / "a.nii"
    path.write_bytes(block)
    assert opened.decoded_bytes(str(path)) == opened.read_image(bytes(block)).array.nbytes


@pytest.mark.parametrize("ending", volumes.WRITABLE)
@pytest.mark.parametrize("read", [opened.read_image, opened.read_label])
def test_volumes_of_every_format(ending: str, read: object) -> None:
    data = volumes.encode(LABEL, GRID, ending)
    for found in (read(data), read(data, ending)):  # type: ignore[operator]
        assert np.array_equal(found.array, LABEL)
        assert np.allclose(found.geometry.affine_lps, GRID.affine_lps)


def test_a_volume_in_two_files() -> None:
    header, raw = volumes.encode_mhd(LABEL, GRID, "x")
    assert np.array_equal(opened.decode(header, ".mhd", raw).label().array, LABEL)


@pytest.mark.parametrize("ending", raster.WRITABLE)
@pytest.mark.parametrize("read", [opened.read_image, opened.read_label])
def test_pictures_of_every_format(ending: str, read: object) -> None:
    data = raster.encode(PICTURE, ending)
    for found in (read(data), read(data, ending)):  # type: ignore[operator]
        assert np.array_equal(found.array, PICTURE)
        assert found.geometry == Geometry.plain((4, 3))


def test_palettes_are_colours_of_an_image_and_indices_of_a_label() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (24, 3)).astype(np.uint8)
    data = picture.encode_palette(PICTURE, colours)
    assert np.array_equal(opened.read_image(data).array, colours[PICTURE])
    assert np.array_equal(opened.read_label(data).array, PICTURE)


def test_pages_are_slices() -> None:
    found = opened.read_label(raster.encode_tiff_pages(LABEL))
    assert np.array_equal(found.array, LABEL)
    assert found.geometry.size == (4, 3, 2)
    coloured = np.stack([np.stack([LABEL[z]] * 3, axis=-1) for z in range(2)])
    assert opened.read_image(raster.encode_tiff_pages(coloured)).components == 3
    with pytest.raises(SegconvError) as raised:
        opened.read_label(raster.encode_tiff_pages(coloured))
    assert raised.value.code == "SC073"


def test_grey_in_colours_is_a_label() -> None:
    assert np.array_equal(opened.read_label(bmp.encode_samples(np.stack([PICTURE] * 3, axis=-1))).array, PICTURE)


def test_pages_with_alpha_are_not_a_label() -> None:
    with pytest.raises(SegconvError) as raised:
        opened.read_label(raster.encode_tiff_pages(np.stack([np.stack([LABEL[z]] * 2, axis=-1) for z in range(2)])))
    assert raised.value.code == "SC073"


def test_channels_are_a_last_axis_of_an_image_and_refused_of_a_label() -> None:
    header = bytearray(nifti.new_header(GRID, LABEL.dtype))
    header[40:50] = np.array([4, 4, 3, 2, 2], "<i2").tobytes()
    data = bytes(header) + LABEL.tobytes() + LABEL[::-1].tobytes()
    assert np.array_equal(opened.read_image(data).array, np.stack([LABEL, LABEL[::-1]], axis=-1))
    with pytest.raises(SegconvError) as raised:
        opened.read_label(data)
    assert raised.value.code == "SC073"


def test_a_format_that_the_name_does_not_say_is_refused() -> None:
    with pytest.raises(SegconvError) as raised:
        opened.read_label(volumes.encode(LABEL, GRID, ".mha"), ".nrrd")
    assert raised.value.code == "SC051"
