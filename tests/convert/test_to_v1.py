"""Writing nnU-Net v1 tasks: pictures become volumes of one slice, one file per colour."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from skimage import io

from fixtures.make_fixtures import msd_ct, png_shapes

from ..command import Command


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "v1").mkdir()
    monkeypatch.setenv("nnUNet_raw_data_base", str(tmp_path / "v1"))
    return tmp_path / "v1" / "nnUNet_raw_data"


@pytest.mark.parametrize("to", ["42_Roads", "042_Roads", "Task042_Roads"])
def test_pictures_become_volumes_of_one_slice(to: str, tmp_path: Path, segconv: Command, tasks: Path) -> None:
    source = png_shapes(tmp_path / "s")
    done = segconv("convert", source, "--to-v1", to, "--accept-labels")
    assert done.code == 0, done.err
    task = tasks / "Task042_Roads"
    picture = io.imread(source / "training/input/shape-1.png")
    for channel in range(3):
        image = sitk.ReadImage(str(task / "imagesTr" / f"shape-1_{channel:04d}.nii.gz"))
        assert image.GetSpacing() == (1.0, 1.0, 999.0), "v1 takes the first axis of arrays for none by its spacing"
        assert np.array_equal(sitk.GetArrayFromImage(image), picture[np.newaxis, ..., channel])
    label = sitk.GetArrayFromImage(sitk.ReadImage(str(task / "labelsTr" / "shape-1.nii.gz")))
    mask = io.imread(source / "training/output/shape-1.png")
    assert np.array_equal(label[0], np.searchsorted([0, 128, 255], mask))
    description = json.loads((task / "dataset.json").read_text())
    assert description["modality"] == {"0": "R", "1": "G", "2": "B"}
    assert description["labels"] == {"0": "background", "1": "class_128", "2": "class_255"}
    assert description["numTraining"] == len(description["training"]) == 6
    assert description["training"][0] == {
        "image": "./imagesTr/shape-0.nii.gz",
        "label": "./labelsTr/shape-0.nii.gz",
    }
    assert description["test"] == ["./imagesTs/shape-6.nii.gz", "./imagesTs/shape-7.nii.gz"]
    assert not list(task.glob("splits*"))


def test_a_v2_dataset_becomes_a_task_and_comes_back(tmp_path: Path, segconv: Command, tasks: Path) -> None:
    source = msd_ct(tmp_path / "s")
    segconv("convert", source, "--to", "7_A")
    done = segconv("convert", segconv.raw / "Dataset007_A", "--to-v1", "7")
    assert done.code == 0, done.err
    task = tasks / "Task007_A"
    made = segconv.raw / "Dataset007_A"
    for path in [*made.glob("images*/*"), *made.glob("labels*/*")]:
        assert (task / path.relative_to(made)).read_bytes() == path.read_bytes()
    done = segconv("convert", "7", "--to", "8_B", "--from", "nnunet-v1")
    assert done.code == 0, done.err
    for path in [*made.glob("images*/*"), *made.glob("labels*/*")]:
        assert (segconv.raw / "Dataset008_B" / path.relative_to(made)).read_bytes() == path.read_bytes()


def test_a_task_whose_number_is_taken_is_refused(tmp_path: Path, segconv: Command, tasks: Path) -> None:
    (tasks / "Task042_Other").mkdir(parents=True)
    source = png_shapes(tmp_path / "s")
    done = segconv("convert", source, "--to-v1", "42_Roads", "--accept-labels")
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert segconv("convert", source, "--accept-labels").code == 2
    assert segconv("convert", source, "--to", "1", "--to-v1", "1", "--accept-labels").code == 2


def test_without_v1s_variable_tasks_are_next_to_nnunet_raw(tmp_path: Path, segconv: Command) -> None:
    source = png_shapes(tmp_path / "s")
    assert segconv("convert", source, "--to-v1", "42_Roads", "--accept-labels").code == 0
    assert (segconv.raw.parent / "nnUNet_raw_data" / "Task042_Roads" / "dataset.json").is_file()


def test_v1_knows_no_regions(tmp_path: Path, segconv: Command, tasks: Path) -> None:
    source = msd_ct(tmp_path / "s")
    segconv("convert", source, "--to", "7_A")
    path = segconv.raw / "Dataset007_A" / "dataset.json"
    found = json.loads(path.read_text())
    names = list(found["labels"])
    found["labels"] = {"background": 0, "all": [1, 2, 3], "some": [2, 3], names[3]: 3}
    found["regions_class_order"] = [1, 2, 3]
    path.write_text(json.dumps(found))
    done = segconv("convert", segconv.raw / "Dataset007_A", "--to-v1", "7")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert not (tasks / "Task007_A").exists()


def test_predictions_of_pictures_as_volumes_come_back_as_pictures(
    tmp_path: Path, segconv: Command, tasks: Path
) -> None:
    source = png_shapes(tmp_path / "s")
    segconv("convert", source, "--to", "7_A", "--accept-labels", "--format", "nii.gz")
    made = segconv.raw / "Dataset007_A"
    assert nib.load(made / "labelsTr" / "shape-1.nii.gz").shape == (96, 80, 1)
    done = segconv("restore", made / "labelsTr", "--like", "7", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for path in (source / "training/output").iterdir():
        assert np.array_equal(io.imread(tmp_path / "back" / path.name), io.imread(path))
