"""Declared values: ranges in every kind of source of volumes, large numbers, long tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ...command import Command
from ..oracles import ct, description, voxels, write

CASES = 2
LUT = {0: "Unknown", 11101: "ctx_lh_A", 14175: "wm_rh_B"} | {20_000 + n: f"other_{n}" for n in range(300)}


def task(root: Path, kind: str, values: dict[int, int], labels: dict[str, int]) -> Path:
    """Write a task whose labels hold other values than the phantom's; both cases number the third class differently."""
    for number in range(CASES):
        label = ct(number).label
        channel = "" if kind == "msd" else "_0000"
        write(root / f"imagesTr/c{number}{channel}.nii.gz", ct(number).images[0])
        stored = np.zeros(label.array.shape, np.uint32)
        for own, value in values.items():
            stored[label.array == own] = value + (number if own == 3 else 0)
        write(root / f"labelsTr/c{number}.nii.gz", label, stored)
    listed = [{"image": f"./imagesTr/c{n}.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in range(CASES)]
    names = {"0": "CT"}
    wording = (
        {"channel_names": names, "labels": labels, "numTraining": CASES, "file_ending": ".nii.gz"}
        if kind == "nnunet-v2"
        else {"modality": names, "labels": {str(v): k for k, v in labels.items()}, "training": listed}
    )
    (root / "dataset.json").write_text(json.dumps(wording))
    return root


@pytest.mark.parametrize("kind", ["msd", "nnunet-v1", "nnunet-v2"])
def test_ranges_and_long_tables_are_read_next_to_a_json(kind: str, tmp_path: Path, segconv: Command) -> None:
    root = task(tmp_path / "s", kind, {1: 11101, 2: 14175, 3: 7}, {"background": 0, "a": 1, "b": 2})
    done = segconv("convert", root, "--to", "5_A", "--labels", "background=0,few=1-99,many=11000-")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    assert description(made)["labels"] == {"background": 0, "few": 1, "many": 2}
    for number in range(CASES):
        expected = np.array([0, 2, 2, 1])[ct(number).label.array]
        assert np.array_equal(voxels(made / f"labelsTr/c{number}.nii.gz"), expected)
    table = tmp_path / "lut.txt"
    table.write_text("".join(f"{value} {name} 1 2 3 0\n" for value, name in {**LUT, 7: "x", 8: "y"}.items()))
    done = segconv("convert", root, "--to", "6_B", "--labels", table)
    assert done.code == 0, done.err
    labels = description(segconv.raw / "Dataset006_B")["labels"]
    assert labels == {"background": 0, "x": 1, "y": 2, "ctx_lh_A": 3, "wm_rh_B": 4}, "those that occur"


@pytest.mark.parametrize("kind", ["msd", "nnunet-v1", "nnunet-v2"])
def test_values_of_any_size_that_a_json_declares_become_0_to_n_and_come_back(
    kind: str, tmp_path: Path, segconv: Command
) -> None:
    labels = {"background": 0, "a": 11101, "b": 14175, "c": 312_782_546, "d": 312_782_547}
    root = task(tmp_path / "s", kind, {1: 11101, 2: 14175, 3: 312_782_546}, labels)
    done = segconv("convert", root, "--to", "5_A")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A"
    assert description(made)["labels"] == {"background": 0, "a": 1, "b": 2, "c": 3, "d": 4}
    done = segconv("restore", made / "labelsTr", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for number in range(CASES):
        assert np.array_equal(voxels(tmp_path / f"back/c{number}.nii.gz"), voxels(root / f"labelsTr/c{number}.nii.gz"))


def test_a_declared_value_that_a_file_cannot_hold_does_not_matter(tmp_path: Path, segconv: Command) -> None:
    write(tmp_path / "s/images/c.nii.gz", ct(0).images[0])
    write(tmp_path / "s/labels/c.nii.gz", ct(0).label, ct(0).label.array.astype(np.uint8))
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--labels", "background=0,a=1,b=2,c=3,far=312782546")
    assert done.code == 0, done.err
    assert np.array_equal(voxels(segconv.raw / "Dataset005_A/labelsTr/c.nii.gz"), ct(0).label.array)


@pytest.mark.parametrize(("typed", "offered"), [("9=cyst", True), ("9=0", False), ("1=cyst", False)])
def test_a_value_mapped_to_no_label_can_be_declared_if_it_names_a_class(
    typed: str, *, offered: bool, tmp_path: Path, segconv: Command
) -> None:
    task(tmp_path / "t", "msd", {1: 1, 2: 2, 3: 3}, {"background": 0, "a": 1, "b": 2, "c": 3})
    done = segconv("convert", tmp_path / "t", "--to", "9", "--map", typed)
    assert done.code == 2
    assert ("--labels background=0,a=1,b=2,c=3,cyst=9" in done.err) is offered
    assert ("--labels" in done.err) is offered
