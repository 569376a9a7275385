"""Folds of a source are kept if they are complete and do not leak; otherwise new ones are made and reported."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fixtures.make_fixtures import write_nifti
from segconv.dataset.phantoms import ct

from ...command import Command, Done

CASES = [f"c{number}" for number in range(6)]
PAIRS = [CASES[:2], CASES[2:4], CASES[4:]]
GOOD = [{"train": [c for c in CASES if c not in val], "val": val} for val in PAIRS]
TOLD = "Warning SC095: splits_final."


@pytest.fixture
def dataset(segconv: Command) -> Path:
    """A dataset of nnU-Net v2 that segconv did not make."""
    root = segconv.raw / "Dataset042_S"
    images(root)
    described = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "organ": 1, "vessel": 2, "cyst": 3}}
    (root / "dataset.json").write_text(json.dumps({**described, "numTraining": 6, "file_ending": ".nii.gz"}))
    return root


def images(root: Path) -> None:
    for number, case in enumerate(CASES):
        phantom = ct(number, size=(16, 14, 8))
        write_nifti(root / f"imagesTr/{case}_0000.nii.gz", [phantom.images[0]])
        write_nifti(root / f"labelsTr/{case}.nii.gz", [phantom.label])


def v1_task(root: Path) -> Path:
    images(root)
    listed = [{"image": f"./imagesTr/{c}.nii.gz", "label": f"./labelsTr/{c}.nii.gz"} for c in CASES]
    labels = {"0": "background", "1": "organ", "2": "vessel", "3": "cyst"}
    described = {"name": "S", "modality": {"0": "CT"}, "labels": labels, "numTraining": 6, "training": listed}
    (root / "dataset.json").write_text(json.dumps({**described, "numTest": 0, "test": []}))
    (root / "splits_final.pkl").write_bytes(pickle.dumps([{p: np.array(f[p]) for p in f} for f in GOOD]))
    return root


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def folds_made(segconv: Command, done: Done, code: int = 0) -> Any:
    """The folds of dataset 43, in which `check` finds nothing wrong."""
    assert done.code == code, done.err
    checked = segconv("check", "43", "--json").json
    assert not [found for found in checked["findings"] if found["code"] in ("SC095", "SC099")]
    return json.loads(next(segconv.raw.glob("Dataset043_*/splits_final.json")).read_text())


@pytest.mark.parametrize("command", ["convert", "repair"])
def test_complete_folds_are_kept(dataset: Path, segconv: Command, command: str) -> None:
    (dataset / "splits_final.json").write_text(json.dumps(GOOD))
    done = segconv(command, dataset, "--to", "43_B")
    assert folds_made(segconv, done) == GOOD
    assert "SC095" not in done.err


@pytest.mark.parametrize(
    ("content", "wording"),
    [
        ({}, "is not a list of folds"),
        ([], "is not a list of folds"),
        ("cut", "is no JSON"),
        ([{"train": CASES}], "is not a list of folds"),
        ([{"train": CASES[:3], "val": [3]}], "is not a list of folds"),
        ([{"train": CASES[:3], "val": ["zz"]}], "names 1 unknown case, the first is zz"),
        ([{"train": CASES, "val": CASES}], "fold 0: 6 of 6 validation cases have"),
        ([*GOOD, {"train": CASES, "val": []}], "fold 3 has no case in val"),
        ([{"train": [], "val": CASES}], "fold 0 has no case in train"),
        ("folder", "is no file"),
        ("dangling", "is a link to nowhere"),
    ],
)
def test_folds_that_cannot_be_used_are_replaced_with_a_warning_that_says_why(
    dataset: Path, segconv: Command, content: Any, wording: str
) -> None:
    path = dataset / "splits_final.json"
    if content == "folder":
        path.mkdir()
    elif content == "dangling":
        path.symlink_to("gone.json")
    else:
        path.write_text(json.dumps(GOOD)[:-5] if content == "cut" else json.dumps(content))
    done = segconv("repair", "42", "--to", "43_B")
    assert len(folds_made(segconv, done)) == 5
    code = "SC099" if "unknown case" in wording or "not a list" in wording else "SC095"
    assert f"Warning {code}: splits_final.json: {wording}" in done.err
    assert "new folds were made instead" in done.err


def test_equal_images_are_on_one_side_though_the_folds_of_the_source_had_them_on_two(
    dataset: Path, segconv: Command
) -> None:
    (dataset / "splits_final.json").write_text(json.dumps(GOOD))
    shutil.copy(dataset / "imagesTr/c0_0000.nii.gz", dataset / "imagesTr/c5_0000.nii.gz")
    done = segconv("convert", dataset, "--to", "43_B")
    for fold in folds_made(segconv, done):
        assert len({"c0", "c5"} & set(fold["val"])) in (0, 2)
        assert len({"c0", "c5"} & set(fold["train"])) in (0, 2)
    assert f"{TOLD}json: fold 0: " in done.err


@pytest.mark.parametrize("kind", ["v2", "v1"])
def test_cases_that_are_left_out_leave_the_folds(dataset: Path, segconv: Command, tmp_path: Path, kind: str) -> None:
    (dataset / "splits_final.json").write_text(json.dumps(GOOD))
    source = dataset if kind == "v2" else v1_task(tmp_path / "Task042_S")
    cut(source / "imagesTr/c0_0000.nii.gz")
    done = segconv("convert", source, "--to", "43_B", "--keep-going")
    expected = [{part: [case for case in fold[part] if case != "c0"] for part in fold} for fold in GOOD]
    assert folds_made(segconv, done, code=1) == expected
    assert TOLD not in done.err


@pytest.mark.parametrize("kind", ["v2", "v1"])
def test_folds_that_lose_a_side_with_omitted_cases_are_made_again(
    dataset: Path, segconv: Command, tmp_path: Path, kind: str
) -> None:
    (dataset / "splits_final.json").write_text(json.dumps(GOOD))
    source = dataset if kind == "v2" else v1_task(tmp_path / "Task042_S")
    for case in ("c2", "c3"):
        cut(source / f"imagesTr/{case}_0000.nii.gz")
    done = segconv("convert", source, "--to", "43_B", "--keep-going")
    folds = folds_made(segconv, done, code=1)
    assert sorted(case for fold in folds for case in fold["val"]) == ["c0", "c1", "c4", "c5"]
    ending = "json" if kind == "v2" else "pkl"
    assert f"{TOLD}{ending}: fold 1 has no case in val; new folds were made instead" in done.err


@pytest.mark.parametrize("what", ["folder", "dangling"])
def test_folds_of_v1_that_are_not_a_file_are_reported(segconv: Command, tmp_path: Path, what: str) -> None:
    source = v1_task(tmp_path / "Task042_S")
    path = source / "splits_final.pkl"
    path.unlink()
    if what == "folder":
        path.mkdir()
    else:
        path.symlink_to("gone")
    done = segconv("convert", source, "--to", "43_B")
    assert len(folds_made(segconv, done)) == 5
    assert f"{TOLD}pkl: is " in done.err
