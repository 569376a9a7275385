"""Masks per class stored as DICOM series, one folder each, next to the series of their image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from ...command import Command
from ...image.formats.test_dicom import write_series
from ..oracles import ct, description, records, voxels

CASES = 2


def source(root: Path, image: str, masks: str) -> Path:
    """Write series as 3D-IRCADb and others do; masks are 0 and 255, which rescale to other values."""

    def unscaled(z: int, file: pydicom.FileDataset) -> None:
        file.RescaleIntercept = "0"
        file.PatientID = root.name

    for number in range(CASES):
        phantom = ct(number)
        folders = {image: phantom.images[0].array.astype(np.int16)}
        for value, name in enumerate(("liver", "kidney"), 1):
            folders[f"{masks}/{name}"] = ((phantom.label.array == value) * 255).astype(np.int16)
        for folder, array in folders.items():
            (root / f"p{number}" / folder).parent.mkdir(parents=True, exist_ok=True)
            write_series(root / f"p{number}" / folder, array, edit=unscaled)
    return root


@pytest.mark.parametrize(
    ("image", "masks"), [("PATIENT_DICOM", "MASKS_DICOM"), ("CT", "masks"), ("images/CT", "labels")]
)
def test_each_class_is_a_series_in_a_folder_of_masks(image: str, masks: str, segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "set", image, masks)
    words = ("--from", "masks") if image.startswith("images") else ()
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT", *words)
    assert done.code == 0, done.err
    dataset = segconv.raw / "Dataset005_A"
    labels = description(dataset)["labels"]
    assert set(labels) == {"background", "liver", "kidney"}
    for number in range(CASES):
        found, expected = voxels(dataset / f"labelsTr/p{number}.nii.gz"), ct(number).label.array
        for value, name in enumerate(("liver", "kidney"), 1):
            assert np.array_equal(found == labels[name], expected == value)
    assert len({record["patient"] for record in records(dataset).values()}) == 1
    assert segconv("restore", dataset / "labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    back = voxels(tmp_path / "back/p1/liver.nii.gz")
    assert np.array_equal(back > 0, ct(1).label.array == 1)


def test_a_mask_that_a_case_lacks_is_named(segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "set", "CT", "masks")
    for path in (root / "p1/masks/kidney").iterdir():
        path.unlink()
    assert segconv("convert", root, "--to", "5_A", "--channels", "CT").codes() == ["SC080"]
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT", "--missing-masks", "empty")
    assert done.code == 0, done.err
