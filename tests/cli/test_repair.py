"""``segconv repair``: a foreign dataset with every repairable defect passes the check afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fixtures.make_fixtures import write_nifti
from segconv.dataset.phantoms import CT_LABELS, ct

from ..command import Command, tree_hash


def save(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    """Write a file of which only the sform counts."""
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(None, code=0)
    nib.save(image, path)


@pytest.fixture
def foreign(segconv: Command) -> Path:
    """A foreign v2 dataset on an oblique grid."""
    root = segconv.raw / "Dataset020_Foreign"
    for number in range(6):
        phantom = ct(number, size=(20, 18, 8))
        write_nifti(root / "imagesTr" / f"c{number}_0000.nii.gz", [phantom.images[0]])
        write_nifti(root / "labelsTr" / f"c{number}.nii.gz", [phantom.label])
    description = {"channel_names": {"0": "CT"}, "labels": CT_LABELS, "numTraining": 6, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(description))
    return root


def test_repairs_lead_to_a_clean_check(foreign: Path, segconv: Command) -> None:
    image = nib.load(foreign / "imagesTr/c0_0000.nii.gz")
    affine, voxels = image.affine, np.asarray(image.dataobj)
    label = np.asarray(nib.load(foreign / "labelsTr/c0.nii.gz").dataobj)
    sheared = affine @ np.array([[1, 0.02, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    save(foreign / "imagesTr/c0_0000.nii.gz", voxels, sheared)
    save(foreign / "labelsTr/c0.nii.gz", label.astype(np.float64), sheared)
    near = affine.copy()
    near[:3, 3] += 0.02
    save(foreign / "labelsTr/c1.nii.gz", np.asarray(nib.load(foreign / "labelsTr/c1.nii.gz").dataobj), near)
    found = json.loads((foreign / "dataset.json").read_text())
    (foreign / "dataset.json").write_text(json.dumps({**found, "numTraining": 99}))
    before = tree_hash(foreign)
    assert segconv("check", "20").code == 1
    done = segconv("repair", "20", "--to", "21_Mended", "--json")
    assert done.code == 0, done.out
    assert tree_hash(foreign) == before
    assert any("the nearest rotation moves corners by up to" in wording for wording in done.json["repairs"]["c0"])
    assert any("label stored as float64" in wording for wording in done.json["repairs"]["c0"])
    assert any("it took that header" in wording for wording in done.json["repairs"]["c1"])
    assert "c5" not in done.json["repairs"]
    checked = segconv("check", "21", "--json").json
    assert checked["counts"]["errors"] == 0
    made = nib.load(segconv.raw / "Dataset021_Mended/labelsTr/c0.nii.gz")
    assert made.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(made.dataobj), label)


def test_repairs_that_need_a_guess_are_refused_with_the_choices(foreign: Path, segconv: Command) -> None:
    path = foreign / "labelsTr/c2.nii.gz"
    image = nib.load(path)
    label, affine = np.asarray(image.dataobj).copy(), image.affine.copy()
    affine[:3, 3] += 500
    save(path, label, affine)
    done = segconv("repair", "20", "--to", "21_Mended")
    assert (done.code, done.codes()) == (65, ["SC083"])
    assert "--repair resample" in done.err
    assert not (segconv.raw / "Dataset021_Mended").exists()
    done = segconv("repair", "20", "--to", "21_Mended", "--repair", "header")
    assert done.code == 0, done.err
    assert "c2\tlabelsTr/c2.nii.gz was on another grid; it took that header" in done.out
    assert np.array_equal(np.asarray(nib.load(segconv.raw / "Dataset021_Mended/labelsTr/c2.nii.gz").dataobj), label)


def test_a_sound_dataset_needs_no_repair(foreign: Path, segconv: Command) -> None:
    done = segconv("repair", "20", "--to", "21_Mended")
    assert done.code == 0, done.err
    assert "no voxel and no header had to be repaired" in done.err
    for path in foreign.glob("*Tr/*"):
        assert (segconv.raw / "Dataset021_Mended" / path.relative_to(foreign)).read_bytes() == path.read_bytes()
