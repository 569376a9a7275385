"""Masks per class whose names or folders add the class to the name of their picture."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from skimage import io

from ...command import Command
from ..drawn import picture, save, written

CLASSES = ("liver", "spleen")
ASKED = {
    "one folder of masks": ("images/{}.png", "masks/{}_CLASS.png"),
    "the class first": ("images/{}.png", "masks/CLASS_{}.png"),
    "all in one folder": ("{}.png", "{}_CLASS.png"),
    "folders of classes, then of cases": ("images/{}.png", "masks/CLASS/{}/mask.png"),
    "the name again": ("images/{}.png", "masks/CLASS/{}/{}.png"),
    "folders of cases on both sides": ("images/{}/a.png", "masks/CLASS/{}/a.png"),
    "folders of cases": ("images/{}.png", "masks/{}/CLASS.png"),
    "folders of cases, the name again": ("images/{}.png", "masks/{}/{}_CLASS.png"),
}
TAKEN = {
    "the name of the folder before": ("{}/{}.png", "{}/{}_CLASS.png"),
    "an image of another name": ("{}/image.png", "{}/{}_CLASS.png"),
    "masks in a folder within": ("{}/image.png", "{}/masks/{}-CLASS.png"),
}
NAMES = ("p1", "p2", "q_3")


def mask(number: int, at: int) -> np.ndarray:
    values = np.zeros(picture(0).shape[:2], np.uint8)
    values[1 + 4 * at : 4 + 4 * at, number : number + 3] = 255
    return values


def path(form: str, name: str, of: str = "") -> str:
    return form.replace("{}", name).replace("CLASS", of)


def made(root: Path, image: str, form: str) -> Path:
    for number, name in enumerate(NAMES):
        save(root / path(image, name), picture(number))
        for at, of in enumerate(CLASSES):
            save(root / path(form, name, of), mask(number, at))
    return root


def check(root: Path, image: str, form: str, back: Path, segconv: Command) -> None:
    """Check the dataset 5, and that its masks come back."""
    dataset = segconv.raw / "Dataset005_A"
    for number, name in enumerate(NAMES):
        expected = (mask(number, 0) > 0) + 2 * (mask(number, 1) > 0)
        assert np.array_equal(written(dataset, name), expected)
    assert segconv("restore", dataset / "labelsTr", "--like", "5", "-o", back).code == 0
    files = sorted(back.rglob("*.png"))
    assert len(files) == len(NAMES) * len(CLASSES)
    for number, name in enumerate(NAMES):
        for at, of in enumerate(CLASSES):
            (file,) = [file for file in files if name in str(file.relative_to(back)) and of in str(file)]
            assert np.array_equal(io.imread(file), mask(number, at))


@pytest.mark.parametrize("layout", ASKED)
def test_classes_by_names_are_asked_about_and_taken_by_the_command_that_is_hinted(
    layout: str, tmp_path: Path, segconv: Command
) -> None:
    image, form = ASKED[layout]
    root = made(tmp_path / "my src", image, form)
    done = segconv("convert", root, "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    assert "may both be masks of" in done.err
    assert "--from masks takes each as a class (liver, spleen)" in done.err
    assert segconv("convert", root, "--to", "5_A", "--from", "masks").code == 0
    check(root, image, form, tmp_path / "back", segconv)
    choices = re.findall(r"--images \S+ --masks [^\s,]+", done.err)
    assert len(choices) == (2 if image.startswith("images") else 0)
    for at, choice in enumerate(choices):
        assert segconv("convert", root, "--to", f"{6 + at}_One", *shlex.split(choice)).code == 0
        assert np.array_equal(written(segconv.raw / f"Dataset{6 + at:03d}_One", "p2"), mask(1, at) > 0)


@pytest.mark.parametrize("layout", TAKEN)
def test_the_name_of_the_case_is_not_part_of_the_class(layout: str, tmp_path: Path, segconv: Command) -> None:
    image, form = TAKEN[layout]
    root = made(tmp_path / "src", image, form)
    done = segconv("convert", root, "--to", "5_A", "--json")
    assert done.code == 0, done.err
    assert set(done.json["labels"]) == {"background", *CLASSES}
    check(root, image, form, tmp_path / "back", segconv)


def test_a_class_that_a_picture_lacks_names_the_picture(tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "src", *ASKED["one folder of masks"])
    (root / "masks/p2_spleen.png").unlink()
    done = segconv("convert", root, "--to", "5_A", "--from", "masks")
    assert (done.code, done.codes()) == (65, ["SC080"]), done.err
    assert "images/p2.png: lacks spleen" in done.err


@pytest.mark.parametrize("folder", ["train", "site1"])
def test_splits_and_sites_are_not_classes(folder: str, tmp_path: Path, segconv: Command) -> None:
    root = made(tmp_path / "src", "test/images/{}.png" if folder == "train" else "site2/images/{}.png", "gone/{}.png")
    other = "test" if folder == "train" else "site2"
    for path_ in (root / "gone").iterdir():
        path_.unlink()
    for number, name in enumerate(NAMES):
        save(root / folder / f"images/{name}x.png", picture(9 + number))
        for at, of in enumerate(CLASSES):
            save(root / other / f"masks/{name}_{of}.png", mask(number, at))
            save(root / folder / f"masks/{name}x_{of}.png", mask(number, at))
    done = segconv("convert", root, "--to", "5_A", "--from", "masks", "--json")
    assert done.code == 0, done.err
    assert set(done.json["labels"]) == {"background", *CLASSES}
    assert (done.json["training_cases"], done.json["test_cases"]) == ((3, 3) if folder == "train" else (6, 0))


def test_numbered_masks_of_a_picture_in_a_folder_of_masks_are_not_classes(tmp_path: Path, segconv: Command) -> None:
    for number, name in enumerate(NAMES):
        save(tmp_path / f"src/images/{name}.png", picture(number))
        for at in range(2):
            save(tmp_path / f"src/masks/{name}_{at + 1}.png", mask(number, at))
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC085"]), done.err
    assert "--unite-masks takes their union" in done.err
    assert segconv("convert", tmp_path / "src", "--to", "5_A", "--unite-masks").code == 0
    assert np.array_equal(written(segconv.raw / "Dataset005_A", "p1"), (mask(0, 0) | mask(0, 1)) > 0)


def test_channels_that_extend_a_name_are_not_masks(tmp_path: Path, segconv: Command) -> None:
    for number, name in enumerate(NAMES):
        for at, tail in enumerate(("", "_dapi", "_gfp")):
            save(tmp_path / f"src/{name}{tail}.png", picture(10 * number + at))
    assert segconv("convert", tmp_path / "src", "--to", "5_A").codes() == ["SC011"]
