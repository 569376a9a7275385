"""Channels of pictures that are not colours, alpha, and grey among RGB: as the file says, and as options decide."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from segconv.errors import SegconvError
from segconv.image import raster

from ...command import Command

BANDS = np.random.default_rng(7).integers(0, 60000, (4, 20, 24)).astype(np.uint16)
MASK = np.zeros((20, 24), np.uint8)
MASK[5:9, 5:9] = 255


def tif(array: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def last(count: int) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(BANDS[:count], 0, -1))


def source(root: Path, images: list[bytes], ending: str = ".tif") -> Path:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number, data in enumerate(images):
        (root / "images" / f"c{number}{ending}").write_bytes(data)
        Image.fromarray(MASK).save(root / "masks" / f"c{number}.png")
    return root


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


SAID: dict[str, tuple[bytes, int]] = {
    "ImageJ": (tif(BANDS[:2], imagej=True, metadata={"axes": "CYX"}), 2),
    "OME": (tif(BANDS[:3], ome=True, metadata={"axes": "CYX"}, photometric="minisblack"), 3),
    "tifffile": (tif(BANDS[:3], metadata={"axes": "CYX"}, photometric="minisblack"), 3),
    "planes": (tif(BANDS, photometric="minisblack", planarconfig="separate"), 4),
    "two samples": (tif(last(2), photometric="minisblack", planarconfig="contig"), 2),
    "four samples": (tif(last(4), photometric="minisblack", planarconfig="contig"), 4),
    "RGB and one more": (tif(last(4), photometric="rgb", extrasamples=["unspecified"]), 4),
}


@pytest.mark.parametrize("said", SAID)
def test_channels_become_a_file_each(said: str, tmp_path: Path, segconv: Command) -> None:
    data, count = SAID[said]
    done = segconv("convert", source(tmp_path / "mine", [data, data]), "--to", "9_Made")
    assert done.code == 0, done.err
    (made,) = tmp_path.rglob("Dataset009_Made")
    assert len(json.loads((made / "dataset.json").read_text())["channel_names"]) == count
    for number in range(count):
        with Image.open(made / "imagesTr" / f"c0_{number:04d}.png") as written:
            assert np.array_equal(np.asarray(written), BANDS[number])
    assert len(list((made / "imagesTr").iterdir())) == 2 * count
    assert segconv("check", "9").code == 0


@pytest.mark.parametrize("said", ["ImageJ", "two samples"])
def test_channels_never_become_slices(said: str, tmp_path: Path, segconv: Command) -> None:
    data, count = SAID[said]
    root = source(tmp_path / "mine", [data])
    (root / "masks/c0.png").unlink()
    (root / "masks/c0.tif").write_bytes(tif(np.stack([MASK] * count), photometric="minisblack"))
    done = segconv("convert", root, "--to", "9_Made", "--from", "pairs", "--spacing", "1,1,1")
    assert done.code == 65
    assert f"holds {count} channels by its own word" in done.err
    assert not list(tmp_path.rglob("Dataset009*"))


def test_a_mask_with_channels_is_refused(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "mine", [SAID["ImageJ"][0]])
    (root / "masks/c0.png").unlink()
    (root / "masks/c0.tif").write_bytes(tif(np.stack([MASK, MASK]), imagej=True, metadata={"axes": "CYX"}))
    done = segconv("convert", root, "--to", "9_Made")
    assert done.code == 65
    assert "is a mask of 2 channels" in done.err
    assert "--spacing" not in done.err


def test_channels_of_several_slices_are_refused() -> None:
    data = tif(BANDS.reshape(2, 2, 20, 24), imagej=True, metadata={"axes": "ZCYX"})
    with pytest.raises(SegconvError, match="channels, and slices, frames or colours"):
        _ = raster.decode(data).stored


@pytest.mark.parametrize("axes", ["ZYX", "TYX"])
def test_slices_and_frames_are_not_channels(axes: str) -> None:
    found = raster.decode(tif(BANDS, imagej=True, metadata={"axes": axes}))
    header, samples = found.header, found.stored
    assert (header.pages, header.channel_pages) == (4, False)
    assert np.array_equal(samples, BANDS)


def test_alpha_that_is_left_out_is_named(tmp_path: Path, segconv: Command) -> None:
    opaque = np.full((20, 24, 4), 255, np.uint8)
    opaque[..., :3] = np.arange(24)[:, np.newaxis]
    done = segconv("convert", source(tmp_path / "mine", [png(opaque)] * 2, ".png"), "--to", "9_Made")
    assert done.code == 0, done.err
    assert "Warning SC084: images/c0.png: its alpha channel, 255 everywhere, is left out" in done.err


def test_a_constant_band_is_named(tmp_path: Path, segconv: Command) -> None:
    samples = last(4)
    samples[..., 3] = 65535
    data = tif(samples, photometric="rgb", extrasamples=["unspecified"])
    done = segconv("convert", source(tmp_path / "mine", [data] * 2), "--to", "9_Made")
    assert done.code == 0, done.err
    assert "its channel 4 of 4 is 65535 everywhere" in done.err


def test_alpha_with_transparent_pixels_is_left_out_on_request(tmp_path: Path, segconv: Command) -> None:
    bordered = np.random.default_rng(1).integers(0, 255, (20, 24, 4)).astype(np.uint8)
    bordered[..., 3] = 255
    bordered[0, :, 3] = 0
    root = source(tmp_path / "mine", [png(bordered)] * 2, ".png")
    done = segconv("convert", root, "--to", "9_Made")
    assert done.code == 65
    assert "--drop-alpha" in done.err
    done = segconv("convert", root, "--to", "9_Made", "--drop-alpha", "--restart")
    assert done.code == 0, done.err
    (image,) = tmp_path.rglob("Dataset009_Made/imagesTr/c0_0000.png")
    with Image.open(image) as written:
        assert np.array_equal(np.asarray(written), bordered[..., :3])


def test_grey_among_rgb_is_written_as_rgb_on_request(tmp_path: Path, segconv: Command) -> None:
    grey = np.arange(20 * 24, dtype=np.uint16).reshape(20, 24).astype(np.uint8)
    colour = np.random.default_rng(1).integers(0, 255, (20, 24, 3)).astype(np.uint8)
    root = source(tmp_path / "mine", [png(colour), png(grey), png(colour)], ".png")
    done = segconv("convert", root, "--to", "9_Made")
    assert done.code == 65
    assert "--grey-to-rgb" in done.err
    done = segconv("convert", root, "--to", "9_Made", "--grey-to-rgb")
    assert done.code == 0, done.err
    (image,) = tmp_path.rglob("Dataset009_Made/imagesTr/c1_0000.png")
    with Image.open(image) as written:
        assert np.array_equal(np.asarray(written), np.stack([grey] * 3, axis=-1))


def test_rgb_among_pictures_of_three_bands_is_refused(tmp_path: Path, segconv: Command) -> None:
    rgb = tif(last(3), photometric="rgb")
    root = source(tmp_path / "mine", [SAID["tifffile"][0], SAID["tifffile"][0], rgb])
    done = segconv("convert", root, "--to", "9_Made")
    assert done.code == 65
    assert "3 channels in files of their own of 16 bits" in done.err


def packed_12(values: np.ndarray) -> bytes:
    """Return a TIFF of one strip, 12 bits a sample, two samples in three bytes."""
    pairs = values.reshape(-1, 2).astype(np.uint32)
    both = pairs[:, 0] << 12 | pairs[:, 1]
    strip = np.stack([both >> 16, both >> 8 & 255, both & 255], axis=-1).astype(np.uint8).tobytes()
    height, width = values.shape
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(strip)}
    entries: Callable[[int, int], bytes] = lambda tag, value: struct.pack("<HHII", tag, 4, 1, value)  # noqa: E731
    directory = struct.pack("<H", len(tags)) + b"".join(entries(*item) for item in tags.items()) + bytes(4)
    return struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip + directory


def test_12_bits_are_read(tmp_path: Path, segconv: Command) -> None:
    values = BANDS[0] % 4096
    data = packed_12(values)
    found = raster.decode(data)
    header, samples = found.header, found.stored
    assert header.depth == 12
    assert np.array_equal(samples, values)
    done = segconv("convert", source(tmp_path / "mine", [data] * 2), "--to", "9_Made")
    assert done.code == 0, done.err
    (image,) = tmp_path.rglob("Dataset009_Made/imagesTr/c0_0000.png")
    with Image.open(image) as written:
        assert np.array_equal(np.asarray(written), values)


def test_channels_next_to_masks_of_classes_become_a_file_each(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "mine", [SAID["ImageJ"][0]] * 2)
    for number in range(2):
        for name in ("nucleus", "cell"):
            (root / "masks" / name).mkdir(exist_ok=True)
            Image.fromarray(MASK).save(root / "masks" / name / f"c{number}.png")
        (root / f"masks/c{number}.png").unlink()
    done = segconv("convert", root, "--to", "9_Made", "--from", "masks")
    assert done.code == 0, done.err
    assert segconv("check", "9").code == 0
    (made,) = tmp_path.rglob("Dataset009_Made/dataset.json")
    assert list(json.loads(made.read_text())["channel_names"].values()) == ["channel_0", "channel_1"]
    for number in range(2):
        (image,) = tmp_path.rglob(f"Dataset009_Made/imagesTr/c0_{number:04d}.png")
        with Image.open(image) as written:
            assert np.array_equal(np.asarray(written), BANDS[number])


def test_a_dataset_of_nnunet_with_channels_in_one_file_is_refused(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "Dataset001_Old"
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    (root / "imagesTr/c_0000.tif").write_bytes(SAID["ImageJ"][0])
    (root / "labelsTr/c.tif").write_bytes(tif(MASK // 255, photometric="minisblack"))
    said = {"channel_names": {"0": "a", "1": "b"}, "labels": {"background": 0, "x": 1}, "numTraining": 1}
    (root / "dataset.json").write_text(json.dumps({**said, "file_ending": ".tif"}))
    done = segconv("convert", root, "--to", "9_Made")
    assert done.code == 65
    assert "save each channel as a file of its own" in done.err


UNNAMED = {
    "RGB and one more": (SAID["RGB and one more"][0], ["R", "G", "B"]),
    "four samples": (SAID["four samples"][0], ["channel_0", "channel_1", "channel_2"]),
    "four planes": (SAID["planes"][0], ["channel_0", "channel_1", "channel_2"]),
    "two samples": (SAID["two samples"][0], ["gray"]),
}


@pytest.mark.parametrize("said", UNNAMED)
def test_a_last_sample_that_no_file_names_is_left_out_on_request(said: str, tmp_path: Path, segconv: Command) -> None:
    data, names = UNNAMED[said]
    root = source(tmp_path / "mine", [data, data])
    done = segconv("convert", root, "--to", "8_Kept")
    assert done.code == 0, done.err
    assert "left out if it is alpha" in done.err
    done = segconv("convert", root, "--to", "9_Made", "--drop-alpha")
    assert done.code == 0, done.err
    assert "Warning SC084: images/c0.tif: its last channel, from" in done.err
    (made,) = tmp_path.rglob("Dataset009_Made")
    assert list(json.loads((made / "dataset.json").read_text())["channel_names"].values()) == names
    files = sorted((made / "imagesTr").glob("c0_*.png"))
    written = [np.atleast_3d(raster.decode(file.read_bytes()).stored) for file in files]
    assert np.array_equal(np.concatenate(written, axis=-1), np.moveaxis(BANDS[: len(names)], 0, -1))


@pytest.mark.parametrize("odd", [0, 1, 2])
def test_a_fourth_sample_in_some_pictures_is_hinted_to_be_left_out(odd: int, tmp_path: Path, segconv: Command) -> None:
    four, rgb = SAID["RGB and one more"][0], tif(last(3), photometric="rgb")
    images = [[four, rgb, rgb], [rgb, four, four], [rgb, SAID["ImageJ"][0], rgb]][odd]
    root = source(tmp_path / "mine", images)
    done = segconv("convert", root, "--to", "9_Made")
    assert (done.code, done.codes()) == (65, ["SC084"]), done.err
    assert ("--drop-alpha" in done.err) is (odd < 2)
    assert (segconv("convert", root, "--to", "9_Made", "--drop-alpha").code == 0) is (odd < 2)


def test_pages_that_are_channels_are_never_taken_for_alpha(tmp_path: Path, segconv: Command) -> None:
    done = segconv("convert", source(tmp_path / "mine", [SAID["ImageJ"][0]] * 2), "--to", "9_Made", "--drop-alpha")
    assert done.code == 0, done.err
    (made,) = tmp_path.rglob("Dataset009_Made")
    assert len(json.loads((made / "dataset.json").read_text())["channel_names"]) == 2
