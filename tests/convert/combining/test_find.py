"""Which folders hold masks, which files hold all classes, and what their cases are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.convert.combining.find import find_cases
from segconv.errors import Refused, SegconvError


def tree(folder: Path, *files: str) -> Path:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names(source: Path) -> dict[str, list[str]]:
    root, cases, _ = find_cases(source, {"liver", "spleen"}.__contains__)
    return {case.case: [str(Path(file).relative_to(root)) for file in case.files] for case in cases}


def test_folders_of_masks_are_cases(tmp_path: Path) -> None:
    source = tree(
        tmp_path / "in", "s1/ct.nii.gz", "s1/segmentations/liver.nii.gz", "s1/segmentations/own.nii.gz",
        "s2/segmentations/spleen.nii", "s2/segmentations/preview_total.png", "._s2/liver.nii",
    )  # fmt: skip
    assert names(source) == {
        "s1": ["s1/segmentations/liver.nii.gz", "s1/segmentations/own.nii.gz"],
        "s2": ["s2/segmentations/spleen.nii"],
    }
    assert find_cases(source, {"liver", "spleen"}.__contains__)[2] == ["1 other file left alone: s1/ct.nii.gz"]
    assert list(names(source / "s1")) == ["s1"]
    assert list(names(source / "s1" / "segmentations")) == ["s1"]


def test_a_case_without_the_classes_that_are_asked_for_is_a_case(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "a/liver.nii", "a/own.nii", "a/ct.nii", "b/own.nii", "c/ct.nii")
    assert names(source) == {"a": ["a/liver.nii", "a/own.nii"], "b": ["b/own.nii"]}


def test_images_next_to_masks_are_no_masks(tmp_path: Path) -> None:
    assert names(tree(tmp_path / "case", "ct.nii.gz", "liver.nii.gz")) == {"case": ["liver.nii.gz"]}


def test_without_masks_each_file_is_a_case(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "a.nii.gz", "b.nrrd", "notes.txt", "ct.nii.gz")
    assert names(source) == {"a": ["a.nii.gz"], "b": ["b.nrrd"]}
    assert names(source / "a.nii.gz") == {"a": ["a.nii.gz"]}


def test_cases_are_named_by_as_much_of_their_path_as_is_needed(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "x/p1/liver.nii", "y/p1/liver.nii", "y/p2/liver.nii")
    assert list(names(source)) == ["x_p1", "y_p1", "y_p2"]
    assert list(names(tree(tmp_path / "other", "p1/total.nii", "p2/total.nii"))) == ["p1_total", "p2_total"]


def test_two_files_of_one_class_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        names(tree(tmp_path / "in", "liver.nii", "liver.nii.gz"))
    assert [finding.code for finding in refused.value.findings] == ["SC085"]


def test_a_link_that_leaves_the_source_is_refused(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "spleen.nii")
    (source / "liver.nii").symlink_to(tree(tmp_path / "out", "liver.nii") / "liver.nii")
    with pytest.raises(Refused) as refused:
        names(source)
    assert [finding.code for finding in refused.value.findings] == ["SC060"]


def test_a_source_without_cases_is_refused(tmp_path: Path) -> None:
    for source in (tree(tmp_path / "in", "notes.txt"), tmp_path / "absent"):
        with pytest.raises(SegconvError) as refused:
            names(source)
        assert {finding.code for finding in refused.value.findings} <= {"SC010", "SC011"}
