"""Patterns and lists keep training and test folders separate, as automatic detection does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ...command import Command, Done
from ..drawn import labels, pair, picture, records, save


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "src"
    for number, split in enumerate(("train", "train", "val", "test")):
        pair(root, f"{split}/pics/a{number}.png", f"{split}/gold/a{number}.png", number)
    return root


def splits(segconv: Command, done: Done) -> dict[str, str]:
    assert done.code == 0, done.err
    return {name: record["split"] for name, record in records(segconv.raw / "Dataset005_A").items()}


EXPECTED = ["train", "train", "train", "test"]


def test_patterns_keep_test_cases_apart(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "5_A", "--images", "*/pics/{case}.png", "--masks", "*/gold/{case}.png")
    assert splits(segconv, done) == dict(zip(("a0", "a1", "a2", "a3"), EXPECTED, strict=True))
    assert "note: 1 case in folders for testing became test cases" in done.err
    assert "note: 1 case in folders for validation join the training cases" in done.err


def test_test_images_need_no_mask_with_patterns(source: Path, segconv: Command) -> None:
    (source / "test/gold/a3.png").unlink()
    done = segconv("convert", source, "--to", "5_A", "--images", "*/pics/{case}.png", "--masks", "*/gold/{case}.png")
    assert splits(segconv, done)["a3"] == "test"


def test_test_folders_become_training_if_only_they_are_asked_for(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "5_A", "--images", "test/pics/*.png", "--masks", "test/gold/*.png")
    assert splits(segconv, done) == {"a3": "train"}
    assert "note: all cases are in folders for testing; they become training cases" in done.err


def test_an_image_and_a_label_of_different_splits_are_refused(source: Path, segconv: Command) -> None:
    save(source / "test/gold/a0.png", labels(0) * np.uint8(255))
    (source / "train/gold/a0.png").unlink()
    done = segconv("convert", source, "--to", "5_A", "--images", "*/pics/{case}.png", "--masks", "*/gold/{case}.png")
    assert (done.code, done.codes()) == (65, ["SC087"])
    assert "test/gold: of the case 'a0' is for testing, and train/pics for training" in done.err


def rows(column: list[str] | None = None) -> list[str]:
    found = [f"{s}/pics/a{n}.png,{s}/gold/a{n}.png" for n, s in enumerate(("train", "train", "val", "test"))]
    return found if column is None else [f"{row},{cell}" for row, cell in zip(found, column, strict=True)]


@pytest.mark.parametrize(
    ("header", "column", "expected"),
    [
        ("image,label", None, EXPECTED),
        ("image,label,split", ["", "", "", ""], EXPECTED),
        ("image,label,split", ["test", "train", "val", "train"], ["test", "train", "train", "train"]),
        ("image,label,split", ["", "test", "", ""], ["train", "test", "train", "test"]),
    ],
)
def test_lists_say_the_split_or_their_folders_do(
    header: str, column: list[str] | None, expected: list[str], source: Path, segconv: Command
) -> None:
    (source / "list.csv").write_text("\n".join([header, *rows(column)]))
    done = segconv("convert", source, "--to", "5_A", "--pairs", source / "list.csv")
    assert splits(segconv, done) == dict(zip(("a0", "a1", "a2", "a3"), expected, strict=True))


def test_folders_above_a_list_of_files_elsewhere_say_nothing(tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        pair(tmp_path / "test/deep", f"x/a{number}.png", f"y/a{number}.png", number)
    (tmp_path / "src").mkdir()
    lines = [f"{tmp_path}/test/deep/x/a{n}.png,{tmp_path}/test/deep/y/a{n}.png" for n in range(2)]
    (tmp_path / "list.csv").write_text("\n".join(["image,label", *lines]))
    done = segconv("convert", tmp_path / "src", "--to", "5_A", "--pairs", tmp_path / "list.csv")
    assert splits(segconv, done) == {"a0": "train", "a1": "train"}
    assert "testing" not in done.err


def test_lists_of_a_json_keep_their_split(source: Path, segconv: Command) -> None:
    save(source / "more/b.png", picture(9))
    listed = {
        "training": [{"image": "test/pics/a3.png", "label": "test/gold/a3.png"}],
        "validation": [{"image": "train/pics/a1.png", "label": "train/gold/a1.png"}],
        "test": ["more/b.png"],
    }
    (source / "list.json").write_text(json.dumps(listed))
    done = segconv("convert", source, "--to", "5_A", "--pairs", source / "list.json")
    assert splits(segconv, done) == {"a3": "train", "a1": "train", "b": "test"}


def test_columns_that_mean_nothing_are_named_and_two_labels_refused(source: Path, segconv: Command) -> None:
    (source / "list.csv").write_text("\n".join(["image,label,subset", *rows(["1"] * 4)]))
    done = segconv("convert", source, "--to", "5_A", "--pairs", source / "list.csv", "--dry-run")
    assert "Warning SC087: list.csv: has the column 'subset', which means nothing" in done.err
    (source / "list.csv").write_text("\n".join(["image,label,mask", *rows(["x.png"] * 4)]))
    done = segconv("convert", source, "--to", "5_A", "--pairs", source / "list.csv", "--dry-run")
    assert (done.code, "has the columns label and mask, which are labels" in done.err) == (65, True)


def test_an_unknown_split_is_refused(source: Path, segconv: Command) -> None:
    (source / "list.csv").write_text("\n".join(["image,label,split", *rows(["train", "train", "odd", ""])]))
    done = segconv("convert", source, "--to", "5_A", "--pairs", source / "list.csv")
    assert (done.code, "entry 3: split is 'odd', expected train, val or test" in done.err) == (65, True)
