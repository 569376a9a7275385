"""Repairs during conversion: only what was asked for, reported in numbers, undone where possible."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fixtures.make_fixtures import write_nifti
from segconv.dataset.phantoms import ct
from segconv.image.geometry import Volume

from ..command import Command

CASES = 3


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Pairs of CT and label on an oblique grid."""
    for number in range(CASES):
        phantom = ct(number, size=(20, 18, 8))
        write_nifti(tmp_path / "s" / "images" / f"c{number}.nii.gz", [phantom.images[0]])
        write_nifti(tmp_path / "s" / "labels" / f"c{number}.nii.gz", [phantom.label])
    return tmp_path / "s"


def convert(segconv: Command, source: Path, *more: str, to: str = "9_A") -> object:
    return segconv("convert", source, "--to", to, "--channels", "CT", "--accept-labels", "--restart", *more)


def records(segconv: Command) -> dict[str, dict[str, object]]:
    lines = (segconv.raw / "Dataset009_A/segconv/cases.jsonl").read_text(encoding="utf-8").splitlines()
    return {line["case"]: line for line in map(json.loads, lines)}


def load(path: Path) -> nib.Nifti1Image:
    """The content of a file, kept before it changes."""
    image = nib.load(path)
    return nib.Nifti1Image(np.asarray(image.dataobj).copy(), image.affine)


def rewrite(path: Path, *, affine: np.ndarray | None = None, array: np.ndarray | None = None) -> None:
    image = nib.load(path)
    voxels = np.asarray(image.dataobj) if array is None else array
    new = nib.Nifti1Image(voxels, image.affine if affine is None else affine)
    new.header.set_xyzt_units("mm")
    new.set_sform(new.affine, code=1)
    new.set_qform(None, code=0)
    nib.save(new, path)


def test_a_wrong_header_is_copied_from_the_image_when_asked(source: Path, segconv: Command) -> None:
    path = source / "labels/c1.nii.gz"
    before = load(path)
    affine = before.affine.copy()
    affine[:3, 3] += 500
    rewrite(path, affine=affine)
    done = convert(segconv, source)
    assert (done.code, done.codes()) == (65, ["SC083"])
    assert "Hint: --label-header image, if both have the same voxels, or --repair resample, if" in done.err
    done = convert(segconv, source, "--repair", "header")
    assert done.code == 0, done.err
    made = nib.load(segconv.raw / "Dataset009_A/labelsTr/c1.nii.gz")
    assert np.array_equal(np.asarray(made.dataobj), np.asarray(before.dataobj))
    assert np.allclose(made.affine, before.affine, atol=1e-5)
    assert any("took that header" in repair for repair in records(segconv)["c1"]["repairs"])
    assert records(segconv)["c0"]["repairs"] == []


def test_a_label_on_another_grid_is_resampled_when_asked(source: Path, segconv: Command) -> None:
    path = source / "labels/c1.nii.gz"
    before = load(path)
    big = np.pad(np.asarray(before.dataobj), ((2, 3), (1, 1), (0, 2)))
    affine = before.affine.copy()
    affine[:3, 3] = (before.affine @ (-2, -1, 0, 1))[:3]
    rewrite(path, affine=affine, array=big)
    assert convert(segconv, source).codes() == ["SC082"]
    done = convert(segconv, source, "--repair", "resample")
    assert done.code == 0, done.err
    made = nib.load(segconv.raw / "Dataset009_A/labelsTr/c1.nii.gz")
    assert np.array_equal(np.asarray(made.dataobj), np.asarray(before.dataobj)), "only the padding was cut off"
    (wording,) = records(segconv)["c1"]["repairs"]
    assert "resampled from a grid of size (25, 20, 10) by nearest neighbour; labelled volume was" in wording
    was, becomes = wording.split()[-6], wording.split()[-2]
    assert was == becomes
    segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", source.parent / "back")
    done = segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", source.parent / "back2")
    assert "SC097" in done.err
    assert "its own grid" in done.err


def test_a_label_that_does_not_meet_its_image_is_not_resampled_to_nothing(source: Path, segconv: Command) -> None:
    path = source / "labels/c1.nii.gz"
    affine = nib.load(path).affine.copy()
    affine[:3, 3] += 5000
    rewrite(path, affine=affine)
    done = convert(segconv, source, "--repair", "resample")
    assert (done.code, done.codes()) == (65, ["SC083"])
    assert "the two do not overlap" in done.err
    assert convert(segconv, source, "--repair", "resample,header").code == 2


def test_sheared_axes_are_repaired_with_the_error_in_mm(source: Path, segconv: Command, tmp_path: Path) -> None:
    shear = np.eye(4)
    shear[0, 1] = 0.02
    for folder in ("images", "labels"):
        path = source / folder / "c1.nii.gz"
        rewrite(path, affine=nib.load(path).affine @ shear)
    done = convert(segconv, source)
    assert done.code == 65
    assert set(done.codes()) == {"SC057"}
    assert "--repair orthonormal" in done.err
    done = convert(segconv, source, "--repair", "orthonormal")
    assert done.code == 0, done.err
    assert "the nearest rotation moves corners by up to" in done.err
    for folder in ("imagesTr", "labelsTr"):
        name = "c1_0000.nii.gz" if folder == "imagesTr" else "c1.nii.gz"
        image = sitk.ReadImage(str(segconv.raw / "Dataset009_A" / folder / name))
        matrix = np.array(image.GetDirection()).reshape(3, 3)
        assert np.abs(matrix.T @ matrix - np.eye(3)).max() < 1e-6
    done = segconv("restore", segconv.raw / "Dataset009_A" / "labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    assert "SC097" not in done.err
    back, was = nib.load(tmp_path / "back/c1.nii.gz"), nib.load(source / "labels/c1.nii.gz")
    assert np.array_equal(back.affine, was.affine), "the sheared axes are put back"
    assert np.array_equal(np.asarray(back.dataobj), np.asarray(was.dataobj))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_not_finite_are_replaced_when_asked(source: Path, segconv: Command, bad: float) -> None:
    path = source / "images/c1.nii.gz"
    array = np.asarray(nib.load(path).dataobj).astype(np.float32)
    array[3, 4, 5], array[0, 0, 0] = bad, np.nan
    rewrite(path, array=array)
    done = convert(segconv, source)
    assert (done.code, done.codes()) == (65, ["SC055"])
    assert "--nonfinite" in done.err
    done = convert(segconv, source, "--nonfinite", "-1024")
    assert done.code == 0, done.err
    made = np.asarray(nib.load(segconv.raw / "Dataset009_A/imagesTr/c1_0000.nii.gz").dataobj)
    assert made[3, 4, 5] == made[0, 0, 0] == -1024
    array[3, 4, 5] = array[0, 0, 0] = -1024
    assert np.array_equal(made, array)
    assert any("2 voxels were NaN or infinite and became -1024" in r for r in records(segconv)["c1"]["repairs"])


def test_a_label_is_never_given_values_for_nan(source: Path, segconv: Command) -> None:
    path = source / "labels/c1.nii.gz"
    array = np.asarray(nib.load(path).dataobj).astype(np.float32)
    array[3, 4, 5] = np.nan
    rewrite(path, array=array)
    done = convert(segconv, source, "--nonfinite", "0")
    assert done.codes() == ["SC055"]
    assert "Hint: correct the label" in done.err


def test_orientations_become_one_and_predictions_go_back(source: Path, segconv: Command, tmp_path: Path) -> None:
    originals = {}
    for number, order in enumerate(("LPS", "SAR", "IRP")):
        for folder in ("images", "labels"):
            path = source / folder / f"c{number}.nii.gz"
            image = load(path)
            turn = nib.orientations.ornt_transform(
                nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(order)
            )
            turned = image.as_reoriented(turn)
            rewrite(path, affine=turned.affine, array=np.asarray(turned.dataobj))
            originals[folder, number] = load(path)
    done = convert(segconv, source, "--repair", "orientation")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A"
    for number in range(CASES):
        for folder, name in (("images", f"imagesTr/c{number}_0000.nii.gz"), ("labels", f"labelsTr/c{number}.nii.gz")):
            ours, theirs = nib.load(made / name), nib.as_closest_canonical(originals[folder, number])
            assert nib.aff2axcodes(ours.affine) == ("R", "A", "S")
            assert np.array_equal(np.asarray(ours.dataobj), np.asarray(theirs.dataobj))
            assert np.allclose(ours.affine, theirs.affine, atol=1e-4)
    done = segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for number in range(CASES):
        back = nib.load(tmp_path / "back" / f"c{number}.nii.gz")
        assert np.array_equal(np.asarray(back.dataobj), np.asarray(originals["labels", number].dataobj))
        assert np.allclose(back.affine, originals["labels", number].affine, atol=1e-4)


def test_a_label_in_another_order_of_axes_on_the_same_points_is_turned_with_its_image(
    source: Path, segconv: Command
) -> None:
    path = source / "labels/c1.nii.gz"
    before = load(path)
    flipped = before.as_reoriented(np.array([[0, -1], [1, 1], [2, 1]]))
    rewrite(path, affine=flipped.affine, array=np.asarray(flipped.dataobj))
    assert convert(segconv, source, "--repair", "orientation").code == 0
    made = nib.load(segconv.raw / "Dataset009_A/labelsTr/c1.nii.gz")
    assert np.array_equal(np.asarray(made.dataobj), np.asarray(nib.as_closest_canonical(before).dataobj))


def test_a_voxel_is_named_as_the_file_has_it_however_the_axes_are_turned(source: Path, segconv: Command) -> None:
    path = source / "images/c1.nii.gz"
    array = np.asarray(nib.load(path).dataobj).astype(np.float32)
    array[1, 2, 3] = np.nan
    rewrite(path, array=array)
    done = convert(segconv, source, "--repair", "orientation")
    assert done.codes() == ["SC055"]
    assert "the first at (1, 2, 3)" in done.err


def test_an_unknown_repair_is_a_usage_error(source: Path, segconv: Command) -> None:
    done = convert(segconv, source, "--repair", "everything")
    assert (done.code, done.codes()) == (2, ["SC001"])


def test_masks_of_classes_are_resampled_before_they_are_compiled(tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        phantom = ct(number, size=(20, 18, 8))
        write_nifti(tmp_path / "m" / f"p{number}" / "ct.nii.gz", [phantom.images[0]])
        for name, value in (("liver", 1), ("spleen", 2)):
            mask = Volume((phantom.label.array == value).astype(np.uint8), phantom.label.geometry)
            write_nifti(tmp_path / "m" / f"p{number}" / "segmentations" / f"{name}.nii.gz", [mask])
    path = tmp_path / "m/p1/segmentations/liver.nii.gz"
    before = load(path)
    rewrite(path, array=np.pad(np.asarray(before.dataobj), ((0, 2), (0, 0), (0, 0))))
    assert convert(segconv, tmp_path / "m").codes() == ["SC082"]
    done = convert(segconv, tmp_path / "m", "--repair", "resample")
    assert done.code == 0, done.err
    made = np.asarray(nib.load(segconv.raw / "Dataset009_A/labelsTr/p1.nii.gz").dataobj)
    assert np.array_equal(made == 1, np.asarray(before.dataobj) > 0)


AXES = st.sampled_from(
    ["".join(letters) for order in itertools.permutations(("LR", "PA", "SI")) for letters in itertools.product(*order)]
)


def affine_of(axes: str) -> np.ndarray:
    """An affine whose axes point so, with a spacing of its own each."""
    affine = np.eye(4)
    for axis, (letter, spacing) in enumerate(zip(axes, (1, 2, 3), strict=True)):
        along = ["LR", "PA", "IS"]
        place = next(number for number, ends in enumerate(along) if letter in ends)
        affine[:3, axis] = 0
        affine[place, axis] = spacing if letter == along[place][1] else -spacing
    affine[:3, 3] = (4, -7, 11)
    return affine


def save(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, affine, dtype=array.dtype)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each run replaces what the last one made
@given(
    image_axes=AXES,
    label_axes=AXES,
    shape=st.sampled_from([(6, 6, 6), (4, 6, 5), (5, 5, 3)]),
    asked=st.sampled_from(
        [
            ("--repair", "header"),
            ("--repair", "header,orientation"),
            ("--label-header", "image", "--repair", "orientation"),
        ]
    ),
    masks=st.booleans(),
)
def test_a_label_with_a_wrong_header_is_turned_as_its_image_is(
    image_axes: str,
    label_axes: str,
    shape: tuple[int, int, int],
    asked: tuple[str, ...],
    masks: bool,
    tmp_path_factory: pytest.TempPathFactory,
    segconv: Command,
) -> None:
    """With no repair of axes, too: a label that takes its image's header has its image's voxels, one by one."""
    source = tmp_path_factory.mktemp("source")
    label = np.zeros(shape, np.uint8)
    label[:2, :3, :1], label[3:, -2:, 1:] = 1, 1
    save(source / ("p0/ct.nii.gz" if masks else "images/p0.nii.gz"), label * np.int16(100), affine_of(image_axes))
    wrong = affine_of(label_axes) + np.pad([[9.0]], ((0, 3), (3, 0)))
    for name in ("p0/a.nii.gz", "p0/b.nii.gz") if masks else ("labels/p0.nii.gz",):
        save(source / name, label, wrong)
    accept = () if masks else ("--accept-labels",)
    done = segconv("convert", source, "--to", "9_A", "--channels", "CT", "--restart", "--overwrite", *accept, *asked)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A"
    image, written = nib.load(made / "imagesTr/p0_0000.nii.gz"), nib.load(made / "labelsTr/p0.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj) > 0, np.asarray(written.dataobj) > 0)
    assert np.allclose(image.affine, written.affine, atol=1e-4)
    assert nib.aff2axcodes(image.affine) == (tuple("RAS") if "orientation" in asked[-1] else tuple(image_axes))


def test_a_label_of_slices_is_turned_as_its_image_is(tmp_path: Path, segconv: Command) -> None:
    label = np.zeros((6, 6, 6), np.uint8)  # (x, y, z)
    label[:2, 1:3, 4:], label[3:, 3:4, 2:] = 1, 1
    save(tmp_path / "s/images/p0.nii.gz", label * np.int16(100), affine_of("LIP"))
    for z in range(6):
        (tmp_path / "s/labels/p0").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(label[:, :, z].T)).save(tmp_path / f"s/labels/p0/{z:02d}.png")
    done = convert(
        segconv, tmp_path / "s", "--spacing", "1,1,1", "--slice-order", "position", "--repair", "orientation"
    )
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A"
    image, written = (sitk.ReadImage(str(made / name)) for name in ("imagesTr/p0_0000.nii.gz", "labelsTr/p0.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(image) > 0, sitk.GetArrayFromImage(written) > 0)
    done = segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    back = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "back").rglob("*.png"))]
    assert np.array_equal(np.stack(back, axis=-1).transpose(1, 0, 2) > 0, label > 0)


@pytest.mark.parametrize(
    ("ignore", "became"), [((), "background"), (("--labels", "background=0,a=1,ignore=9"), "ignore")]
)
def test_voxels_that_a_resampled_label_does_not_cover_become_ignore_where_there_is_one(
    ignore: tuple[str, ...], became: str, tmp_path: Path, segconv: Command
) -> None:
    label = np.zeros((8, 7, 6), np.uint8)
    label[:, 2:4] = 1
    save(tmp_path / "s/images/p0.nii.gz", label * np.int16(100), np.eye(4))
    shifted = np.eye(4)
    shifted[0, 3] = 3
    save(tmp_path / "s/labels/p0.nii.gz", label, shifted)
    done = convert(segconv, tmp_path / "s", "--repair", "resample", *ignore)
    assert done.code == 0, done.err
    made = np.asarray(nib.load(segconv.raw / "Dataset009_A/labelsTr/p0.nii.gz").dataobj)
    assert np.all(made[:3] == (2 if ignore else 0))
    assert np.array_equal(made[3:], label[:5])
    (wording,) = records(segconv)["p0"]["repairs"]
    assert f"{3 * 7 * 6} voxels of its image that it did not cover became {became}; labelled volume was" in wording
    assert wording.endswith("was 0.096 ml and is 0.06 ml")


@pytest.mark.parametrize(
    ("dtype", "low", "high", "becomes"),
    [
        (np.int64, -1024, 3071, np.int16),
        (np.uint64, 0, 32767, np.int16),
        (np.int64, 0, 32768, np.int32),
        (np.int64, -(2**31), 2**31 - 1, np.int32),
        (np.uint64, 5, 2**32 - 1, np.uint32),
        (np.int64, -1, 2**31, np.int64),
        (np.uint64, 0, 2**32, np.uint64),
    ],
)
@pytest.mark.parametrize("proved", [(), ("--no-verify-source",)])
def test_integers_of_64_bits_take_the_narrow_type_that_holds_them_when_asked(
    tmp_path: Path, segconv: Command, dtype: type, low: int, high: int, becomes: type, proved: tuple[str, ...]
) -> None:
    array = np.full((5, 4, 3), low, dtype=dtype)
    array[2:] = high
    save(tmp_path / "s/images/p0.nii.gz", array, np.eye(4))
    save(tmp_path / "s/labels/p0.nii.gz", (array == high).astype(np.int64), np.eye(4))
    done = convert(segconv, tmp_path / "s", "--repair", "cast", *proved)
    assert done.code == 0, done.err
    made = nib.load(segconv.raw / "Dataset009_A/imagesTr/p0_0000.nii.gz")
    assert made.get_data_dtype() == becomes
    assert np.array_equal(np.asarray(made.dataobj), array)
    wording = [repair for repair in records(segconv)["p0"]["repairs"] if "cast to" in repair]
    name = np.dtype(dtype).name
    expected = f"images/p0.nii.gz: stored as {name} with values from {low} to {high}, cast to {np.dtype(becomes).name}"
    assert wording == ([] if becomes is dtype else [expected])
    done = convert(segconv, tmp_path / "s", "--overwrite", *proved)
    assert nib.load(segconv.raw / "Dataset009_A/imagesTr/p0_0000.nii.gz").get_data_dtype() == dtype, "no one asked"
    done = segconv("repair", "9", "--to", "10_B")
    assert done.code == 0, done.err
    assert nib.load(segconv.raw / "Dataset010_B/imagesTr/p0_0000.nii.gz").get_data_dtype() == becomes
