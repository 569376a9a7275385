"""Predictions are scored in place, by meaning, and none is left out silently."""

from __future__ import annotations

import csv
import json
import math
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from fixtures.make_fixtures import msd_ct, png_shapes, write_png
from segconv.image.formats import segmentation
from segconv.image.geometry import Geometry
from segconv.image.segment import Segment
from segconv.review.scores.evaluation import evaluate_folders

from ...command import Command, Done

COLOURS = {0: (0, 0, 0), 1: (255, 0, 0), 2: (0, 128, 255), 3: (10, 10, 10)}


def volume(path: Path, array: np.ndarray, *, origin: tuple[float, ...] = (5, -3, 12)) -> sitk.Image:
    """Write a label ``(z, y, x)`` of voxels of 1×1.5×3 mm."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1, 1.5, 3))
    image.SetOrigin(origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    return image


def organs(seed: int = 0, size: tuple[int, ...] = (4, 8, 7)) -> np.ndarray:
    """A label with the values 0, 1 and 2 that is not the same turned or mirrored."""
    label = np.zeros(size, np.uint8)
    label[1:3, 1:4, 2:6] = 1
    label[..., 5:7, :2] = 2
    label.flat[seed] = 1
    return label


def pictures(folder: Path, *masks: np.ndarray) -> Path:
    for number, mask in enumerate(masks):
        write_png(folder / f"c{number}.png", mask)
    return folder


def square(*values: int, at: int = 0) -> np.ndarray:
    """A mask with a square of each value."""
    mask = np.zeros((12, 24), np.uint8)
    for number, value in enumerate(values):
        mask[2:6, at + 6 * number : at + 6 * number + 4] = value
    return mask


def coloured(mask: np.ndarray) -> np.ndarray:
    return np.array([COLOURS[v] for v in range(4)], np.uint8)[mask]


def hints(done: Done) -> list[str]:
    return [line.removeprefix("Hint: ") for line in done.err.splitlines() if line.startswith("Hint: ")]


def retried(segconv: Command, words: list[object], done: Done) -> Done:
    """Run the command again with the options that its hint begins with."""
    (hint,) = hints(done)
    options = re.match(r"--(labels|map|missing|extra|missing-masks) \S+", hint)
    assert options, hint
    return segconv(*words, *shlex.split(options[0].rstrip(",")))


# Where predictions are


@pytest.fixture
def reference(tmp_path: Path) -> sitk.Image:
    return volume(tmp_path / "ref" / "a.nii.gz", organs())


ORDERS = {
    "rows flipped": lambda image: sitk.Flip(image, [False, True, False]),
    "all flipped": lambda image: sitk.Flip(image, [True, True, True]),
    "axes permuted": lambda image: sitk.PermuteAxes(image, [2, 0, 1]),
    "both": lambda image: sitk.Flip(sitk.PermuteAxes(image, [1, 2, 0]), [True, False, True]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_the_same_voxels_in_another_order_score_1(
    order: str, tmp_path: Path, reference: sitk.Image, segconv: Command
) -> None:
    (tmp_path / "pred").mkdir()
    sitk.WriteImage(ORDERS[order](reference), str(tmp_path / "pred" / "a.mha"))
    done = segconv("evaluate", tmp_path / "pred", tmp_path / "ref", "--json")
    assert done.json["classes"] == {"1": 1.0, "2": 1.0}
    (finding,) = done.json["findings"]
    assert (finding["code"], finding["severity"]) == ("SC083", "warning")
    assert "in another order" in finding["message"]


def test_a_mirrored_mask_under_the_header_of_its_image_is_not_a_match(
    tmp_path: Path, reference: sitk.Image, segconv: Command
) -> None:
    volume(tmp_path / "pred" / "a.nii.gz", np.ascontiguousarray(organs()[:, ::-1]))
    done = segconv("evaluate", tmp_path / "pred", tmp_path / "ref", "--json")
    assert done.code == 0
    assert done.json["mean"] < 0.6


@pytest.mark.parametrize("off", [0.004, 0.05, 0.5])
def test_small_deviations_are_scored_with_a_warning_and_large_ones_refused(
    off: float, tmp_path: Path, reference: sitk.Image, segconv: Command
) -> None:
    volume(tmp_path / "pred" / "a.nii.gz", organs(), origin=(5 + off, -3, 12))
    done = segconv("evaluate", tmp_path / "pred", tmp_path / "ref")
    if off > 0.1:
        assert (done.code, done.codes(), done.out) == (65, ["SC083"], "")
        assert "0.5 voxels off" in done.err
    else:
        assert done.code == 0, done.err
        assert ("Warning SC083" in done.err) is (off > 0.01)
        assert done.out.splitlines()[-1].split("\t")[:2] == ["mean", "1.0000"]


def test_a_prediction_without_a_header_is_refused_with_its_distance(
    tmp_path: Path, reference: sitk.Image, segconv: Command
) -> None:
    (tmp_path / "pred").mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(organs()), str(tmp_path / "pred" / "a.nii.gz"))
    done = segconv("evaluate", tmp_path / "pred", tmp_path / "ref")
    assert (done.code, done.codes(), done.out) == (65, ["SC083"], "")
    assert re.search(r"a\.nii\.gz: is \d+\.\d voxels off the grid of its reference", done.err)
    assert "its header is unset" in done.err
    pages = tmp_path / "pages"
    pages.mkdir()
    frames = [Image.fromarray(z) for z in organs()]
    frames[0].save(pages / "a.tif", save_all=True, append_images=frames[1:])
    assert segconv("evaluate", pages, tmp_path / "ref").codes() == ["SC083"]


def test_other_sizes_are_refused_all_at_once(tmp_path: Path, segconv: Command) -> None:
    for name, z in (("a", 4), ("b", 4), ("c", 3)):
        volume(tmp_path / "ref" / f"{name}.nii.gz", organs())
        volume(tmp_path / "pred" / f"{name}.nii.gz", organs()[:z] if name != "b" else organs()[:, :7])
    done = segconv("evaluate", tmp_path / "pred", tmp_path / "ref")
    assert (done.code, done.codes()) == (65, ["SC082", "SC082"])
    pictures(tmp_path / "p", square(1))
    pictures(tmp_path / "r", square(1)[:, 1:])
    assert segconv("evaluate", tmp_path / "p", tmp_path / "r").codes() == ["SC082"]


# Which prediction is whose


def test_missing_predictions_are_named_and_count_as_0_only_on_request(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1), square(1, 2), square(2))
    pictures(tmp_path / "p", square(1))
    words = ["evaluate", tmp_path / "p", tmp_path / "r"]
    done = segconv(*words)
    assert (done.code, done.codes(), done.out) == (66, ["SC013", "SC013"], "")
    assert f"{tmp_path / 'r' / 'c1.png'}: has no prediction in {tmp_path / 'p'}" in done.err
    zero = segconv(*words, "--missing", "zero", "--labels", "background=0,a=1,b=2", "--json").json
    assert zero["cases"] == {"c0": {"a": 1, "b": None}, "c1": {"a": 0, "b": 0}, "c2": {"a": None, "b": 0}}
    assert zero["classes"] == {"a": 0.5, "b": 0}
    assert (zero["mean"], zero["missing"]) == (0.25, ["c1", "c2"])
    done = segconv(*words, "--missing", "skip")
    assert done.out.splitlines()[1:] == ["1\t1.0000\t1", "mean\t1.0000\t1"]
    assert "c1.png" in done.err
    assert "c2.png" in done.err


def test_predictions_without_a_reference_are_named(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1))
    pictures(tmp_path / "p", square(1), square(2))
    words = ["evaluate", tmp_path / "p", tmp_path / "r"]
    done = segconv(*words)
    assert (done.code, done.codes()) == (65, ["SC080"])
    assert f"{tmp_path / 'p' / 'c1.png'}: has no reference in {tmp_path / 'r'}" in done.err
    done = segconv(*words, "--extra", "skip", "--json")
    assert done.json["mean"] == 1
    assert done.json["skipped"] == [str(tmp_path / "p" / "c1.png")]


def test_folders_that_share_no_name_are_refused_whatever_is_allowed(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r" / "masks", square(1))
    pictures(tmp_path / "p", square(1))
    shutil.copytree(tmp_path / "p", tmp_path / "q" / "x")
    write_png(tmp_path / "r" / "masks" / "other" / "c0.png", square(1))
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r", "--missing", "zero", "--extra", "skip")
    assert done.code == 65
    assert set(done.codes()) == {"SC013", "SC080"}
    assert f"give {tmp_path / 'r/masks'} or {tmp_path / 'r/masks/other'} as references" in hints(done)
    assert segconv("evaluate", tmp_path / "p", tmp_path / "r" / "masks", "--missing", "skip").code == 0
    assert segconv("evaluate", tmp_path / "nothing", tmp_path / "r").codes() == ["SC010"]
    assert segconv("evaluate", tmp_path / "p", tmp_path / "nothing").codes() == ["SC010"]
    (tmp_path / "empty").mkdir()
    assert segconv("evaluate", tmp_path / "p", tmp_path / "empty").codes() == ["SC011"]
    write_png(tmp_path / "p" / "c0.bmp", square(1))
    assert segconv("evaluate", tmp_path / "p", tmp_path / "r").codes() == ["SC085"]


def test_images_next_to_the_references_are_not_missing_predictions(tmp_path: Path, segconv: Command) -> None:
    for case in ("p1", "p2"):
        for name in ("seg", "flair"):
            array = organs() if name == "seg" else np.arange(224, dtype=np.int16).reshape(4, 8, 7) - 100
            volume(tmp_path / "r" / case / f"{name}.nii.gz", array)
    volume(tmp_path / "p" / "p1" / "seg.nii.gz", organs())
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r")
    assert [line.split(": ")[1] for line in done.err.splitlines() if line.startswith("Error")] == [
        str(tmp_path / "r" / "p2" / "seg.nii.gz")
    ]
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r", "--missing", "zero")
    assert done.out.splitlines()[-1] == "mean\t0.5000\t2"
    assert "flair.nii.gz and 1 more" in done.err


# What values mean


def test_another_number_for_the_same_class_is_refused_with_both(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1), square(1, at=3))
    pictures(tmp_path / "p", square(255), square(255, at=4))
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "r"]
    done = segconv(*words)
    assert (done.code, done.codes(), done.out) == (65, ["SC078"], "")
    assert "predictions hold 0, 255; references hold 0, 1" in done.err
    done = retried(segconv, words, done)
    assert done.out.splitlines()[1] == "1\t0.8750\t2"


def test_exchanged_numbers_are_refused_unless_they_are_declared(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1, 2), square(1, 2))
    pictures(tmp_path / "p", square(2, 1), square(2, 1))
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "r"]
    done = segconv(*words)
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "1 was predicted where references hold 2, 2 was predicted where references hold 1" in done.err
    done = retried(segconv, words, done)
    assert done.out.splitlines()[-1] == "mean\t0.0000\t2"
    assert "Warning SC078" in done.err


def test_a_class_that_was_never_predicted_scores_0(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1, 2), square(1), square(3))
    pictures(tmp_path / "p", square(1), square(1), square(3))
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r")
    assert done.out.splitlines() == [
        "class\tDice\tcases",
        "1\t1.0000\t2",
        "2\t0.0000\t1",
        "3\t1.0000\t1",
        "mean\t0.6667\t3",
    ]
    assert "Warning SC076" in done.err
    assert "the column cases counts the cases in which a class is in the reference or in the prediction" in done.err
    pictures(tmp_path / "nothing", square(0), square(0), square(0))
    assert segconv("evaluate", tmp_path / "nothing", tmp_path / "r", "--json").json["mean"] == 0


@pytest.mark.parametrize(("predicted", "wanted"), [((1, 1, 1), (1, 2, 3)), ((1, 2, 3), (1, 1, 1))])
def test_several_values_against_few_are_refused(
    predicted: tuple[int, ...], wanted: tuple[int, ...], tmp_path: Path, segconv: Command
) -> None:
    pictures(tmp_path / "p", square(*predicted))
    pictures(tmp_path / "r", square(*wanted))
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "r"]
    done = segconv(*words)
    assert (done.code, done.codes(), done.out) == (65, ["SC078"], "")
    assert "predictions hold" in done.err
    done = retried(segconv, words, done)
    assert [line.split("\t")[0] for line in done.out.splitlines()[1:-1]] == ["class_1", "class_2", "class_3"]


def test_colours_are_compared_with_colours_and_with_palettes_of_them(tmp_path: Path, segconv: Command) -> None:
    masks = [square(1, 2), square(2)]
    pictures(tmp_path / "rgb", *map(coloured, masks), np.zeros((12, 24, 3), np.uint8))
    pictures(tmp_path / "index", *masks, square())
    for folder, palette in (("palette", [0, 1, 2]), ("turned", [0, 2, 1])):
        (tmp_path / folder).mkdir()
        for number, mask in enumerate([*masks, square()]):
            picture = Image.fromarray(np.array([palette.index(v) for v in range(3)], np.uint8)[mask], mode="P")
            picture.putpalette([part for value in palette for part in COLOURS[value]])
            picture.save(tmp_path / folder / f"c{number}.png")
    for mine, its in (("rgb", "rgb"), ("rgb", "palette"), ("palette", "rgb"), ("turned", "palette"), ("turned", "rgb")):
        done = segconv("evaluate", tmp_path / mine, tmp_path / its, "--json")
        assert done.json["classes"] == {"#0080ff": 1, "#ff0000": 1}, (mine, its)
    done = segconv("evaluate", tmp_path / "palette", tmp_path / "index", "--json")
    assert done.json["classes"] == {"1": 1, "2": 1}, "a palette counts by its indices, as in convert"
    words: list[object] = ["evaluate", tmp_path / "rgb", tmp_path / "index"]
    done = segconv(*words)
    assert (done.code, done.codes(), done.out) == (65, ["SC078"], "")
    assert "predictions hold the colours #000000, #0080ff, #ff0000; references hold 0, 1, 2" in done.err
    assert retried(segconv, words, done).out.splitlines()[-1] == "mean\t1.0000\t3"
    labels = "background=#000000,a=#ff0000,b=#0080ff"
    done = segconv("evaluate", tmp_path / "turned", tmp_path / "rgb", "--labels", labels, "--json")
    assert done.json["classes"] == {"a": 1, "b": 1}
    done = segconv(*words, "--map", "#ff0000=1", "--map", "#0080ff=2", "--json")
    assert done.json["classes"] == {"1": 1, "2": 1}


def test_declared_labels_name_the_classes_and_allow_nothing_else(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1, 2), square(1))
    pictures(tmp_path / "p", square(1, 3), square(1))
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "r", "--labels"]
    done = segconv(*words, "background=0,liver=1,spleen=2")
    assert (done.code, done.codes()) == (65, ["SC070"])
    assert "--labels declares liver 1, spleen 2, but not 3" in done.err
    done = segconv(*words, "background=0,liver=1,spleen=2", "--map", "3=spleen", "--json")
    assert done.json["classes"] == {"liver": 1, "spleen": 1}
    assert done.json["labels"] == {"liver": ["1"], "spleen": ["2", "3"]}
    assert segconv(*words, "liver=1,spleen=2,tumour=3", "--json").json["classes"] == {
        "liver": 1,
        "spleen": 0,
        "tumour": 0,
    }
    done = segconv(*words, "background=0,liver=1,spleen=3,ignore=2", "--json")
    assert done.json["cases"]["c0"] == {"liver": 1, "spleen": None}, "what is to be ignored counts for nothing"
    assert segconv(*words, "liver=1,spleen=2", "--map", "3=x").code == 2
    assert segconv(*words, "liver=1", "--like", "5").code == 2
    (tmp_path / "p" / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "a": 1, "b": 2, "c": 3}}))
    assert segconv(*words[:-1], "--json").json["cases"]["c0"] == {"a": 1, "b": 0, "c": 0}
    (tmp_path / "r" / "dataset.json").write_text(
        json.dumps({"labels": {"0": "background", "1": "b", "2": "a", "3": "c"}})
    )
    done = segconv(*words[:-1])
    assert (done.code, done.codes()) == (65, ["SC078"])
    assert "declares a 1, b 2, c 3, but" in done.err


def test_colour_pictures_and_jpeg_are_not_labels(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1))
    pictures(tmp_path / "p", np.random.default_rng(0).integers(0, 255, (12, 24, 3), np.uint8))
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r")
    assert (done.code, done.out) == (65, "")
    Image.fromarray(square(255)).save(tmp_path / "c0.jpg")
    (tmp_path / "j").mkdir()
    (tmp_path / "c0.jpg").rename(tmp_path / "j" / "c0.jpg")
    assert segconv("evaluate", tmp_path / "j", tmp_path / "r").codes() == ["SC078"]


# Datasets


def test_a_dataset_is_its_own_reference_by_id_name_and_path(tmp_path: Path, segconv: Command) -> None:
    source = png_shapes(tmp_path / "s", size=(32, 24), cases=3)
    assert segconv("convert", source, "--to", "7_Shapes", "--labels", "background=0,disc=128,ring=255").code == 0
    made = segconv.raw / "Dataset007_Shapes"
    tests = sorted(path.name for path in (made / "labelsTs").iterdir())
    for where in ("7", "7_Shapes", "Dataset007_Shapes", made, made / "labelsTs"):
        done = segconv("evaluate", made / "labelsTs", where, "--json")
        assert done.json["classes"] == {"disc": 1, "ring": 1}, where
    assert segconv("evaluate", made / "labelsTr", "7", "--json").json["mean"] == 1
    (tmp_path / "p").mkdir()
    for path in [*(made / "labelsTr").iterdir(), *(made / "labelsTs").iterdir()]:
        shutil.copy(path, tmp_path / "p")
    assert segconv("evaluate", tmp_path / "p", "7").codes() == ["SC003"]
    # The model's values, the user's, and which of them goes with what.
    words: list[object] = ["evaluate", made / "labelsTs", source / "testing" / "output"]
    assert segconv(*words, "--like", "7").codes() == ["SC078"]
    hint = hints(segconv(*words, "--like", "7"))[0]
    command = re.match(r"segconv (restore \S+ --like \S+ -o) OUT", hint)
    assert command, hint
    assert segconv(*command[1].split(), tmp_path / "mine").code == 0
    done = segconv("evaluate", tmp_path / "mine", source / "testing" / "output", "--json")
    assert done.json["classes"] == {"disc": 1, "ring": 1}
    assert done.json["labels"] == {"disc": ["128"], "ring": ["255"]}
    assert sorted(f"{case}.png" for case in done.json["cases"]) == tests
    done = segconv("evaluate", tmp_path / "mine", "7")
    assert (done.code, done.codes()) == (65, ["SC078"])
    shutil.rmtree(made)
    assert segconv("evaluate", tmp_path / "mine", source / "testing" / "output", "--json").json["classes"] == {
        "128": 1, "255": 1,
    }  # fmt: skip


def test_values_of_dataset_or_user_are_distinguished_by_their_place(tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        write_png(tmp_path / "s" / "images" / f"c{number}.png", square(90, 120, 150))
        write_png(tmp_path / "s" / "masks" / f"c{number}.png", square(2, 3))
    assert segconv("convert", tmp_path / "s", "--to", "7_A", "--labels", "background=0,a=2,b=3").code == 0
    for path in (segconv.raw / "Dataset007_A" / "labelsTr").iterdir():
        mask = np.asarray(Image.open(path))
        write_png(tmp_path / "p" / path.name, mask * (mask == 2))  # of b only, which is 2 in the dataset
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "s" / "masks", "--like", "7"]
    done = segconv(*words)
    assert (done.code, done.codes()) == (65, ["SC078"])
    command = re.match(r"segconv (restore \S+ --like \S+ -o) OUT, if nnU-Net wrote", hints(done)[0])
    assert command, done.err
    assert segconv(*command[1].split(), tmp_path / "mine").code == 0
    done = segconv("evaluate", tmp_path / "mine", tmp_path / "s" / "masks", "--json")
    assert done.json["classes"] == {"a": 0, "b": 1}


def test_regions_and_the_ignore_label_of_a_dataset_are_scored_as_nnunet_does(tmp_path: Path, segconv: Command) -> None:
    assert segconv("convert", msd_ct(tmp_path / "s", size=(12, 10, 6), cases=2), "--to", "7").code == 0
    (made,) = segconv.raw.glob("Dataset007*")
    names = [n for n, v in json.loads((made / "dataset.json").read_text())["labels"].items() if v in (1, 2)]
    assert segconv("labels", "regions", "7", f"both={'+'.join(names)}", *(f"{n}={n}" for n in names)).code == 0
    done = segconv("evaluate", made / "labelsTr", "7", "--json")
    assert set(done.json["classes"].values()) == {1}
    assert done.json["labels"]["both"] == ["1", "2"]
    found = json.loads((made / "dataset.json").read_text())
    found["labels"] = {"background": 0, "one": 1, "two": 2, "ignore": 3}
    del found["regions_class_order"]
    (made / "dataset.json").write_text(json.dumps(found))
    shutil.copytree(made / "labelsTr", tmp_path / "p")
    for path in (tmp_path / "p").iterdir():
        image = sitk.ReadImage(str(path))
        wrong = sitk.GetArrayFromImage(image)
        wrong[wrong == 3] = 1
        made_wrong = sitk.GetImageFromArray(wrong)
        made_wrong.CopyInformation(image)
        sitk.WriteImage(made_wrong, str(path))
    assert segconv("evaluate", tmp_path / "p", "7", "--json").json["classes"] == {"one": 1, "two": 1}


# Layouts


def classes_of(folder: Path, case: str, within: str = "", **masks: np.ndarray) -> None:
    for name, mask in masks.items():
        volume(folder / case / within / f"{name}.nii.gz", mask.astype(np.uint8))


def test_masks_of_a_class_each_are_rows_of_their_names(tmp_path: Path, segconv: Command) -> None:
    label = organs()
    for case in ("p1", "p2"):
        volume(tmp_path / "r" / case / "ct.nii.gz", np.arange(224, dtype=np.int16).reshape(label.shape) - 500)
        classes_of(tmp_path / "r", case, "segmentations", liver=label == 1, spleen=label == 2)
        classes_of(tmp_path / "p", case, liver=(label == 1) * 255, spleen=np.zeros_like(label), stomach=label == 2)
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "r"]
    done = segconv(*words)
    assert done.code == 0, done.err
    assert done.out.splitlines()[1:] == ["liver\t1.0000\t2", "spleen\t0.0000\t2", "mean\t0.5000\t2"]
    assert "every folder has liver, spleen, stomach: taken for masks of one class each" in done.err
    assert "not scored, as no reference has masks of them: stomach" in done.err
    (tmp_path / "p" / "p2" / "spleen.nii.gz").unlink()
    shutil.rmtree(tmp_path / "p" / "p1")
    words += ["--layout", "classes"]
    done = segconv(*words)
    assert (done.code, done.codes()) == (66, ["SC013", "SC013"])
    assert "p2: lacks spleen, of which there is a reference" in done.err
    done = segconv(*words, "--missing", "zero", "--json")
    assert done.json["cases"] == {"p1": {"liver": 0, "spleen": 0}, "p2": {"liver": 1, "spleen": 0}}


def test_segments_are_compared_by_name_in_any_box_and_form(tmp_path: Path, segconv: Command) -> None:
    label = organs()
    label[0] = 0
    names = {"liver": 1, "spleen": 2}
    segments = [Segment(name, name, value, 0, (1, 0, 0)) for name, value in names.items()]
    for case in ("p1", "p2"):
        image = volume(tmp_path / "map" / f"{case}.nii.gz", label)
        grid = Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
        part = replace(grid, size=(7, 7, 3), origin_mm=tuple(map(float, grid.to_physical((0, 1, 1)))))
        empty = (np.zeros((1, 1, 1, 1), np.uint8), Geometry.plain((1, 1, 1)))
        for folder, layers, where in (("box", label[None, 1:, 1:, :], part), ("empty", *empty)):
            (tmp_path / folder).mkdir(exist_ok=True)
            encoded = segmentation.encode(segments, np.ascontiguousarray(layers), where)
            (tmp_path / folder / f"{case}.nrrd").write_bytes(encoded)
        classes_of(tmp_path / "folders", case, **{name: label == value for name, value in names.items()})
    for mine, its in (("box", "folders"), ("folders", "box"), ("box", "box")):
        done = segconv("evaluate", tmp_path / mine, tmp_path / its, "--json")
        assert done.json["classes"] == {"liver": 1, "spleen": 1}, (mine, its)
    assert segconv("evaluate", tmp_path / "empty", tmp_path / "box", "--json").json["mean"] == 0
    for mine, its in (("map", "box"), ("map", "folders"), ("folders", "map")):
        done = segconv("evaluate", tmp_path / mine, tmp_path / its)
        assert (done.code, done.codes()) == (65, ["SC078"]), (mine, its)
        assert "masks of liver, spleen" in done.err


def test_masks_may_be_in_one_folder_per_class(tmp_path: Path, segconv: Command) -> None:
    for case in ("c1", "c2"):
        for number, name in enumerate(("ex", "he"), 1):
            mask = ((square(1, 2) == number) * 255).astype(np.uint8)
            write_png(tmp_path / "r" / "masks" / name.upper() / f"{case}_{name}.png", mask)
            write_png(tmp_path / "p" / case / f"{name}.png", mask)
            write_png(tmp_path / "q" / name.upper() / f"{case}.png", mask)
        write_png(tmp_path / "r" / "images" / f"{case}.png", np.arange(288, dtype=np.uint16).reshape(12, 24))
    for words in (("p", "r/masks"), ("p", "r"), ("q", "r/masks", "--layout", "class-folders")):
        done = segconv("evaluate", tmp_path / words[0], tmp_path / words[1], *words[2:], "--json")
        assert done.code == 0, done.out
        assert done.json["cases"].keys() == {"c1", "c2"} or words[1] == "r"
        assert {name.lower(): dice for name, dice in done.json["classes"].items()} == {"ex": 1, "he": 1}, words


def test_a_class_without_a_reference_mask_is_absent_only_on_request(tmp_path: Path, segconv: Command) -> None:
    label = organs()
    for case in ("p1", "p2"):
        classes_of(tmp_path / "p", case, liver=label == 1, spleen=label == 2)
        classes_of(tmp_path / "r", case, liver=label == 1, spleen=label == 2)
    (tmp_path / "r" / "p2" / "spleen.nii.gz").unlink()
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "r"]
    done = segconv(*words)
    assert (done.code, done.codes()) == (65, ["SC080"])
    assert "has no mask of spleen" in done.err
    done = segconv(*words, "--missing-masks", "empty", "--json")
    assert done.json["cases"]["p2"] == {"liver": 1, "spleen": 0}


def test_slices_are_cases_unless_they_are_said_to_be_volumes(tmp_path: Path, segconv: Command) -> None:
    for z, plane in enumerate(organs()):
        write_png(tmp_path / "r" / "c1" / f"z{z}.png", plane)
        write_png(tmp_path / "p" / "c1" / f"z{z}.png", plane * (z != 2))
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r", "--json")
    assert len(done.json["cases"]) == 4
    done = segconv("evaluate", tmp_path / "p", tmp_path / "r", "--layout", "slices", "--json")
    assert list(done.json["cases"]) == ["c1"]
    assert done.json["voxels"]["c1"]["2"] == [12, 12, 16]


def test_series_of_dicom_are_references(tmp_path: Path, segconv: Command) -> None:
    from ...image.formats.test_dicom import by_simpleitk, write_series

    (tmp_path / "r" / "p1").mkdir(parents=True)
    write_series(tmp_path / "r" / "p1" / "mask", organs().astype(np.int16) + 1024)  # which is stored in place of 0
    image = by_simpleitk(tmp_path / "r" / "p1" / "mask")
    (tmp_path / "p" / "p1").mkdir(parents=True)
    sitk.WriteImage(sitk.Flip(image, [False, False, True]), str(tmp_path / "p" / "p1" / "mask.nii.gz"))
    assert segconv("evaluate", tmp_path / "p", tmp_path / "r", "--json").json["mean"] == 1


# What is printed


def test_classes_are_rows_and_cases_on_request(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1, 2), square(1))
    pictures(tmp_path / "p", square(1, 2), square(1, at=2))
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "r"]
    assert segconv(*words).out == "class\tDice\tcases\n1\t0.7500\t2\n2\t1.0000\t1\nmean\t0.8750\t2\n"
    done = segconv(*words, "-v")
    assert done.out.startswith("case\tclass\tDice\nc0\t1\t1.0000\nc0\t2\t1.0000\nc1\t1\t0.5000\nc1\t2\tnan\n\nclass\t")


def test_a_table_of_every_case_is_written(tmp_path: Path, segconv: Command) -> None:
    pictures(tmp_path / "r", square(1, 2), square(1))
    pictures(tmp_path / "p", square(1, 2), square(1, at=2))
    table = tmp_path / "out" / "scores.csv"
    words: list[object] = ["evaluate", tmp_path / "p", tmp_path / "r", "--csv", table]
    assert segconv(*words).code == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["case"], r["class"], r["dice"], r["shared_voxels"]) for r in rows] == [
        ("c0", "1", "1.000000", "16"), ("c0", "2", "1.000000", "16"), ("c1", "1", "0.500000", "8"), ("c1", "2", "", "0"),
    ]  # fmt: skip
    assert segconv(*words).codes() == ["SC020"]
    assert segconv(*words, "--overwrite").code == 0
    table.write_text("mine")
    assert segconv(*words, "--overwrite").codes() == ["SC020"]
    assert table.read_text() == "mine"


def test_the_library_scores_as_the_command_does(tmp_path: Path) -> None:
    pictures(tmp_path / "r", square(1, 2), square(1))
    found: Any = evaluate_folders(pictures(tmp_path / "p", square(1, 2), square(1, at=2)), tmp_path / "r")
    assert found.classes == {"1": 0.75, "2": 1.0}
    assert found.counted == {"1": 2, "2": 1}
    assert found.mean == 0.875
    named = evaluate_folders(tmp_path / "p", tmp_path / "r", labels={"background": 0, "disc": 1, "ring": 2})
    assert named.classes == {"disc": 0.75, "ring": 1.0}


@pytest.mark.train
def test_scores_of_a_dataset_are_those_of_nnunets_summary_to_the_last_bit(tmp_path: Path, segconv: Command) -> None:
    from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    random = np.random.default_rng(0)
    made = segconv.raw / "Dataset007_A"
    for case in "abcdefghijk":
        for folder in (tmp_path / "p", made / "labelsTr"):
            values = [0, 1, 2, 3, 5] if case < "g" or folder.name == "p" else [0, 1]
            volume(folder / f"{case}.nii.gz", random.choice(values, (3, 8, 7)).astype(np.uint8))
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "rim": 3, "never": 4, "ignore": 5}
    found = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 11, "file_ending": ".nii.gz"}
    (made / "dataset.json").write_text(json.dumps({**found, "regions_class_order": [1, 2, 3, 4]}))

    keys = {"whole": (1, 2, 3), "core": (2, 3), "rim": 3, "never": 4}
    folders = (str(made / "labelsTr"), str(tmp_path / "p"), str(tmp_path / "summary.json"))
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):  # of a class that never occurs
        compute_metrics_on_folder(*folders, SimpleITKIO(), ".nii.gz", list(keys.values()), 5, 1)
    wanted = json.loads((tmp_path / "summary.json").read_text())
    mine = segconv("evaluate", tmp_path / "p", "7", "--json").json

    def its(metrics: Any) -> dict[str, float | None]:
        dice = {name: metrics[str(key)]["Dice"] for name, key in keys.items()}
        return {name: None if math.isnan(value) else value for name, value in dice.items()}

    assert mine["cases"] == {
        Path(of["reference_file"]).name[:1]: its(of["metrics"]) for of in wanted["metric_per_case"]
    }
    assert mine["classes"] == its(wanted["mean"])
    assert math.isnan(wanted["foreground_mean"]["Dice"]), "which is why segconv's mean leaves out what never occurs"
    assert mine["mean"] == np.mean([value for value in mine["classes"].values() if value is not None])
