"""Real sets of pictures, compared with scikit-image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import io

from segconv.image import raster

from ...command import Command
from ..drawn import records, save, written

AXONS = ("--images", "sub-*/micr/*_SEM.png", "--masks", "derivatives/labels/sub-*/micr/*_SEM_seg-axonmyelin-manual.png")
THREE = ("--labels", "background=0,myelin=127,axon=255")


def test_nuclei_are_united_to_the_maximum_of_their_masks(data: Path, segconv: Command) -> None:
    source = data / "dsb2018"
    done = segconv("convert", source, "--to", "9_Nuclei")
    assert done.code == 0, done.err
    assert "stage1_train/*/images/ and stage1_train/*/masks/, 10 times" in done.err
    made = segconv.raw / "Dataset009_Nuclei"
    cases = sorted(path.name for path in (source / "stage1_train").iterdir())
    assert len(cases) == 10
    for name in cases:
        folder = source / "stage1_train" / name
        union = np.max([io.imread(path) for path in (folder / "masks").iterdir()], axis=0)
        (own,) = (r for r in records(made).values() if name in r["original_name"])
        assert np.array_equal(written(made, own["original_name"]), union > 0)
        image = io.imread(made / "imagesTr" / f"{own['case']}_0000.png")
        assert np.array_equal(image, io.imread(folder / "images" / f"{name}.png")[..., :3])


def test_axons_without_patterns_are_refused_once_with_patterns_to_use(data: Path, segconv: Command) -> None:
    done = segconv("convert", data / "axondeepseg_sem", "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC085"])
    assert "--masks 'derivatives/labels/*/micr/{case}_seg-axon-manual.png'" in done.err


def test_stray_values_of_axons_are_named_and_snapped(data: Path, segconv: Command) -> None:
    source = data / "axondeepseg_sem"
    mask = "derivatives/labels/sub-rat2/micr/sub-rat2_sample-data5_SEM_seg-axonmyelin-manual.png"
    done = segconv("convert", source, "--to", "9", *AXONS)
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert f"{mask}: the label files hold the values 0, 127, 128, 130, 233, 255" in done.err
    done = segconv("convert", source, "--to", "9", *AXONS, *THREE)
    assert (done.code, done.codes()) == (65, ["SC070"])
    theirs = io.imread(source / mask)
    y, x = np.argwhere(theirs == 128)[0]
    assert f"{mask}: holds the value 128 in {np.sum(theirs == 128)} pixels, the first at ({x}, {y})" in done.err
    assert "2 more such values: 130 (5), 233 (4)" in done.err
    assert "the nearest is 127, 1 away" in done.err
    assert "--snap 22" in done.err
    done = segconv(
        "convert", source, "--to", "9_Axons", *AXONS, *THREE, "--snap", 22, "--patient-pattern", r"(rat\d)", "--restart"
    )
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Axons"
    levels = np.array([0, 127, 255])
    patients = set()
    for record in records(made).values():
        patients.add(record["patient"])
        image, label = (source / entry["path"] for entry in record["sources"])
        nearest = np.abs(_first(io.imread(label)).astype(int)[..., np.newaxis] - levels).argmin(-1)
        assert np.array_equal(written(made, record["original_name"]), nearest)
        assert np.array_equal(io.imread(made / "imagesTr" / f"{record['case']}_0000.png"), _first(io.imread(image)))
    assert patients == {"rat2", "rat3", "rat4", "rat6"}


def _first(samples: np.ndarray) -> np.ndarray:
    """Grey without its alpha."""
    return samples if samples.ndim == 2 else samples[..., 0]


VARIANTS = {
    "sub-png/micr/sub-png_sample-8gray_SEM.png": 1,
    "sub-png/micr/sub-png_sample-8grayalhpa_SEM.png": 1,
    "sub-png/micr/sub-png_sample-8grayalpha_SEM.png": 3,
    "sub-png/micr/sub-png_sample-8rgb_SEM.png": 3,
    "sub-png/micr/sub-png_sample-8rgba_SEM.png": 3,
    "sub-png/micr/sub-png_sample-16gray_SEM.png": 1,
    "sub-png/micr/sub-png_sample-16rgb_SEM.png": 3,
    "sub-png/micr/sub-png_sample-16rgba_SEM.png": 3,
    "sub-tif/micr/sub-tif_sample-8gray_SEM.tif": 1,
    "sub-tif/micr/sub-tif_sample-8rgb_SEM.tif": 3,
    "sub-tif/micr/sub-tif_sample-16gray_SEM.tif": 1,
}


@pytest.mark.parametrize("path", VARIANTS)
def test_every_variant_of_one_picture_converts(path: str, data: Path, tmp_path: Path, segconv: Command) -> None:
    theirs = data / "ivadomed_data_testing" / "data_test_png_tif" / path
    found = raster.decode(theirs.read_bytes())
    header, samples = found.header, found.stored
    for name in ("a", "b"):
        (tmp_path / "mine" / "images").mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / "images" / f"{name}{theirs.suffix}").write_bytes(theirs.read_bytes())
        mask = np.zeros((header.height, header.width), np.uint8)
        mask[:9] = 255
        save(tmp_path / "mine" / "masks" / f"{name}.png", mask)
    done = segconv("convert", tmp_path / "mine", "--to", "9_Made")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Made"
    assert len(json.loads((made / "dataset.json").read_text())["channel_names"]) == VARIANTS[path]
    expected = samples if samples.ndim == 2 else samples[..., : VARIANTS[path]].squeeze()
    found = raster.decode((made / "imagesTr" / "a_0000.png").read_bytes())
    back = found.stored
    assert np.array_equal(back, expected)
    if header.depth == 8 or VARIANTS[path] == 1:
        assert np.array_equal(io.imread(made / "imagesTr" / "a_0000.png"), expected)


def test_different_channels_in_one_set_are_refused(data: Path, segconv: Command) -> None:
    source = data / "ivadomed_data_testing" / "data_test_png_tif"
    said = (
        "--from",
        "png",
        "--images",
        "sub-png/micr/*_SEM.png",
        "--unlabelled",
        "test",
        "--labels",
        "background=0,axon=255",
    )
    done = segconv("convert", source, "--to", "9", *said)
    assert done.code == 65
    assert set(done.codes()) == {"SC084"}
    assert "most pictures have" in done.err
    assert segconv("convert", source, "--to", "9", *said[:3], "sub-png/micr/*8gray_SEM.png", *said[4:]).code == 0
