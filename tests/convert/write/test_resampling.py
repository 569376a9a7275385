"""``--repair resample``: channels are resampled to the first, and a label that loses much of its volume is reported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from fixtures.make_fixtures import write_nifti
from segconv.convert.inputs import as_converted, plan_inputs, run_inputs
from segconv.dataset.layout import Dataset
from segconv.dataset.lineage import RESTORED, manifest
from segconv.dataset.phantoms import ct
from segconv.image.geometry import Geometry, Volume
from segconv.work.plan import Target

from ...command import Command

SIZE = (20, 18, 8)


def case(folder: Path, name: str = "c0", second: str = "PET", dtype: Any = np.int16) -> None:
    """A CT, a second channel, and a label."""
    phantom = ct(0, size=SIZE)
    other = Volume((phantom.images[0].array // 2 + 700).astype(dtype), phantom.label.geometry)
    write_nifti(folder / name / "CT.nii.gz", [phantom.images[0]])
    write_nifti(folder / name / f"{second}.nii.gz", [other])
    write_nifti(folder / name / "seg.nii.gz", [phantom.label])


def moved(path: Path, change: Any) -> None:
    """Write a volume again as SimpleITK changes it."""
    image = sitk.ReadImage(str(path))
    sitk.WriteImage(change(image) or image, str(path))


def convert(segconv: Command, source: Path, *more: str, channels: str = "CT,PET") -> Any:
    return segconv(
        "convert", source, "--to", "9_A", "--images", "{case}/CT.nii.gz", "--images", "{case}/PET.nii.gz",
        "--masks", "{case}/seg.nii.gz", "--channels", channels, "--accept-labels", *more,
    )  # fmt: skip


def record(made: Path) -> dict[str, Any]:
    return json.loads((made / "segconv/cases.jsonl").read_text(encoding="utf-8").splitlines()[0])


def expected(path: Path, first: Path, outside: float) -> np.ndarray:
    """Return a channel on the grid of another one, by linear interpolation in 64 bits."""
    image = sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkFloat64)
    moved = sitk.Resample(image, sitk.ReadImage(str(first)), sitk.Transform(), sitk.sitkLinear, outside)
    return np.asarray(sitk.GetArrayFromImage(moved))


def half_a_voxel(image: sitk.Image) -> None:
    image.SetOrigin(image.TransformContinuousIndexToPhysicalPoint((0.4, -0.3, 0.5)))


def coarser(image: sitk.Image) -> sitk.Image:
    return sitk.Shrink(image, [2, 2, 1])


def part(image: sitk.Image) -> sitk.Image:
    return image[3:15, 2:, 1:6]


@pytest.mark.parametrize("change", [half_a_voxel, coarser, part])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32])
def test_a_channel_comes_to_the_grid_of_the_first(change: Any, dtype: Any, tmp_path: Path, segconv: Command) -> None:
    case(tmp_path / "s", dtype=dtype)
    path, first = tmp_path / "s/c0/PET.nii.gz", tmp_path / "s/c0/CT.nii.gz"
    moved(path, change)
    done = convert(segconv, tmp_path / "s")
    assert done.code == 65
    assert set(done.codes()) <= {"SC082", "SC083"}
    assert "c0/PET.nii.gz" in done.err
    assert "to the grid of the first channel" in done.err
    done = convert(segconv, tmp_path / "s", "--repair", "resample")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A"
    image = sitk.ReadImage(str(made / "imagesTr/c0_0001.nii.gz"))
    found = sitk.GetArrayFromImage(image)
    low = float(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).min())
    exact = expected(path, first, low)
    assert found.dtype == dtype
    if np.dtype(dtype).kind == "f":
        assert np.allclose(found, exact, atol=1e-3)
    else:
        assert np.abs(found - exact).max() <= 0.5 + 1e-3, "rounded, not cut off"
    assert np.allclose(image.GetOrigin(), sitk.ReadImage(str(first)).GetOrigin(), atol=1e-4)
    (wording,) = record(made)["repairs"]
    assert wording.startswith("c0/PET.nii.gz: resampled from a grid of size ")
    assert "by linear interpolation" in wording
    assert f"c0\t{wording}" in done.out
    assert segconv("check", "9").code == 0


def test_padding_around_a_ct_is_air(tmp_path: Path, segconv: Command) -> None:
    case(tmp_path / "s")
    path = tmp_path / "s/c0/PET.nii.gz"
    moved(path, lambda image: sitk.Cast(image * 0 + 40, sitk.sitkInt16)[4:16, 4:14, 2:6])
    assert convert(segconv, tmp_path / "s", "--repair", "resample", channels="T1,CT").code == 0
    made = segconv.raw / "Dataset009_A"
    found = np.asarray(nib.load(made / "imagesTr/c0_0001.nii.gz").dataobj)
    assert set(np.unique(found)) == {-1000, 40}
    assert np.count_nonzero(found == 40) == 12 * 10 * 4
    outside = np.prod(SIZE) - 12 * 10 * 4
    assert f"{outside} voxels of the first channel that it did not cover became -1000" in record(made)["repairs"][0]


def test_what_does_not_overlap_is_refused(tmp_path: Path, segconv: Command) -> None:
    case(tmp_path / "s")
    moved(tmp_path / "s/c0/PET.nii.gz", lambda image: image.SetOrigin([4000, 0, 0]))
    done = convert(segconv, tmp_path / "s", "--repair", "resample")
    assert (done.code, done.codes()) == (65, ["SC083"])
    assert "c0/PET.nii.gz: covers no voxel of the first channel" in done.err


def test_repair_does_the_same(tmp_path: Path, segconv: Command) -> None:
    case(tmp_path / "s")
    assert convert(segconv, tmp_path / "s").code == 0
    made = segconv.raw / "Dataset009_A"
    for path in (made / "segconv").iterdir():
        path.unlink()
    (made / "segconv").rmdir()
    path = made / "imagesTr/c0_0001.nii.gz"
    moved(path, coarser)
    exact = expected(path, made / "imagesTr/c0_0000.nii.gz", 188)
    found = segconv("check", "9")
    assert "--repair resample" in found.err
    assert segconv("repair", "9", "--to", "10_B").code == 65
    done = segconv("repair", "9", "--to", "10_B", "--repair", "resample")
    assert done.code == 0, done.err
    ours = np.asarray(nib.load(segconv.raw / "Dataset010_B/imagesTr/c0_0001.nii.gz").dataobj).T
    assert np.abs(ours - exact).max() <= 0.5 + 1e-3
    assert "by linear interpolation" in record(segconv.raw / "Dataset010_B")["repairs"][0]


def test_files_to_predict_are_resampled_as_the_dataset_was(tmp_path: Path, segconv: Command) -> None:
    case(tmp_path / "s")
    moved(tmp_path / "s/c0/PET.nii.gz", coarser)
    assert convert(segconv, tmp_path / "s", "--repair", "resample").code == 0
    dataset = Dataset.open(segconv.raw / "Dataset009_A")
    (tmp_path / "new").mkdir()
    for number, name in enumerate(("CT", "PET")):
        shutil.copy(tmp_path / f"s/c0/{name}.nii.gz", tmp_path / f"new/x_{number:04d}.nii.gz")
    target = Target(tmp_path / "out", "out", manifest(*RESTORED))
    planned = plan_inputs(tmp_path / "new", dataset.description, target, as_converted(dataset.run))
    done = run_inputs(planned)
    assert any("resampled from a grid of size" in found.message for found in done.warnings)
    made = np.asarray(nib.load(target.staging / "imagesTs/x_0001.nii.gz").dataobj)
    assert np.array_equal(made, np.asarray(nib.load(dataset.path / "imagesTr/c0_0001.nii.gz").dataobj))


# --- labels that lose their volume


def thin(folder: Path, name: str) -> None:
    """A label four times as fine as its image, with an organ, and a lesion of five slices of which one is met."""
    coarse = Geometry.plain((16, 16, 6), (1, 1, 4))
    fine = Geometry((16, 16, 24), (1, 1, 1), (0, 0, -1.4), coarse.direction)
    label = np.zeros(fine.array_shape, np.uint8)
    label[3:20, 2:14, 2:14] = 1
    label[10:15, 5:8, 5:8] = 2
    image = np.random.default_rng(0).integers(-1000, 1000, coarse.array_shape).astype(np.int16)
    write_nifti(folder / "images" / f"{name}.nii.gz", [Volume(image, coarse)])
    write_nifti(folder / "labels" / f"{name}.nii.gz", [Volume(label, fine)])


def test_a_class_that_loses_more_than_a_tenth_is_named_with_mm3(tmp_path: Path, segconv: Command) -> None:
    thin(tmp_path / "s", "c0")
    done = segconv(
        "convert", tmp_path / "s", "--to", "9_A", "--channels", "CT", "--labels", "background=0,organ=1,lesion=2",
        "--repair", "resample",
    )  # fmt: skip
    assert done.code == 0, done.err
    lines = [line for line in done.err.splitlines() if "Warning SC097" in line]
    found = np.asarray(nib.load(segconv.raw / "Dataset009_A/labelsTr/c0.nii.gz").dataobj)
    after = {value: 4 * np.count_nonzero(found == value) for value in (1, 2)}
    before = {1: 17 * 144 - 45, 2: 45}
    lost = {value for value in (1, 2) if after[value] < 0.9 * before[value]}
    assert lost == {2}
    assert len(lines) == 1
    assert "labels/c0.nii.gz: resampling took 20%" in lines[0]
    assert f"of the volume of 'lesion': 45 mm³ before, {after[2]} mm³ after" in lines[0]
    warned = record(segconv.raw / "Dataset009_A")["warnings"]
    assert [found["code"] for found in warned] == ["SC097"]
    assert segconv(
        "convert", tmp_path / "s", "--to", "10_B", "--channels", "CT", "--labels", "background=0,organ=1,lesion=2",
        "--repair", "resample", "--strict",
    ).code == 65  # fmt: skip


def test_a_mask_of_a_class_is_named_by_its_class(tmp_path: Path, segconv: Command) -> None:
    thin(tmp_path / "t", "c0")
    label = nib.load(tmp_path / "t/labels/c0.nii.gz")
    folder = tmp_path / "m/p0"
    (folder / "segmentations").mkdir(parents=True)
    (folder / "ct.nii.gz").write_bytes((tmp_path / "t/images/c0.nii.gz").read_bytes())
    for name, value in (("organ", 1), ("lesion", 2)):
        mask = (np.asarray(label.dataobj) == value).astype(np.uint8)
        image = nib.Nifti1Image(mask, label.affine)
        image.header.set_xyzt_units("mm")
        nib.save(image, folder / "segmentations" / f"{name}.nii.gz")
    done = segconv("convert", tmp_path / "m", "--to", "9_A", "--channels", "CT", "--repair", "resample")
    assert done.code == 0, done.err
    (line,) = [line for line in done.err.splitlines() if "Warning SC097" in line]
    assert "p0/segmentations/lesion.nii.gz: resampling took" in line
    assert "of the volume of 'lesion': 45 mm³ before" in line
