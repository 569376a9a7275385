"""Labels and channels whose voxels are in another order than the image: reordered, and restored in their own order."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from fixtures.make_fixtures import write_nifti
from segconv.dataset.phantoms import ct
from segconv.image.geometry import Volume

from ...command import Command

SIZE = (9, 8, 7)
ORDERS = [
    np.column_stack([order, flips])
    for order in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]
"""All 48, as nibabel writes them: for each axis of the file the axis of the result, and its direction."""


def image(path: Path) -> nib.Nifti1Image:
    """The content of a file, kept before it changes."""
    found = nib.load(path)
    return nib.Nifti1Image(np.asarray(found.dataobj).copy(), found.affine)


def voxels(path: Path) -> np.ndarray:
    return np.asarray(image(path).dataobj)


def reorder(path: Path, order: np.ndarray, *, off_mm: float = 0.0, to: Path | None = None) -> None:
    """Store a file's voxels in another order, by nibabel, with its grid moved along the first axis of the patient."""
    turned = image(path).as_reoriented(order)
    affine = turned.affine.copy()
    affine[0, 3] += off_mm
    new = nib.Nifti1Image(np.asarray(turned.dataobj).copy(), affine)
    new.header.set_xyzt_units("mm")
    new.set_qform(affine, 1)
    new.set_sform(affine, 1)
    nib.save(new, to or path)


def case(folder: Path, name: str, seed: int = 0, size: tuple[int, int, int] = SIZE) -> None:
    phantom = ct(seed, size=size)
    # Every voxel has a value of its own: no two orders look alike.
    own = np.arange(np.prod(size), dtype=np.int16).reshape(size[::-1])
    label = (np.arange(np.prod(size)) % 3).astype(np.uint8).reshape(size[::-1])
    grid = phantom.label.geometry
    write_nifti(folder / "images" / f"{name}_0000.nii.gz", [Volume(own, grid)])
    write_nifti(folder / "images" / f"{name}_0001.nii.gz", [Volume(own, grid)])
    write_nifti(folder / "labels" / f"{name}.nii.gz", [Volume(label, grid)])


def convert(segconv: Command, source: Path, *more: str) -> object:
    return segconv("convert", source, "--to", "9_A", "--channels", "T1,T2", "--restart", *more)


def records(made: Path) -> dict[str, dict[str, object]]:
    lines = (made / "segconv/cases.jsonl").read_text().splitlines()
    return {line["case"]: line for line in map(json.loads, lines)}


def test_all_48_orders_of_a_label_and_of_a_channel(tmp_path: Path, segconv: Command) -> None:
    source = tmp_path / "s"
    first, own = {}, {}
    for number, order in enumerate(ORDERS):
        name = f"c{number:02d}"
        case(source, name)
        first[name] = voxels(source / "labels" / f"{name}.nii.gz")
        reorder(source / "labels" / f"{name}.nii.gz", order)
        reorder(source / "images" / f"{name}_0001.nii.gz", ORDERS[-1 - number])
        own[name] = image(source / "labels" / f"{name}.nii.gz")
    done = convert(segconv, source, "--json")
    assert done.code == 0, done.out
    made = segconv.raw / "Dataset009_A"
    wording = records(made)
    warned = {found["file"] for found in done.json["findings"] if "in another order" in found["message"]}
    for number, order in enumerate(ORDERS):
        name = f"c{number:02d}"
        label = made / "labelsTr" / f"{name}.nii.gz"
        channels = [made / "imagesTr" / f"{name}_000{channel}.nii.gz" for channel in (0, 1)]
        assert np.array_equal(voxels(label), first[name]), order
        assert np.array_equal(voxels(channels[1]), voxels(channels[0])), order
        for path in (channels[1], label):
            assert np.allclose(image(path).affine, image(channels[0]).affine, atol=1e-4)
            ours, theirs = sitk.ReadImage(str(path)), sitk.ReadImage(str(channels[0]))
            assert ours.GetSize() == theirs.GetSize()
            assert np.allclose(ours.GetOrigin(), theirs.GetOrigin(), atol=1e-4)
            assert np.allclose(ours.GetDirection(), theirs.GetDirection(), atol=1e-6)
        # Each that was changed is named, in the lineage and to the user.
        for path, its in ((f"labels/{name}.nii.gz", order), (f"images/{name}_0001.nii.gz", ORDERS[-1 - number])):
            changed = not np.array_equal(its, [[0, 1], [1, 1], [2, 1]])
            assert (path in warned) is changed
            assert (
                any(path in repair and "in another order" in repair for repair in wording[name]["repairs"]) is changed
            )
    assert segconv("restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    for name, was in own.items():
        back = image(tmp_path / "back" / f"{name}.nii.gz")
        assert np.array_equal(np.asarray(back.dataobj), np.asarray(was.dataobj))
        assert np.array_equal(back.affine, was.affine)
    found = segconv("check", "9")
    assert found.code == 0, found.err


FLIP = ORDERS[4]
"""The first axis backwards."""


@pytest.mark.parametrize("voxels_off", [0.5, 1.0])
def test_a_flip_and_a_shift_is_refused_without_a_hint_that_mirrors(
    voxels_off: float, tmp_path: Path, segconv: Command
) -> None:
    case(tmp_path / "s", "c0")
    reorder(tmp_path / "s/labels/c0.nii.gz", FLIP, off_mm=voxels_off * 1.5)
    done = convert(segconv, tmp_path / "s")
    assert (done.code, done.codes()) == (65, ["SC083"])
    assert "direction (axes run" in done.err
    assert "--label-header" not in done.err
    assert "--repair resample" in done.err
    done = convert(segconv, tmp_path / "s", "--repair", "resample")
    assert done.code == 0, done.err


def test_a_flip_and_less_than_a_tenth_of_a_voxel_takes_the_header(tmp_path: Path, segconv: Command) -> None:
    case(tmp_path / "s", "c0")
    before = voxels(tmp_path / "s/labels/c0.nii.gz")
    reorder(tmp_path / "s/labels/c0.nii.gz", FLIP, off_mm=0.05 * 1.5)
    own = image(tmp_path / "s/labels/c0.nii.gz")
    done = convert(segconv, tmp_path / "s")
    assert done.code == 0, done.err
    assert "in another order" in done.err
    assert "voxels off the grid of its image; it took that header" in done.err
    assert np.array_equal(voxels(segconv.raw / "Dataset009_A/labelsTr/c0.nii.gz"), before)
    assert segconv("restore", segconv.raw / "Dataset009_A/labelsTr", "--like", "9", "-o", tmp_path / "back").code == 0
    back = image(tmp_path / "back/c0.nii.gz")
    assert np.array_equal(np.asarray(back.dataobj), np.asarray(own.dataobj))
    assert np.allclose(back.affine[:, 3], own.affine[:, 3], atol=0.1)


def test_the_header_of_the_image_is_never_taken_over_voxels_in_another_order(tmp_path: Path, segconv: Command) -> None:
    """``--label-header image`` is for labels on another grid: this one is on its image's, and would be mirrored."""
    case(tmp_path / "s", "c0")
    before = voxels(tmp_path / "s/labels/c0.nii.gz")
    reorder(tmp_path / "s/labels/c0.nii.gz", FLIP)
    done = convert(segconv, tmp_path / "s", "--label-header", "image")
    assert done.code == 0, done.err
    assert np.array_equal(voxels(segconv.raw / "Dataset009_A/labelsTr/c0.nii.gz"), before)


def test_a_header_that_holds_nothing_may_still_be_replaced(tmp_path: Path, segconv: Command) -> None:
    case(tmp_path / "s", "c0")
    path = tmp_path / "s/labels/c0.nii.gz"
    before = voxels(path)
    nib.save(nib.Nifti1Image(before, np.eye(4)), path)
    done = convert(segconv, tmp_path / "s")
    assert done.codes() == ["SC083"]
    assert "Hint: --label-header image, if both have the same voxels" in done.err
    assert convert(segconv, tmp_path / "s", "--label-header", "image").code == 0
    assert np.array_equal(voxels(segconv.raw / "Dataset009_A/labelsTr/c0.nii.gz"), before)


@pytest.mark.parametrize("kind", [".nrrd", ".mha"])
def test_other_formats_written_by_simpleitk(kind: str, tmp_path: Path, segconv: Command) -> None:
    case(tmp_path / "s", "c0")
    path = tmp_path / "s/labels/c0.nii.gz"
    before = voxels(path)
    turned = sitk.Flip(sitk.PermuteAxes(sitk.ReadImage(str(path)), [2, 0, 1]), [True, False, True])
    path.unlink()
    sitk.WriteImage(turned, str(tmp_path / "s/labels" / f"c0{kind}"))
    done = convert(segconv, tmp_path / "s")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A/labelsTr"
    assert np.array_equal(voxels(made / "c0.nii.gz"), before)
    assert segconv("restore", made, "--like", "9", "-o", tmp_path / "back").code == 0
    back = sitk.ReadImage(str(tmp_path / "back" / f"c0{kind}"))
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(turned))
    assert np.allclose(back.GetDirection(), turned.GetDirection(), atol=1e-6)
    assert np.allclose(back.GetOrigin(), turned.GetOrigin(), atol=1e-4)


def test_masks_of_classes_each_in_its_own_order(tmp_path: Path, segconv: Command) -> None:
    phantom = ct(0, size=SIZE)
    folder = tmp_path / "m/p0"
    write_nifti(folder / "ct.nii.gz", [phantom.images[0]])
    for name, value in (("liver", 1), ("spleen", 2)):
        mask = Volume((phantom.label.array == value).astype(np.uint8), phantom.label.geometry)
        write_nifti(folder / "segmentations" / f"{name}.nii.gz", [mask])
    before = voxels(folder / "segmentations/liver.nii.gz") > 0
    reorder(folder / "segmentations/liver.nii.gz", ORDERS[13])
    own = {name: image(folder / "segmentations" / f"{name}.nii.gz") for name in ("liver", "spleen")}
    done = segconv("convert", tmp_path / "m", "--to", "9_A", "--channels", "CT")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_A/labelsTr"
    assert np.array_equal(voxels(made / "p0.nii.gz") == 1, before)
    assert segconv("restore", made, "--like", "9", "-o", tmp_path / "back").code == 0
    for name, was in own.items():
        back = image(next((tmp_path / "back").rglob(f"{name}.nii.gz")))
        assert np.array_equal(np.asarray(back.dataobj), np.asarray(was.dataobj))
        assert np.array_equal(back.affine, was.affine)


@pytest.mark.parametrize("order", [FLIP, ORDERS[13]], ids=["flipped", "other size"])
@pytest.mark.parametrize("which", ["labelsTr/c0.nii.gz", "imagesTr/c0_0001.nii.gz"])
def test_a_foreign_dataset_is_checked_and_repaired(
    which: str, order: np.ndarray, tmp_path: Path, segconv: Command
) -> None:
    case(tmp_path / "s", "c0")
    assert convert(segconv, tmp_path / "s").code == 0
    made = segconv.raw / "Dataset009_A"
    for path in (made / "segconv").iterdir():
        path.unlink()
    (made / "segconv").rmdir()
    before = voxels(made / which)
    reorder(made / which, order)
    found = segconv("check", "9")
    assert (found.code, set(found.codes())) == (1, {"SC083"})
    assert f"{which}: has the voxels of" in found.err
    assert "header" not in found.err
    done = segconv("repair", "9", "--to", "10_B")
    assert done.code == 0, done.err
    assert np.array_equal(voxels(segconv.raw / "Dataset010_B" / which), before)


# --- order of the dataset, of the user, and of the copy of a dataset


def test_a_dataset_that_is_turned_later_gives_predictions_back_in_the_users_order(
    tmp_path: Path, segconv: Command
) -> None:
    case(tmp_path / "s", "c0")
    reorder(tmp_path / "s/labels/c0.nii.gz", ORDERS[13])
    own = image(tmp_path / "s/labels/c0.nii.gz")
    assert convert(segconv, tmp_path / "s").code == 0
    done = segconv("repair", "9", "--to", "10_B", "--repair", "orientation")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset010_B/labelsTr"
    assert nib.aff2axcodes(image(made / "c0.nii.gz").affine) == ("R", "A", "S")
    assert segconv("restore", made, "--like", "10", "-o", tmp_path / "back").code == 0
    back = image(tmp_path / "back/c0.nii.gz")
    assert np.array_equal(np.asarray(back.dataobj), np.asarray(own.dataobj))
    assert np.array_equal(back.affine, own.affine)
