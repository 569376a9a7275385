"""Tiny cases in the form of a dataset's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fixtures.make_fixtures import msd_ct
from segconv.dataset.layout import Dataset
from segconv.dataset.stand_ins import Form, form_of, small_grid, stand_in
from segconv.errors import SegconvError
from segconv.image import opened, raster
from segconv.image.geometry import Geometry

from ..command import Command


def form_of_picture(folder: Path, samples: np.ndarray, ending: str, values: tuple[int, ...]) -> Form:
    file = folder / f"a{ending}"
    file.write_bytes(raster.encode(samples, ending))
    return Form((opened.probe(str(file)),), ending, values)


@pytest.mark.parametrize("count", [2, 3, 118])
def test_every_value_occurs(count: int, tmp_path: Path) -> None:
    form = form_of_picture(tmp_path, np.zeros((4, 4), np.uint8), ".png", tuple(range(count)))
    _, label = stand_in(form, Geometry.plain((24, 20)), 0)
    assert sorted(set(opened.read_label(label, "a.png").array.flat)) == list(range(count))


@pytest.mark.parametrize(
    ("samples", "ending"),
    [
        (np.zeros((4, 4), np.uint8), ".png"),
        (np.zeros((4, 4), np.uint16), ".png"),
        (np.zeros((4, 4, 3), np.uint8), ".png"),
        (np.zeros((4, 4), np.float32), ".tif"),
        (np.zeros((4, 4, 3), np.uint8), ".bmp"),
    ],
)
def test_pictures_have_the_kind_of_samples_of_the_dataset(samples: np.ndarray, ending: str, tmp_path: Path) -> None:
    form = form_of_picture(tmp_path, samples, ending, (0, 1))
    (image,), _ = stand_in(form, Geometry.plain((20, 16)), 0)
    array = opened.read_image(image, f"a{ending}").array
    assert (array.dtype, array.shape) == (samples.dtype, (16, 20, *samples.shape[2:]))
    assert array.std() > 0


def test_volumes_keep_the_orientation_of_the_dataset(segconv: Command, tmp_path: Path) -> None:
    assert segconv("convert", msd_ct(tmp_path), "--to", "7", "-q").code == 0
    dataset = Dataset.open(next(segconv.raw.glob("Dataset007*")))
    form = form_of(dataset)
    usual = form.geometry
    asked = small_grid(form, [10, 30, 2], [4.0, 1.0, 2.0])
    assert (asked.size, asked.spacing_mm, asked.direction) == ((8, 30, 10), (2.0, 1.0, 4.0), usual.direction)
    own = small_grid(form, [], [])
    assert own.size == tuple(min(40, edge) for edge in usual.size)
    assert own.spacing_mm == usual.spacing_mm


def test_a_dataset_without_cases_is_refused(segconv: Command, tmp_path: Path) -> None:
    assert segconv("convert", msd_ct(tmp_path), "--to", "7", "-q").code == 0
    dataset = Dataset.open(next(segconv.raw.glob("Dataset007*")))
    for image in (dataset.path / "imagesTr").iterdir():
        image.unlink()
    with pytest.raises(SegconvError) as caught:
        form_of(dataset)
    assert caught.value.code == "SC011"


def test_pages_of_a_tiff_are_refused(segconv: Command, tmp_path: Path) -> None:
    assert segconv("convert", msd_ct(tmp_path), "--to", "7", "-q").code == 0
    folder = next(segconv.raw.glob("Dataset007*"))
    described = (folder / "dataset.json").read_text().replace(".nii.gz", ".tif")
    (folder / "dataset.json").write_text(described)
    (folder / "imagesTr" / "a_0000.tif").write_bytes(raster.encode_tiff_pages(np.zeros((3, 8, 8), np.uint8)))
    with pytest.raises(SegconvError, match="several pages") as caught:
        form_of(Dataset.open(folder))
    assert caught.value.code == "SC051"
