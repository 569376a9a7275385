"""Predictions match the user's image in every reader: NIfTI forms are restored bit for bit."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from segconv.convert.conversion import plan_conversion, run_conversion
from segconv.convert.model import ConvertOptions
from segconv.dataset.layout import Dataset
from segconv.flows import predicting
from segconv.flows.infer import infer
from segconv.image.formats.nifti_block import NiftiBlock
from segconv.image.formats.nifti_forms import forms_of, with_forms
from segconv.image.geometry import Geometry
from segconv.train.paths import Paths
from segconv.train.predict import CheckedModel, Folders

from ...command import Command

SIZE = (8, 7, 6)
SQUARE = np.array([[-1.5, 0, 0, 30], [0, -1.5, 0, 40], [0, 0, 4, -50], [0, 0, 0, 1.0]])
TILTED = SQUARE.copy()
TILTED[1, 2] = 1.2  # 17 degrees, as a head CT from a tilted gantry
MOVED = SQUARE.copy()
MOVED[0, 3] += 9


def lies(path: Path) -> bytes:
    """What a header says about the place of its voxels: qfac and spacing, units, codes, quaternion, offsets, rows."""
    header = path.read_bytes()[:348]
    return header[76:92] + header[123:124] + header[252:328]


def write(path: Path, array: np.ndarray, **fields: Any) -> None:
    """Write a square grid in mm with both codes 1, and then other fields of the header as they are given."""
    image = nib.Nifti1Image(array, SQUARE)
    image.header.set_xyzt_units("mm")
    image.set_qform(SQUARE, 1)
    image.set_sform(SQUARE, 1)
    image.header["vox_offset"] = 352
    for name, value in fields.items():
        image.header[name] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image.header.binaryblock + bytes(4) + array.tobytes(order="F"))


def rows(affine: np.ndarray) -> dict[str, np.ndarray]:
    return {f"srow_{axis}": affine[row] for row, axis in enumerate("xyz")}


IN_METRES = {"pixdim": [-1, 0.0015, 0.0015, 0.004, 0, 0, 0, 0], "xyzt_units": 1, **rows(SQUARE / 1000)}
FORMS: dict[str, dict[str, Any]] = {
    "tilted": rows(TILTED),
    "tilted, aligned to a template": {**rows(TILTED), "sform_code": 4},
    "forms apart": rows(MOVED),
    "no codes": {"qform_code": 0, "sform_code": 0},
    "qform alone": {"sform_code": 0, **rows(np.zeros((4, 4)))},
    "sform alone": {"qform_code": 0, "quatern_b": 0, "quatern_c": 0, "quatern_d": 0},
    "in metres": {**IN_METRES, "qoffset_x": 0.03, "qoffset_y": 0.04, "qoffset_z": -0.05},
    "other codes": {"qform_code": 2, "sform_code": 3, "xyzt_units": 10},
    "a last bit": {"qoffset_x": np.nextafter(np.float32(30), np.float32(31))},
}
SHEARED_ALONE = {"qform_code": 0, "pixdim": [1, 1.5, 1.5, np.hypot(4, 1.2), 0, 0, 0, 0], **rows(TILTED)}


@pytest.fixture
def arrays() -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(3)
    label = np.zeros(SIZE, np.uint8)
    label[2:5, 1:4, 2:4] = 1
    return chance.integers(-1000, 1000, SIZE).astype(np.int16), label


def convert(segconv: Command, source: Path, *more: str) -> Any:
    return segconv("convert", source, "--to", "9_A", "--channels", "CT", *more)


@pytest.mark.parametrize("name", FORMS)
def test_restored_labels_have_the_forms_of_the_source(
    name: str, arrays: tuple[np.ndarray, np.ndarray], tmp_path: Path, segconv: Command
) -> None:
    for folder, array in zip(("images", "labels"), arrays, strict=True):
        write(tmp_path / "s" / folder / "c0.nii", array, **FORMS[name])
    done = convert(segconv, tmp_path / "s")
    assert done.code == 0, done.err
    assert segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    back, was = tmp_path / "back/c0.nii", tmp_path / "s/labels/c0.nii"
    assert lies(back) == lies(was)
    assert np.array_equal(nib.load(back).affine, nib.load(tmp_path / "s/images/c0.nii").affine)
    assert np.array_equal(np.asarray(nib.load(back).dataobj), arrays[1])
    assert segconv("check", "9").code == 0


def test_the_warning_says_how_many_mm_the_forms_differ(
    arrays: tuple[np.ndarray, np.ndarray], tmp_path: Path, segconv: Command
) -> None:
    for folder, array in zip(("images", "labels"), arrays, strict=True):
        write(tmp_path / "s" / folder / "c0.nii", array, **FORMS["tilted"])
        write(tmp_path / "s" / folder / "c1.nii", array, **FORMS["forms apart"])
    done = convert(segconv, tmp_path / "s")
    far = 1.2 * (SIZE[2] - 1)
    assert (
        f"images/c0.nii: the sform is not orthonormal (sheared) and lies up to {far:.3g} mm off the qform" in done.err
    )
    assert "images/c1.nii: qform and sform lie 6 voxels (9 mm) apart; the " in done.err
    made = segconv.raw / "Dataset009_A/imagesTr/c0_0000.nii"
    shutil.rmtree(segconv.raw / "Dataset009_A/segconv")
    made.write_bytes((tmp_path / "s/images/c0.nii").read_bytes())
    assert f"lies up to {far:.3g} mm off the qform" in segconv("check", "9").err


def test_axes_off_right_angles_come_back_sheared(
    arrays: tuple[np.ndarray, np.ndarray], tmp_path: Path, segconv: Command
) -> None:
    for folder, array in zip(("images", "labels"), arrays, strict=True):
        write(tmp_path / "s" / folder / "c0.nii", array, **SHEARED_ALONE)
    assert convert(segconv, tmp_path / "s", "--repair", "orthonormal").code == 0
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert (done.code, "SC097" in done.err) == (0, False)
    assert lies(tmp_path / "back/c0.nii") == lies(tmp_path / "s/labels/c0.nii")


@pytest.mark.parametrize("turned", [False, True])
def test_a_dataset_made_of_a_dataset_knows_the_way_back(
    turned: bool, arrays: tuple[np.ndarray, np.ndarray], tmp_path: Path, segconv: Command
) -> None:
    for folder, array in zip(("images", "labels"), arrays, strict=True):
        write(tmp_path / "s" / folder / "c0.nii", array, **FORMS["tilted"])
    assert convert(segconv, tmp_path / "s").code == 0
    more = ("--repair", "orientation") if turned else ()
    assert segconv("repair", "9", "--to", "10_B", *more).code == 0
    done = segconv("restore", segconv.raw / "Dataset010_B/labelsTr", "--like", "10", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    assert lies(tmp_path / "back/c0.nii") == lies(tmp_path / "s/labels/c0.nii")
    assert np.array_equal(np.asarray(nib.load(tmp_path / "back/c0.nii").dataobj), arrays[1])


def test_the_image_decides_where_a_label_of_other_forms_goes(
    arrays: tuple[np.ndarray, np.ndarray], tmp_path: Path, segconv: Command
) -> None:
    write(tmp_path / "s/images/c0.nii", arrays[0], **FORMS["tilted"])
    write(tmp_path / "s/labels/c0.nii", arrays[1])
    assert convert(segconv, tmp_path / "s").code == 0
    assert segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    assert lies(tmp_path / "back/c0.nii") == lies(tmp_path / "s/images/c0.nii")


def test_a_copy_on_a_grid_of_its_own_does_not_get_the_forms_of_its_original(
    arrays: tuple[np.ndarray, np.ndarray], tmp_path: Path, segconv: Command
) -> None:
    for folder, array in zip(("images", "labels"), arrays, strict=True):
        write(tmp_path / "s" / folder / "c0.nii", array, **FORMS["tilted"])
    assert convert(segconv, tmp_path / "s").code == 0
    assert segconv("augment", "9", "--to", "10_B", "--rotate", "30", "--planes", "axial", "--expand").code == 0
    made = segconv.raw / "Dataset010_B/labelsTr"
    (copy,) = (path for path in made.iterdir() if path.name != "c0.nii")
    (tmp_path / "p").mkdir()
    shutil.copy(copy, tmp_path / "p")
    done = segconv("restore", tmp_path / "p", "--like", "10", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    assert np.allclose(nib.load(tmp_path / "back/c0.nii").affine, nib.load(copy).affine, atol=1e-4)


@pytest.mark.parametrize("repair", [(), ("orientation",)], ids=["as it is", "turned"])
@pytest.mark.parametrize("name", ["tilted", "no codes", "in metres"])
def test_predictions_of_new_files_have_the_forms_of_their_images(
    name: str,
    repair: tuple[str, ...],
    arrays: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image, label = arrays
    for folder, array in zip(("images", "labels"), arrays, strict=True):
        write(tmp_path / "s" / folder / "c0.nii", array)
    options = ConvertOptions(channels=("CT",), repair=repair)
    made = run_conversion(plan_conversion(tmp_path / "s", "9_A", raw=tmp_path, options=options)).target
    write(tmp_path / "new/scan of mine.nii", image, **FORMS[name])

    def predict(model: object, where: Folders, *_: object, **__: object) -> None:
        """Write what nnU-Net writes: the label on the grid that SimpleITK reads."""
        for path in where.inputs.iterdir():
            given = sitk.ReadImage(str(path))
            turned = sitk.DICOMOrient(given, "LPS")
            assert (given.GetDirection() != turned.GetDirection()) is bool(repair), "as the model was trained"
            assert np.array_equal(sitk.GetArrayFromImage(turned), image.T)
            found = sitk.GetImageFromArray(label.T)
            found.CopyInformation(turned)
            found = sitk.DICOMOrient(found, "RAS") if repair else found
            sitk.WriteImage(found, str(where.output / path.name.replace("_0000", "")))

    monkeypatch.setattr(predicting, "predict_with", predict)
    (tmp_path / "model/fold_0").mkdir(parents=True)
    (tmp_path / "model/fold_0/checkpoint_final.pth").touch()
    model = CheckedModel(tmp_path / "model", made.name, ("0",), "checkpoint_final.pth")
    done = infer(Dataset.open(made), model, tmp_path / "new", tmp_path / "out", Paths())
    assert done.files == ["scan of mine.nii"]
    assert lies(tmp_path / "out/scan of mine.nii") == lies(tmp_path / "new/scan of mine.nii")
    assert np.array_equal(np.asarray(nib.load(tmp_path / "out/scan of mine.nii").dataobj), label)


def test_forms_are_put_back_only_where_they_lay_the_voxels_where_they_are() -> None:
    header = nib.Nifti1Image(np.zeros(SIZE, np.uint8), SQUARE).header
    header.set_xyzt_units("mm")
    header.set_qform(SQUARE, 1)
    block = bytes(header.binaryblock)
    grid = Geometry.from_affine_ras(SQUARE, SIZE)
    own = NiftiBlock(block)
    own["sform_code"] = 0
    forms = forms_of(own.to_bytes())
    assert with_forms(block, forms, grid) == own.to_bytes()
    big = own.to_bytes()
    swapped = nib.Nifti1Header(big).as_byteswapped(">").binaryblock
    assert forms_of(swapped) == forms
    elsewhere = Geometry.from_affine_ras(MOVED, SIZE)
    assert with_forms(block, forms, elsewhere) == block
    for odd in ("", "zz", forms[:-2], struct.pack("<92f", *[np.nan] * 92).hex()[: len(forms)]):
        assert with_forms(block, odd, grid) == block
