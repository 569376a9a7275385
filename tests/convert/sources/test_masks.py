"""Masks per class: found in every layout, overlaps kept, and every mask restored bit for bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import io

from fixtures.make_fixtures import write_png
from fixtures.phantoms import shapes, tumour
from segconv.image.formats.segmentation import encode
from segconv.image.geometry import Geometry
from segconv.image.segment import Segment
from segconv.work.run_options import RunOptions

from ...command import Command, Done, tree_hash
from ..oracles import (
    EXACT_MM,
    FLOAT32_MM,
    SIZE,
    apart_mm,
    assert_same,
    ct,
    description,
    masks_from,
    records,
    voxels,
    write,
)

CASES = 3
CLASSES = ("kidney", "liver", "tumour")


def masks_of(number: int) -> dict[str, np.ndarray]:
    """The organs of a phantom; the tumour overlaps the liver."""
    label = ct(number).label.array
    return {"kidney": label == 2, "liver": (label == 1) | (label == 3), "tumour": label == 3}


def write_masks(folder: Path, number: int, ending: str = ".nii.gz", on: int = 1, names: Any = CLASSES) -> None:
    phantom = ct(number)
    for name, mask in masks_of(number).items():
        if name in names:
            write(folder / f"{name}{ending}", phantom.label, mask.astype(np.uint8) * np.uint8(on))


def totalsegmentator(root: Path, *, inner: str = "segmentations", image: str = "ct", **how: Any) -> Path:
    for number in range(CASES):
        case = root / f"s{number:04d}"
        write(case / f"{image}.nii.gz", ct(number).images[0])
        write_masks(case / inner if inner else case, number, **how)
    return root


def convert(segconv: Command, root: Path, *words: object, to: str = "5_A") -> tuple[Done, Path]:
    before = tree_hash(root)
    done = segconv("convert", root, "--to", to, *words)
    assert tree_hash(root) == before
    return done, segconv.raw / f"Dataset{int(to.split('_')[0]):03d}_A"


def values_of_masks(made: Path, names: Any) -> dict[str, tuple[int, ...]]:
    """Name of a mask → values of the written label, as dataset.json has them."""
    labels = description(made)["labels"]
    return {name: tuple(np.atleast_1d(labels[name])) for name in names if name in labels}


def assert_masks_come_back(made: Path, case: str, number: int) -> None:
    label = voxels(made / "labelsTr" / f"{case}.nii.gz")
    masks = masks_of(number)
    for name, mask in masks_from(label, values_of_masks(made, masks)):
        assert np.array_equal(mask, masks[name]), name


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"inner": ""},
        {"inner": "masks", "image": "mri"},
        {"image": "image"},
        {"inner": "labels", "on": 255},
        {"ending": ".nrrd"},
        {"ending": ".mha", "inner": ""},
    ],
    ids=str,
)
def test_folders_of_masks_are_recognised_and_every_mask_comes_back(
    tmp_path: Path, segconv: Command, layout: dict[str, Any]
) -> None:
    root = totalsegmentator(tmp_path / "src", **layout)
    done, made = convert(segconv, root, "--channels", "CT")
    assert done.code == 0, done.err
    assert "masks (3 folders with an image and a mask for each class (kidney, liver, tumour …))" in done.err
    assert "3 masks overlap" in done.err
    found = description(made)
    assert "regions_class_order" in found
    assert set(CLASSES) <= set(found["labels"])
    for number in range(CASES):
        case = f"s{number:04d}"
        source = root / case / f"{layout.get('image', 'ct')}.nii.gz"
        assert (made / "imagesTr" / f"{case}_0000.nii.gz").read_bytes() == source.read_bytes()
        label = sitk.ReadImage(str(made / "labelsTr" / f"{case}.nii.gz"))
        assert apart_mm(label, sitk.ReadImage(str(source))) <= EXACT_MM
        assert_masks_come_back(made, case, number)


def test_restoring_gives_the_masks_back(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src", on=255)
    done, made = convert(segconv, root)
    assert done.code == 0, done.err
    shutil.copytree(made / "labelsTr", tmp_path / "predicted")
    shutil.copy(made / "labelsTr" / "s0001.nii.gz", tmp_path / "predicted" / "stranger.nii.gz")
    done = segconv("restore", tmp_path / "predicted", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for number in range(CASES):
        for name in CLASSES:
            back = tmp_path / "back" / f"s{number:04d}" / f"{name}.nii.gz"
            assert_same(back, root / f"s{number:04d}" / "segmentations" / f"{name}.nii.gz", within_mm=1e-4)
    for name in CLASSES:
        stranger, own = (tmp_path / "back" / case / f"{name}.nii.gz" for case in ("stranger", "s0001"))
        assert np.array_equal(voxels(stranger) > 0, voxels(own) > 0)


def test_masks_come_back_through_a_second_dataset(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    assert convert(segconv, root)[0].code == 0
    done = segconv("convert", segconv.raw / "Dataset005_A", "--to", "6_A", "--cases", "s0001", "--format", "nrrd")
    assert done.code == 0, done.err
    shutil.copytree(segconv.raw / "Dataset006_A" / "labelsTr", tmp_path / "predicted")
    assert segconv("restore", tmp_path / "predicted", "--like", "6", "-o", tmp_path / "back").code == 0
    for name in CLASSES:
        assert_same(tmp_path / "back" / "s0001" / f"{name}.nii.gz", root / f"s0001/segmentations/{name}.nii.gz")


def test_masks_that_do_not_overlap_become_plain_labels(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src", names=("kidney", "liver"))
    done, made = convert(segconv, root)
    assert done.code == 0, done.err
    found = description(made)
    assert found["labels"] == {"background": 0, "kidney": 1, "liver": 2}
    assert "regions_class_order" not in found
    assert_masks_come_back(made, "s0001", 1)


def test_a_priority_decides_instead_of_regions(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    done, made = convert(segconv, root, "--priority", "tumour")
    assert done.code == 0, done.err
    assert "Warning SC074" in done.err
    labels = description(made)["labels"]
    assert labels == {"background": 0, "kidney": 1, "liver": 2, "tumour": 3}
    expected = np.array([0, 2, 1, 3])[ct(0).label.array]
    assert np.array_equal(voxels(made / "labelsTr" / "s0000.nii.gz"), expected)
    assert "Warning SC074: dataset.json: " in done.err
    assert [loss["kind"] for loss in records(made)["s0000"]["label_file"]["losses"]] == ["overlaps"]
    done, _ = convert(segconv, root, "--priority", "spleen", to="6_A")
    assert done.codes() == ["SC001"]


def test_the_image_has_the_name_that_the_user_gives(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src", image="scan_of_today", inner="")
    assert segconv("convert", root, "--to", "5_A").code == 66
    done, _ = convert(segconv, root, "--from", "masks")
    assert set(done.codes()) == {"SC081"}
    assert "--image NAME" in done.err
    done, made = convert(segconv, root, "--image", "scan_of_today")
    assert done.code == 0, done.err
    assert "masks (an image called scan_of_today)" in done.err
    assert_masks_come_back(made, "s0002", 2)


def test_several_images_are_channels_in_the_order_given(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(CASES):
        phantom = tumour(number, size=SIZE)
        for name, volume in zip(("t1", "flair"), phantom.images, strict=False):
            write(root / f"p{number}" / f"{name}.nrrd", volume)
        for value, name in ((1, "edema"), (2, "core")):
            write(root / f"p{number}" / f"{name}.nrrd", phantom.label, (phantom.label.array == value).astype(np.uint8))
    done, made = convert(segconv, root, "--image", "t1", "--image", "flair")
    assert done.code == 0, done.err
    found = description(made)
    assert found["channel_names"] == {"0": "t1", "1": "flair"}
    assert found["labels"] == {"background": 0, "core": 1, "edema": 2}
    assert_same(made / "imagesTr" / "p1_0001.nii.gz", root / "p1" / "flair.nrrd")


def test_missing_images_and_images_taken_for_masks_are_reported(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    done, _ = convert(segconv, root, "--image", "ct", "--image", "pet")
    assert set(done.codes()) == {"SC084"}
    assert "s0000/ct.nii.gz: has no pet beside it, named as the image of a case" in done.err
    for number in range(CASES):
        pet = ct(number).images[0].array.astype(np.float32) / 7
        write(root / f"s{number:04d}" / "pet.nii.gz", ct(number).label, pet)
    done, _ = convert(segconv, root)
    assert "SC071" in done.codes() or "SC072" in done.codes()
    assert "--image ct --image pet if pet is an image" in done.err
    done, made = convert(segconv, root, "--image", "ct", "--image", "pet")
    assert done.code == 0, done.err
    assert description(made)["channel_names"] == {"0": "ct", "1": "pet"}
    for path in root.glob("*/pet.nii.gz"):
        path.rename(path.with_name("mri.nii.gz"))
    done, made = convert(segconv, root, to="6_A")
    assert description(made)["channel_names"] == {"0": "ct", "1": "mri"}


def test_too_many_overlaps_name_the_options_that_help(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    done, _ = convert(segconv, root, "--max-heads", "1")
    assert done.codes() == ["SC074"]
    assert "--priority" in done.err
    assert "--masks" in done.err


def test_images_may_be_in_a_folder_of_their_own(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(CASES):
        write(tmp_path / "scans" / f"p{number}.nii.gz", ct(number).images[0])
        write_masks(root / f"p{number}", number)
    done, made = convert(segconv, root, "--images", tmp_path / "scans")
    assert done.code == 0, done.err
    assert_masks_come_back(made, "p1", 1)
    shutil.copytree(tmp_path / "scans", root / "scans")
    done, made = convert(segconv, root, "--images", "scans", to="6_A")
    assert done.code == 0, done.err
    assert_masks_come_back(made, "p1", 1)
    shutil.rmtree(root / "scans")
    write(tmp_path / "scans" / "p9.nii.gz", ct(9).images[0])
    done, _ = convert(segconv, root, "--images", tmp_path / "scans", "--from", "masks", to="7_A")
    assert done.codes() == ["SC080"], "an image without masks is reported"
    assert "p9.nii.gz: has no masks" in done.err
    done, made = convert(
        segconv, root, "--images", tmp_path / "scans", "--from", "masks", "--unlabelled", "test", to="8_A"
    )
    assert [path.name for path in (made / "imagesTs").iterdir()] == ["p9_0000.nii.gz"]


def test_a_selection_of_masks(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    done, made = convert(segconv, root, "--masks", "kid*, tumour")
    assert done.code == 0, done.err
    assert description(made)["labels"] == {"background": 0, "kidney": 1, "tumour": 2}
    done, _ = convert(segconv, root, "--masks", "spleen", "--from", "masks", to="6_A")
    assert (done.code, done.codes()) == (66, ["SC011"])
    done, _ = convert(segconv, root, "--labels", "background=0,liver=1", to="6_A")
    assert (done.code, done.codes()) == (2, ["SC001"])
    assert "segconv labels rename" in done.err


def test_pictures_with_a_mask_for_each_class(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(CASES):
        phantom = shapes(number, size=(40, 32))
        folder = root / f"p{number}"
        (folder / "masks").mkdir(parents=True)
        Image.fromarray(phantom.images[0].array).save(folder / "image.png")
        for name, mask in (("ring", phantom.label.array == 2), ("disc", phantom.label.array > 0)):
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{name}.png")
    done, made = convert(segconv, root, "--from", "masks")
    assert done.code == 0, done.err
    found = description(made)
    assert (found["file_ending"], list(found["channel_names"].values())) == (".png", ["R", "G", "B"])
    for number in range(CASES):
        label = np.asarray(Image.open(made / "labelsTr" / f"p{number}.png"))
        for name, mask in masks_from(label, values_of_masks(made, ("ring", "disc"))):
            assert np.array_equal(mask, np.asarray(Image.open(root / f"p{number}" / "masks" / f"{name}.png")) > 0)
    shutil.copytree(made / "labelsTr", tmp_path / "predicted")
    assert segconv("restore", tmp_path / "predicted", "--like", "5", "-o", tmp_path / "back").code == 0
    for name in ("ring", "disc"):
        back, own = (np.asarray(Image.open(p / "p2" / name)) for p, name in (
            (tmp_path / "back", f"{name}.png"), (root, f"masks/{name}.png")))  # fmt: skip
        assert np.array_equal(back, own)


# --- segmentations of 3D Slicer


def segmentation(number: int, box: tuple[slice, slice, slice] | None = None) -> bytes:
    """The masks of a phantom in two layers, of the whole grid or a part of it."""
    geometry = ct(number).label.geometry
    masks = masks_of(number)
    layers = np.stack([masks["liver"] * 1 + masks["kidney"] * 2, masks["tumour"] * 1]).astype(np.uint8)
    if box is not None:
        assert not np.delete(layers, np.r_[box[2]], axis=3).any()
        layers = layers[(slice(None), *box)]
        start = geometry.to_physical([part.start for part in box[::-1]])
        geometry = Geometry(
            layers.shape[:0:-1], geometry.spacing_mm, tuple(float(v) for v in start), geometry.direction
        )
    segments = (
        Segment("Segment_1", "liver", 1, 0, (0.9, 0.5, 0.3)),
        Segment("Segment_2", "kidney", 2, 0, (0.7, 0.4, 0.3)),
        Segment("Segment_3", "tumour", 1, 1, (0.5, 0.9, 0.3)),
    )
    return encode(segments, layers, geometry)


def box_of(number: int) -> tuple[slice, slice, slice]:
    inside = np.any(list(masks_of(number).values()), axis=0)
    found = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    return tuple(slice(int(f[0]), int(f[-1]) + 1) for f in found)  # type: ignore[return-value]


@pytest.mark.parametrize("layout", ["a folder a case", "side by side", "images elsewhere"])
@pytest.mark.parametrize("cropped", [False, True])
def test_segments_of_slicer_in_several_layers(tmp_path: Path, segconv: Command, layout: str, cropped: bool) -> None:
    root = tmp_path / "src"
    words: list[object] = []
    for number in range(CASES):
        name = f"p{number}"
        image, label = {
            "a folder a case": (root / name / "ct.nrrd", root / name / "Segmentation.seg.nrrd"),
            "side by side": (root / f"{name}.nrrd", root / f"{name}.seg.nrrd"),
            "images elsewhere": (tmp_path / "scans" / f"{name}.nrrd", root / f"{name}_labels.seg.nrrd"),
        }[layout]
        write(image, ct(number).images[0])
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_bytes(segmentation(number, box_of(number) if cropped else None))
    if layout == "images elsewhere":
        words = ["--images", tmp_path / "scans"]
    done, made = convert(segconv, root, *words)
    assert done.code == 0, done.err
    found = records(made)
    assert sorted(found) == ["p0", "p1", "p2"]
    for number in range(CASES):
        assert_masks_come_back(made, f"p{number}", number)
        assert [s["name"] for s in found[f"p{number}"]["label_file"]["segments"]] == ["liver", "kidney", "tumour"]
    shutil.copytree(made / "labelsTr", tmp_path / "predicted")
    done = segconv("restore", tmp_path / "predicted", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for number in range(CASES):
        original = next(path for path in root.rglob("*.seg.nrrd") if f"p{number}" in str(path))
        back = next(path for path in (tmp_path / "back").rglob("*.seg.nrrd") if f"p{number}" in str(path))
        ours, theirs = sitk.ReadImage(str(back)), sitk.ReadImage(str(original))
        assert np.array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
        assert apart_mm(ours, theirs) <= FLOAT32_MM
        for key in ("Segment0_Name", "Segment1_LabelValue", "Segment2_Layer", "Segment2_Color"):
            assert ours.GetMetaData(key) == theirs.GetMetaData(key)


def test_a_prediction_outside_the_box_of_the_segments_comes_back_complete(tmp_path: Path, segconv: Command) -> None:
    """3D Slicer saves the box that was drawn in; what a model finds outside of it must not be cut off."""
    root = tmp_path / "src"
    write(root / "p0" / "ct.nrrd", ct(0).images[0])
    (root / "p0" / "Segmentation.seg.nrrd").write_bytes(segmentation(0, box_of(0)))
    done, made = convert(segconv, root)
    assert done.code == 0, done.err
    label_path = next((made / "labelsTr").iterdir())
    label = sitk.ReadImage(str(label_path))
    liver = voxels(label_path)[masks_of(0)["liver"]][0]
    assert label.GetPixel(0, 0, 0) == 0
    label.SetPixel(0, 0, 0, int(liver))
    (tmp_path / "predicted").mkdir()
    sitk.WriteImage(label, str(tmp_path / "predicted" / label_path.name))
    done = segconv("restore", tmp_path / "predicted", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    back = sitk.ReadImage(str(next((tmp_path / "back").rglob("*.seg.nrrd"))))
    layers = sitk.GetArrayFromImage(back)
    first = [int(i) for i in back.TransformPhysicalPointToIndex(label.TransformIndexToPhysicalPoint((0, 0, 0)))]
    assert layers[tuple(first[::-1])][0] == 1
    assert np.array_equal(layers[..., 1] == 1, masks_of(0)["tumour"])


def test_a_segmentation_on_a_foreign_grid_is_refused(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(2):
        write(root / f"p{number}" / "ct.nrrd", ct(number).images[0])
        (root / f"p{number}" / "s.seg.nrrd").write_bytes(segmentation(number))
    data = (root / "p1" / "s.seg.nrrd").read_bytes()
    (root / "p1" / "s.seg.nrrd").write_bytes(data.replace(b"space origin: (-", b"space origin: (-1"))
    done, _ = convert(segconv, root)
    assert (done.code, done.codes()) == (65, ["SC083"])
    assert "Error SC083: p1/s.seg.nrrd: is on a grid" in done.err
    assert "source geometry" in done.err
    assert list(segconv.raw.iterdir()) == []


# --- what is refused


def edit(path: Path, change: Any) -> None:
    image = sitk.ReadImage(str(path))
    array = change(sitk.GetArrayFromImage(image))
    other = sitk.GetImageFromArray(array)
    other.CopyInformation(image)
    sitk.WriteImage(other, str(path))


def moved(path: Path, by: float) -> None:
    image = sitk.ReadImage(str(path))
    image.SetOrigin([image.GetOrigin()[0] + by, *image.GetOrigin()[1:]])
    sitk.WriteImage(image, str(path))


def smaller(path: Path) -> None:
    sitk.WriteImage(sitk.ReadImage(str(path))[:, :, 1:], str(path))


LIVER = "s0001/segmentations/liver.nii.gz"


@pytest.mark.parametrize(
    ("break_it", "code", "named", "wording"),
    [
        (lambda r: (r / LIVER).unlink(), "SC080", "s0001/segmentations", "lacks liver, which other cases have"),
        (lambda r: edit(r / LIVER, lambda a: np.where(np.arange(a.size).reshape(a.shape) == 9, 2, a).astype(a.dtype)), "SC078", LIVER, "the first 2 is at (9, 0, 0)"),
        (lambda r: edit(r / LIVER, lambda a: a * np.float32(0.5)), "SC071", LIVER, "0.5"),
        (lambda r: edit(r / LIVER, lambda a: -a.astype(np.int16)), "SC072", LIVER, "-1"),
        (lambda r: smaller(r / LIVER), "SC082", LIVER, "has the size (14, 12, 6), its image (14, 12, 7)"),
        (lambda r: moved(r / LIVER, 40), "SC083", LIVER, "origin or direction"),
        (lambda r: (r / LIVER).write_bytes((r / LIVER).read_bytes()[:-30]), "SC050", LIVER, ""),
        (lambda r: (r / LIVER).write_bytes(b""), "SC051", LIVER, ""),
        (lambda r: (r / "s0001/ct.nii.gz").unlink(), "SC081", "s0001/segmentations/kidney.nii.gz", "has no image beside it"),
        (lambda r: shutil.rmtree(r / "s0001/segmentations"), "SC080", "s0001/ct.nii.gz", "has no masks"),
        (lambda r: (r / LIVER).rename(r / "s0001/segmentations/Background.nii.gz"), "SC080", "s0000/segmentations", "lacks Background"),
        (lambda r: shutil.copy(r / LIVER, r / "s0001/segmentations/liver.NII.GZ"), "SC085", "s0001/segmentations/liver.nii.gz", "are both called 'liver'"),
        (lambda r: ((r / LIVER).unlink(), (r / LIVER).symlink_to("/etc/hostname")), "SC060", LIVER, "leaves the source"),
        (lambda r: ((r / LIVER).unlink(), (r / LIVER).symlink_to("nowhere")), "SC012", LIVER, "a link to a file that does not exist"),
    ],
)  # fmt: skip
def test_bad_masks_are_refused_with_the_file_named(
    tmp_path: Path, segconv: Command, break_it: Any, code: str, named: str, wording: str
) -> None:
    root = totalsegmentator(tmp_path / "src")
    break_it(root)
    done, _ = convert(segconv, root, "--from", "masks")
    assert code in done.codes(), done.err
    assert done.code == (66 if code == "SC012" else 65)
    line = next(line for line in done.err.splitlines() if line.startswith(f"Error {code}: {named}: "))
    assert wording in line
    assert done.err.count("Hint: ") == len(done.codes()) + done.err.count("Warning ")
    assert not [path for path in segconv.raw.iterdir() if path.name.startswith("Dataset")]


def test_a_mask_that_is_missing_counts_as_empty_where_asked(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    (root / LIVER).unlink()
    done, made = convert(segconv, root, "--missing-masks", "empty")
    assert done.code == 0, done.err
    assert "Warning SC080: s0001/segmentations: lacks liver; counted as empty" in done.err
    masks = dict(masks_from(voxels(made / "labelsTr" / "s0001.nii.gz"), values_of_masks(made, CLASSES)))
    assert not masks["liver"].any()
    assert np.array_equal(masks["tumour"], masks_of(1)["tumour"])


def test_a_mask_that_a_case_lacked_comes_back_from_its_prediction(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    (root / LIVER).unlink()
    done, made = convert(segconv, root, "--missing-masks", "empty")
    assert done.code == 0, done.err
    predictions, out = tmp_path / "predictions", tmp_path / "back"
    predictions.mkdir()
    shutil.copy(made / "labelsTr" / "s0000.nii.gz", predictions / "s0001.nii.gz")
    assert segconv("restore", predictions, "--like", made, "-o", out).code == 0
    for name in CLASSES:
        restored = next(out.rglob(f"{name}.nii.gz"))
        assert "s0001" in str(restored)
        assert np.array_equal(voxels(restored) != 0, masks_of(0)[name])


def test_a_mask_that_is_empty_everywhere_is_reported(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src", names=("kidney", "liver"))
    for number in range(CASES):
        write(
            root / f"s{number:04d}" / "segmentations" / "spleen.nii.gz",
            ct(number).label,
            np.zeros(SIZE[::-1], np.uint8),
        )
    done, made = convert(segconv, root, "--json")
    assert done.code == 0, done.err
    assert [f["code"] for f in done.json["findings"]].count("SC076") == 1
    assert "spleen" not in description(made)["labels"]


def test_a_mask_slightly_off_its_image_is_a_warning(tmp_path: Path, segconv: Command) -> None:
    root = totalsegmentator(tmp_path / "src")
    moved(root / LIVER, 0.05)
    done, _ = convert(segconv, root)
    assert done.code == 0, done.err
    assert f"Warning SC093: {LIVER}: was 0.0" in done.err


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_any_masks_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, seed: int, classes: int) -> None:
    from segconv.convert.conversion import plan_conversion, run_conversion
    from segconv.convert.model import ConvertOptions

    folder = tmp_path_factory.mktemp("any")
    random = np.random.default_rng(seed)
    masks = {}
    grid = ct(0).label.geometry
    for case in range(2):
        write(folder / "src" / f"c{case}" / "ct.nii.gz", ct(case).images[0])
        for name in (f"m{n}" for n in range(classes)):
            masks[case, name] = random.random(SIZE[::-1]) < random.choice([0.02, 0.5])
            write(
                folder / "src" / f"c{case}" / "masks" / f"{name}.nii.gz",
                ct(0).label,
                masks[case, name].astype(np.uint8),
            )
    assert grid.array_shape == SIZE[::-1]
    (folder / "raw").mkdir()
    conversion = plan_conversion(folder / "src", "5_A", raw=folder / "raw", options=ConvertOptions())
    run_conversion(conversion, RunOptions(jobs=1))
    labels = json.loads((folder / "raw" / "Dataset005_A" / "dataset.json").read_text())["labels"]
    for case in range(2):
        label = voxels(folder / "raw" / "Dataset005_A" / "labelsTr" / f"c{case}.nii.gz")
        values = {name: tuple(np.atleast_1d(labels[name])) for name in labels if name != "background"}
        for name, mask in masks_from(label, values):
            if (case, name) in masks:
                assert np.array_equal(mask, masks[case, name])


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_pictures_in_a_folder_of_their_own_next_to_the_folder_of_masks(
    ending: str, tmp_path: Path, segconv: Command
) -> None:
    classes = {"liver": np.eye(20, 24, dtype=np.uint8) * 255, "all": np.full((20, 24), 255, np.uint8)}
    for number in range(2):
        write_png(tmp_path / "s" / f"c{number}" / "images" / "x.png", np.full((20, 24), 9 * number, np.uint8))
        for name, mask in classes.items():
            write_png(tmp_path / "s" / f"c{number}" / "masks" / f"{name}.png", mask)
    done = segconv("convert", tmp_path / "s", "--to", "9", "--from", "masks", "--format", ending[1:])
    assert done.code == 0, done.err
    done = segconv("restore", segconv.raw / "Dataset009_s" / "labelsTr", "--like", "9", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for name, mask in classes.items():
        assert np.array_equal(io.imread(tmp_path / "back" / "c1" / f"{name}.png"), mask)
