"""One folder of masks per class next to one folder of pictures: classes if the user says so, and restored in place."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from skimage import io

from ...command import Command
from ..drawn import picture, save
from ..oracles import ct, description, write

LAYOUTS = {
    "images/{}.png": {"ex": "masks/ex/{}.png", "he": "masks/he/{}.png"},
    "CXR_png/{}.png": {"left": "ManualMask/leftMask/{}.png", "right": "ManualMask/rightMask/{}.png"},
    "1. Original Images/a. Training Set/{}.png": {
        "Micro": "2. Segmentation Groundtruths/a. Training Set/1. Micro/{}_MA.png",
        "Haem": "2. Segmentation Groundtruths/a. Training Set/2. Haem/{}_HE.png",
    },
}


def made(root: Path, image: str, classes: dict[str, str]) -> Path:
    """Two pictures with a mask for each class, which overlap in none."""
    for number, name in enumerate(("p_1", "p_2")):
        save(root / image.format(name), picture(number))
        for at, form in enumerate(classes.values()):
            mask = np.zeros(picture(0).shape[:2], np.uint8)
            mask[2 + 4 * at : 5 + 4 * at, number : number + 3] = 255
            save(root / form.format(name), mask)
    return root


@pytest.mark.parametrize("image", LAYOUTS)
def test_a_folder_a_class_is_asked_about_and_then_taken_and_restored(
    image: str, tmp_path: Path, segconv: Command
) -> None:
    classes = LAYOUTS[image]
    root = made(tmp_path / "src", image, classes)
    done = segconv("convert", root, "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    assert f"--from masks takes each as a class ({', '.join(classes)})" in done.err
    done = segconv("convert", root, "--to", "5_A", "--from", "masks", "--json")
    assert done.code == 0, done.err
    assert set(done.json["labels"]) == {"background", *classes}
    masks = segconv.raw / "Dataset005_A/labelsTr"
    assert segconv("restore", masks, "--like", "5", "-o", tmp_path / "back").code == 0
    for form in classes.values():
        for name in ("p_1", "p_2"):
            assert np.array_equal(io.imread(tmp_path / "back" / form.format(name)), io.imread(root / form.format(name)))


def test_previews_beside_masks_of_volumes_are_left_alone(tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "src"
    for number in range(2):
        phantom = ct(number)
        write(root / f"cts/p{number}.nii.gz", phantom.images[0])
        for value, name in enumerate(("liver", "kidney", "tumour"), 1):
            mask = (phantom.label.array == value).astype(np.uint8)
            write(root / f"segs/p{number}/{name}.nii.gz", phantom.label, mask)
        save(root / f"segs/p{number}/preview_total.png", picture(number))
    done = segconv("convert", root, "--to", "5_A", "--from", "masks")
    assert done.code == 0, done.err
    assert description(segconv.raw / "Dataset005_A")["labels"] == {
        "background": 0,
        "kidney": 1,
        "liver": 2,
        "tumour": 3,
    }
    assert "1 other file in segs/p0 left alone: preview_total.png" in done.err


@pytest.mark.parametrize("image", LAYOUTS)
def test_the_other_choices_of_the_hint_take_one_folder(image: str, tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "src", image, LAYOUTS[image])
    hint = segconv("convert", root, "--to", "5_A").err.split("Hint: ")[1]
    done = segconv("convert", root, "--to", "5_A", *shlex.split(hint.split(" or ")[1].split(" takes")[0]))
    assert done.code == 0, done.err


def test_a_class_that_a_picture_lacks_is_refused_or_empty(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "src", "images/{}.png", LAYOUTS["images/{}.png"])
    (root / "masks/he/p_2.png").unlink()
    done = segconv("convert", root, "--to", "5_A", "--from", "masks")
    assert (done.code, done.codes()) == (65, ["SC080"]), done.err
    assert segconv("convert", root, "--to", "5_A", "--from", "masks", "--missing-masks", "empty").code == 0


def test_a_mask_of_no_picture_is_refused(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "src", "images/{}.png", LAYOUTS["images/{}.png"])
    (root / "masks/he/p_2.png").rename(root / "masks/he/q_7.png")
    done = segconv("convert", root, "--to", "5_A", "--from", "masks", "--missing-masks", "empty")
    assert (done.code, done.codes()) == (65, ["SC081"]), done.err


def test_folders_of_raters_never_become_classes(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "src", "images/{}.png", {"a": "masks/rater1/{}.png", "b": "masks/rater2/{}.png"})
    for words in ((), ("--from", "masks")):
        done = segconv("convert", root, "--to", "5_A", *words)
        assert done.codes() == ["SC003"], done.err
