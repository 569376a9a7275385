"""What only the complete set shows: CTs without HU, and labels that no training case holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from fixtures.make_fixtures import write_nifti
from segconv.dataset.phantoms import ct
from segconv.image.geometry import Volume

from ...command import Command, Done

SIZE = (20, 18, 8)
CASES = 4


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Pairs of CT and label."""
    for number in range(CASES):
        phantom = ct(number, size=SIZE)
        write_nifti(tmp_path / "s" / "images" / f"c{number}.nii.gz", [phantom.images[0]])
        write_nifti(tmp_path / "s" / "labels" / f"c{number}.nii.gz", [phantom.label])
    return tmp_path / "s"


def change(path: Path, how: Callable[[np.ndarray], np.ndarray], dtype: Any = np.int16) -> None:
    image = nib.load(path)
    array = how(np.asarray(image.dataobj).astype(np.float64)).astype(dtype)
    new = nib.Nifti1Image(array, image.affine)
    new.header.set_xyzt_units("mm")
    nib.save(new, path)


def convert(segconv: Command, source: Path, *more: str, channels: str = "CT") -> Done:
    return segconv("convert", source, "--to", "9_A", "--channels", channels, "--accept-labels", *more)


def odd(done: Done) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("Warning SC091")]


def foreign(dataset: Path) -> None:
    """Make it one that another tool made."""
    shutil.rmtree(dataset / "segconv")


@pytest.mark.parametrize(
    ("how", "dtype", "words"),
    [
        (lambda a: a + 1024, np.int16, "seems to be stored 1024 too high"),
        (lambda a: a + 1024, np.uint16, "seems to be stored 1024 too high"),
        (lambda a: a - 1024, np.int16, "seems to be stored 1024 too low"),
        (lambda a: np.clip((a + 160) / 400 * 255, 0, 255), np.uint8, "as after windowing to 0 to 255"),
        (lambda a: np.clip((a + 1024) / 4095, 0, 1), np.float32, "as after scaling"),
    ],
)
def test_one_ct_of_a_set_is_named(how: Any, dtype: Any, words: str, source: Path, segconv: Command) -> None:
    change(source / "images/c2.nii.gz", how, dtype)
    before = np.asarray(nib.load(source / "images/c2.nii.gz").dataobj)
    done = convert(segconv, source)
    assert done.code == 0, done.err
    (line,) = odd(done)
    assert line.startswith("Warning SC091: images/c2.nii.gz: ")
    assert words in line
    assert "3 of 4 CTs of the set hold HU" in line
    made = segconv.raw / "Dataset009_A"
    assert np.array_equal(np.asarray(nib.load(made / "imagesTr/c2_0000.nii.gz").dataobj), before), "nothing is changed"
    wording = json.loads((made / "segconv/run.json").read_text())["findings"]
    assert any(found["code"] == "SC091" and found["file"] == "images/c2.nii.gz" for found in wording)
    for _ in range(2):
        found = segconv("check", "9")
        assert found.code == 0
        (line,) = odd(found)
        assert line.startswith("Warning SC091: imagesTr/c2_0000.nii.gz: ")
        assert words in line
        if (made / "segconv").exists():
            foreign(made)
    assert not odd(segconv("check", "9", "--quick"))


def test_consistent_sets_and_channels_other_than_ct_have_no_outlier(source: Path, segconv: Command) -> None:
    assert not odd(convert(segconv, source))
    assert not odd(segconv("check", "9"))
    change(source / "images/c2.nii.gz", lambda a: a + 1024)
    done = segconv("convert", source, "--to", "10_B", "--channels", "T1", "--accept-labels")
    assert not any("images/c2" in line for line in odd(done))


def test_a_test_image_counts_too(source: Path, segconv: Command) -> None:
    change(source / "images/c2.nii.gz", lambda a: a + 1024)
    (source / "labels/c2.nii.gz").unlink()
    done = convert(segconv, source, "--unlabelled", "test")
    assert "images/c2.nii.gz: seems to be stored 1024 too high" in done.err
    assert "imagesTs/c2_0000.nii.gz: seems to be stored 1024 too high" in segconv("check", "9").err


def test_the_ct_among_several_channels_is_named(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        phantom = ct(number, size=SIZE)
        pet = Volume(np.abs(phantom.images[0].array), phantom.label.geometry)
        write_nifti(tmp_path / "s/images" / f"c{number}_0000.nii.gz", [pet])
        write_nifti(tmp_path / "s/images" / f"c{number}_0001.nii.gz", [phantom.images[0]])
        write_nifti(tmp_path / "s/labels" / f"c{number}.nii.gz", [phantom.label])
    change(tmp_path / "s/images/c1_0001.nii.gz", lambda a: a + 1024)
    (line,) = odd(convert(segconv, tmp_path / "s", channels="PET,CT"))
    assert "images/c1_0001.nii.gz: seems to be stored 1024 too high" in line
    (line,) = odd(segconv("check", "9"))
    assert "imagesTr/c1_0001.nii.gz" in line


def test_a_single_ct_is_judged_by_its_air_and_tissue(source: Path, segconv: Command) -> None:
    for number in range(1, CASES):
        (source / f"images/c{number}.nii.gz").unlink()
        (source / f"labels/c{number}.nii.gz").unlink()
    change(source / "images/c0.nii.gz", lambda a: a + 1024)
    (line,) = odd(convert(segconv, source))
    assert "images/c0.nii.gz: seems to be stored 1024 too high: its values reach from 0 to" in line


# --- labels


def test_a_label_that_only_test_masks_hold_is_a_warning(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "Task07_A"
    for number in range(3):
        phantom = ct(number, size=SIZE)
        test = number == 2
        label = phantom.label.array if test else np.minimum(phantom.label.array, 2)
        write_nifti(root / ("imagesTs" if test else "imagesTr") / f"c{number}.nii.gz", [phantom.images[0]])
        write_nifti(
            root / ("labelsTs" if test else "labelsTr") / f"c{number}.nii.gz",
            [Volume(label, phantom.label.geometry)],
        )
    names = {"0": "background", "1": "liver", "2": "kidney", "3": "tumour"}
    entries = {"modality": {"0": "CT"}, "labels": names, "test": ["./imagesTs/c2.nii.gz"]}
    entries["training"] = [{"image": f"./imagesTr/c{n}.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in range(2)]
    (root / "dataset.json").write_text(json.dumps(entries))
    done = segconv("convert", root, "--to", "9_A")
    assert done.code == 0, done.err
    assert "Warning SC076: dataset.json: the label 'tumour' occurs in no training case" in done.err
    assert "SC076" in segconv("check", "9").err
    assert segconv("convert", root, "--to", "10_B", "--strict").code == 65
