"""TotalSegmentator's numbers become the registry's names, and come back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from segconv.errors import SegconvError
from segconv.flows.numberings import numbering_of
from segconv.train.totalsegmentator import registry

from ..command import Command
from ..convert.oracles import description, voxels

pytestmark = [pytest.mark.train, pytest.mark.totalseg]

MAPS = {"total": ("example_ct_sm", "example_seg", 42), "total_mr": ("example_mr_sm", "example_seg_mr", 24)}
"""Task → the image and label map of the reference data, and how many values it holds."""


def installed() -> str:
    return registry.version()


@pytest.mark.parametrize("task", ["total", "total_mr"])
@pytest.mark.parametrize("version", ["", "@2", "@2.18"])
def test_a_task_numbers_its_classes_as_the_installed_version_does(task: str, version: str) -> None:
    if version and not f"{installed()}.".startswith(f"{version[1:]}."):
        version = f"@{installed()}"
    found = numbering_of(task + version)
    assert found.of == f"task {task} of TotalSegmentator {installed()}"
    assert {value: name for name, value in found.values.items()} == registry.find_task(task).classes


def test_version_1_has_the_numbering_that_later_versions_keep() -> None:
    found = numbering_of("total@1.5.7")
    assert (found.values["aorta"], len(found.values)) == (7, 104)
    assert found == numbering_of("total_v1")
    assert numbering_of("total").values["aorta"] == 52


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        ("totl", "SC191", "no task 'totl'"),
        ("", "SC191", "no task ''"),
        ("total@2.1", "SC190", "says nothing of how version 2.1 numbers total"),
        ("body@1", "SC191", "no task 'body_v1'"),
    ],
)
def test_another_task_or_version_is_refused(text: str, code: str, what: str) -> None:
    with pytest.raises(SegconvError, match=what) as caught:
        numbering_of(text)
    assert caught.value.code == code


def pair(data: Path, root: Path, task: str, *, named: bool) -> Path:
    """Copy a reference image and its label map; without the table in its header if `named` is false."""
    for folder, name in (("images", MAPS[task][0]), ("labels", MAPS[task][1])):
        (root / folder).mkdir(parents=True)
        opened = nib.load(data / f"totalseg_small/{name}.nii.gz")
        header = opened.header.copy()
        if not named:
            header.extensions.clear()
        nib.save(nib.Nifti1Image(np.asarray(opened.dataobj), opened.affine, header), root / folder / "a.nii.gz")
    return root


@pytest.mark.parametrize("task", MAPS)
@pytest.mark.parametrize("named", [True, False])
def test_reference_maps_become_datasets_with_the_registrys_names_and_come_back(
    task: str, named: bool, data: Path, tmp_path: Path, segconv: Command
) -> None:
    root = pair(data, tmp_path / "src", task, named=named)
    channel = "MR" if task.endswith("_mr") else "CT"
    done = segconv("convert", root, "--to", "5_A", "--channels", channel, "--labels", f"totalseg:{task}")
    assert done.code == 0, done.err
    proof = "the headers of 1 of 1 label file agree" if named else "no label file names them itself"
    assert f"task {task} of TotalSegmentator {installed()} names the values, of which those count" in done.err
    assert proof in done.err
    made = segconv.raw / "Dataset005_A"
    found = voxels(root / "labels/a.nii.gz")
    values = np.unique(found).tolist()
    assert len(values) == MAPS[task][2]
    classes = registry.find_task(task).classes
    expected = {"background": 0} | {classes[value]: at for at, value in enumerate(values) if value}
    assert description(made)["labels"] == expected
    assert np.array_equal(voxels(made / "labelsTr/a.nii.gz"), np.searchsorted(values, found))
    assert segconv("check", "5").code == 0
    assert segconv("restore", made / "labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    assert np.array_equal(voxels(tmp_path / "back/a.nii.gz"), found)


def test_the_names_in_a_header_prove_another_task_wrong(data: Path, tmp_path: Path, segconv: Command) -> None:
    root = pair(data, tmp_path / "src", "total_mr", named=True)
    done = segconv("convert", root, "--to", "5_A", "--channels", "MR", "--labels", "totalseg:total")
    assert done.codes() == ["SC074"]
    assert "calls the value 11 'lung_right' in its header, task total of TotalSegmentator" in done.err
    assert "or leave out --labels" in done.err
    assert segconv("convert", root, "--to", "5_A", "--channels", "MR").code == 0


def test_a_kind_of_source_without_numbers_has_no_use_for_a_numbering(tmp_path: Path, segconv: Command) -> None:
    (tmp_path / "src").mkdir()
    done = segconv("convert", tmp_path / "src", "--from", "png", "--to", "5_A", "--labels", "totalseg:total")
    assert done.codes() == ["SC001"]
    assert "the numbering of a tool has no meaning for a source of the kind png" in done.err
    assert "leave out --labels" in done.err


def write_masks(folder: Path, label: nib.Nifti1Image, classes: Mapping[int, str]) -> None:
    """Write a mask for each class, a preview and statistics, as TotalSegmentator does without ``--ml``."""
    folder.mkdir()
    found = np.asarray(label.dataobj)
    for value, name in classes.items():
        nib.save(nib.Nifti1Image((found == value).astype(np.uint8), label.affine), folder / f"{name}.nii.gz")
    Image.new("RGB", (64, 64)).save(folder / "preview_total.png")
    (folder / "statistics.json").write_text(json.dumps({"liver": {"volume": 1.0, "intensity": 2.0}}))


@pytest.mark.parametrize("apart", [False, True])
def test_folders_of_117_masks_with_empty_ones_and_previews_become_a_dataset(
    apart: bool, data: Path, tmp_path: Path, segconv: Command
) -> None:
    label = nib.load(data / "totalseg_small/example_seg.nii.gz")
    image = (data / "totalseg_small/example_ct_sm.nii.gz").read_bytes()
    root, classes = tmp_path / "src", registry.find_task("total").classes
    (root / ("images" if apart else "p1")).mkdir(parents=True)
    for case in ("p1", "p2"):
        (root / case).mkdir(exist_ok=True)
        write_masks(root / case / "segmentations", label, classes)
        (root / (f"images/{case}.nii.gz" if apart else f"{case}/ct.nii.gz")).write_bytes(image)
    said = ("--images", "images") if apart else ()
    done = segconv("convert", root, "--from", "masks", "--to", "5_A", "--labels", "totalseg:total", *said)
    assert done.code == 0, done.err
    assert done.err.count("SC076") == 1
    assert "76 of 117 masks have no voxel of their own in any case: lung_upper_lobe_right, esophagus" in done.err
    assert "2 other files in" in done.err
    assert "preview_total.png, statistics.json" in done.err
    made = segconv.raw / "Dataset005_A"
    found = voxels(data / "totalseg_small/example_seg.nii.gz")
    values = np.unique(found).tolist()
    expected = {"background": 0} | {classes[value]: at for at, value in enumerate(values) if value}
    assert description(made)["labels"] == expected
    assert np.array_equal(voxels(made / "labelsTr/p1.nii.gz"), np.searchsorted(values, found))
    kept = segconv(
        "convert", root, "--from", "masks", "--to", "6_A", *said, "--keep", "liver,spleen,kidney_[lr]*", "-n", "--json"
    )
    assert kept.json["labels"] == {"background": 0, "kidney_left": 1, "kidney_right": 2, "liver": 3, "spleen": 4}
