"""An image or numbered objects in place of a label: reported once per file, after few values."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import nibabel as nib
import numpy as np
import pytest
import tifffile

from segconv.errors import SegconvError
from segconv.image import voxels
from segconv.image.voxels import MOST_VALUES, label_values, remap, tally
from segconv.review.scores.evaluation import evaluate_folders

from ...command import Command
from ...review.datasets import describe
from ..drawn import labels, picture, save

SIDE = 80
"""Pictures of so many rows and columns hold more pixels than a label may hold values."""


def numbered(shape: tuple[int, ...], size: int = 8) -> np.ndarray:
    """Objects of so many voxels in a row, each with a number of its own, between columns of 0."""
    flat = np.arange(int(np.prod(shape)), dtype=np.int32)
    return np.where(flat % size == 0, 0, flat // size + 1).astype(np.int32).reshape(shape)


def noise(shape: tuple[int, ...], dtype: type = np.int32) -> np.ndarray:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


def smoothed(shape: tuple[int, ...]) -> np.ndarray:
    """A mask of 0 and 60000 whose edges were blended."""
    mask = np.zeros(shape, np.uint16)
    mask[: shape[0] // 2] = 60_000
    mask[shape[0] // 2].reshape(-1)[:] = np.arange(1, mask[0].size + 1)
    return mask


SEEMS = {
    "an image": (noise((SIDE, SIDE)), "as an image does"),
    "an image of 16 bits": (noise((SIDE, SIDE), np.uint16), "as an image does"),
    "an image of whole floats": (noise((SIDE, SIDE), np.uint16).astype(np.float32) * 2, "as an image does"),
    "an image on black": (np.pad(noise((SIDE, SIDE)), SIDE), "as an image does"),
    "numbered objects": (numbered((300, 300)), "as a map of numbered objects does"),
    "numbered objects of 16 bits": (numbered((300, 300)).astype(np.uint16), "as a map of numbered objects does"),
    "a smoothed mask": (smoothed((100, 5000)), "nearly all voxels are 0 or 60000, as in a mask that was smoothed"),
}


@pytest.mark.parametrize("name", SEEMS)
def test_a_file_that_is_not_a_label_is_reported_with_what_it_seems_to_be(name: str) -> None:
    array, seems = SEEMS[name]
    with pytest.raises(SegconvError) as caught:
        label_values(array)
    assert caught.value.code == "SC078"
    assert seems in caught.value.message
    assert len(caught.value.message) < 200


def test_no_more_is_looked_at_than_tells() -> None:
    array = noise((40, 100, 100))
    with mock.patch.object(voxels, "CHUNK_VOXELS", 10_000), mock.patch.object(np, "unique", wraps=np.unique) as unique:
        with pytest.raises(SegconvError):
            label_values(array)
        with pytest.raises(SegconvError):
            tally(array.view(np.uint32), what="colours")
    assert unique.call_count == 2


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint32, np.float32, np.int64])
def test_as_many_values_as_may_be_are_counted(dtype: type) -> None:
    array = (np.arange(MOST_VALUES * 300) % MOST_VALUES * 7).astype(dtype)
    with mock.patch.object(voxels, "CHUNK_VOXELS", 1000):
        assert label_values(array) == {7 * value: 300 for value in range(MOST_VALUES)}


def test_few_large_values_are_remapped_without_a_table_of_all_below_them() -> None:
    array = np.array([[0, 1 << 40], [614_454_277, 0]], np.int64)
    assert remap(array, {0: 0, 614_454_277: 1, 1 << 40: 2, 5: 3}).tolist() == [[0, 2], [1, 0]]


def source(folder: Path, masks: list[np.ndarray]) -> Path:
    """Pictures whose masks are these."""
    for number, mask in enumerate(masks):
        save(folder / "images" / f"c{number}.png", picture(number, size=mask.shape[:2]))
        (folder / "masks").mkdir(exist_ok=True)
        tifffile.imwrite(folder / "masks" / f"c{number}.tif", mask)
    return folder


NAMES = {"background": 0, "a": 1, "b": 2, "ignore": 3}
COLOURS = picture(5, 3, size=(SIDE, SIDE))


@pytest.mark.parametrize("how", ["planned", "converted"])
@pytest.mark.parametrize("what", ["image", "colours", "objects"])
def test_conversion_has_one_finding_a_file(what: str, how: str, segconv: Command, tmp_path: Path) -> None:
    bad = {"image": noise((SIDE, SIDE)), "colours": COLOURS, "objects": numbered((300, 300))}[what]
    root = source(tmp_path / "source", [np.zeros(bad.shape[:2], np.uint8), bad, bad])
    declared = ("--labels", "background=#000000,a=#ff0000" if what == "colours" else "background=0,a=1")
    done = segconv("convert", root, "--to", "7_A", *(declared if how == "converted" else ()), "--json")
    wording = [finding for finding in done.json["findings"] if finding["severity"] == "error"]
    assert done.code == 65
    assert [(finding["code"], finding["file"]) for finding in wording] == [("SC078", f"masks/c{n}.tif") for n in (1, 2)]
    assert all(len(finding["message"]) < 200 for finding in wording)


def test_a_set_may_hold_no_more_values_than_a_file(segconv: Command, tmp_path: Path) -> None:
    root = tmp_path / "source"
    for number in range(3):
        for folder in ("images", "labels"):
            array = (np.arange(2000).reshape(10, 20, 10) + 2000 * number).astype(np.int32)
            (root / folder).mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(array if folder == "labels" else array % 50, np.eye(4)),
                     root / folder / f"c{number}.nii.gz")  # fmt: skip
    done = segconv("convert", root, "--to", "7_A", "--from", "pairs")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "labels/c2.nii.gz" in done.err


def test_photographs_with_few_colours_each_are_reported_once(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segconv.convert.labels.mask_set.MOST_SNAPPED", 300)
    root = source(tmp_path / "source", [picture(number, 3) for number in range(5)])
    done = segconv("convert", root, "--to", "7_A")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "masks/c2.tif: up to here" in done.err


def test_edges_that_were_blended_may_have_more_where_they_are_snapped(segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "source", [smoothed((100, 5000)), smoothed((100, 5000))])
    done = segconv("convert", root, "--to", "7_A")
    assert (done.code, done.codes()) == (65, ["SC078", "SC078"])
    done = segconv("convert", root, "--to", "7_A", "--labels", "background=0,foreground=60000", "--snap", "30000")
    assert done.code == 0, done.err


def test_check_augment_and_labels_report_it_for_a_dataset(segconv: Command) -> None:
    root, shape = segconv.raw / "Dataset007_A", (18, 18, 18)
    for number in range(2):
        mask = noise(shape) if number else labels(0, size=(18, 18 * 18)).reshape(shape)
        for folder, name, array in (("images", "_0000", picture(number, size=(18, 18 * 18))), ("labels", "", mask)):
            (root / f"{folder}Tr").mkdir(parents=True, exist_ok=True)
            volume = nib.Nifti1Image(array.reshape(shape), np.eye(4), dtype=array.dtype)
            volume.header.set_xyzt_units("mm")
            nib.save(volume, root / f"{folder}Tr" / f"c{number}{name}.nii.gz")
    describe(root, channel_names={"0": "MR"}, labels=NAMES, numTraining=2, file_ending=".nii.gz")
    found = json.loads(segconv("check", "7", "--json").out)["findings"]
    assert [f["code"] for f in found if f["severity"] == "error"] == ["SC078"]
    for words in (
        ["augment", "7", "--to", "8_B", "--rotate", "90", "--planes", "axial"],
        ["labels", "ignore", "7"],
        ["labels", "remap", "7", "--to", "9_B", "--map", "a=b"],
    ):
        done = segconv(*words)
        assert "SC078" in done.codes(), done.err
        assert "c1.nii.gz" in done.err


def test_restore_reports_it_for_a_prediction(segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "source", [labels(n, size=(SIDE, SIDE)) for n in range(2)])
    assert segconv("convert", root, "--to", "7_A", "--format", "tif").code == 0
    (tmp_path / "predicted").mkdir()
    tifffile.imwrite(tmp_path / "predicted" / "c0.tif", noise((SIDE, SIDE)))
    done = segconv("restore", tmp_path / "predicted", "--like", "7", "-o", tmp_path / "out")
    assert (done.code, done.codes()) == (65, ["SC078"])


def test_predictions_are_scored_value_by_value_or_refused(segconv: Command, tmp_path: Path) -> None:
    for name, array in (("a", numbered((20, 40, 40))), ("b", numbered((20, 40, 40))), ("c", noise((20, 40, 40)))):
        (tmp_path / name).mkdir()
        if name == "b":
            array[:10] = 0
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / name / "c0.nii.gz")
    scores = evaluate_folders(tmp_path / "b", tmp_path / "a").cases["c0"]
    assert len(scores) == len(label_values(numbered((20, 40, 40)))) - 1
    assert sorted(set(scores.values()))[0] == 0
    assert sorted(set(scores.values()))[-1] == 1
    done = segconv("evaluate", tmp_path / "c", tmp_path / "a")
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "c/c0.nii.gz" in done.err
