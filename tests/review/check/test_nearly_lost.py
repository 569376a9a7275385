"""Defects in datasets of other tools that conversion refuses or warns of, as far as they are still visible."""

from __future__ import annotations

import shutil

import pytest

from segconv.review.check.nearly_lost import Volumes

from ...command import Command
from ..datasets import CASES, volumes


@pytest.mark.parametrize(("left", "wording"), [(1, True), (3, False)])
def test_a_label_that_is_nearly_lost_in_one_case_is_named(left: int, wording: bool) -> None:
    volumes_of = Volumes()
    for number in range(CASES):
        volumes_of.add({0: 5000, 1: left if number == 3 else 2000 + number}, f"labelsTr/c{number}.nii.gz")
    found = volumes_of.findings({1: "liver"})
    assert [one.file for one in found] == (["labelsTr/c3.nii.gz"] if wording else [])
    assert all(
        "holds 1 voxel of 'liver', the 5 other cases that hold it have 2000 and more" in f.message for f in found
    )


@pytest.mark.parametrize(("voxels", "wording"), [(8, True), (9, False)])
def test_a_label_of_points_is_named(voxels: int, wording: bool) -> None:
    volumes_of = Volumes()
    for number in range(CASES):
        volumes_of.add({0: 100_000, 1: 1 + number, 2: voxels - number}, f"labelsTr/c{number}.nii.gz")
    found = volumes_of.findings({2: "point"})
    assert [one.message for one in found] == (
        ["the label 'point' has at most 8 voxels in any training case: next to nothing to learn"] if wording else []
    )


def test_classes_of_few_voxels_in_small_volumes_are_usual(segconv: Command) -> None:
    volumes(segconv.raw)
    assert "SC076" not in segconv("check", "7").err


@pytest.mark.parametrize("name", ["sub-02_ses-9", "sub-09_ses-1"])
def test_test_cases_of_patients_in_training_are_named(name: str, segconv: Command) -> None:
    root = volumes(segconv.raw)
    for number in range(CASES):
        new = f"sub-{number // 2:02d}_ses-{number % 2}"
        shutil.move(root / f"imagesTr/c{number}_0000.nii.gz", root / f"imagesTr/{new}_0000.nii.gz")
        shutil.move(root / f"labelsTr/c{number}.nii.gz", root / f"labelsTr/{new}.nii.gz")
    (test,) = (root / "imagesTs").iterdir()
    test.rename(root / f"imagesTs/{name}_0000.nii.gz")
    shared = name.startswith("sub-02")
    done = segconv("check", "7")
    assert ("is of the patient sub-02, of whom there are training cases" in done.err) is shared
    done = segconv("convert", root, "--to", "8_B")
    assert done.code == 0, done.err
    assert (f"Warning SC095: imagesTs/{name}_0000.nii.gz: is of the patient sub-02" in done.err) is shared
    done = segconv("check", "8")
    assert ("is of the patient sub-02, of whom there are training cases" in done.err) is shared, "as recorded"
