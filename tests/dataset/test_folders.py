"""Files of nnU-Net's folders are recognised by name: case, channel, and others."""

from __future__ import annotations

import pytest

from segconv.dataset.folders import (
    NIFTI,
    CaseFiles,
    ChannelFiles,
    channel_of,
    ending_pattern,
    is_stray,
    misnumbered,
)


def test_images_are_sorted_by_case_and_channel() -> None:
    found = ChannelFiles.of(["a_0001.nii.gz", "a_0000.nii.gz", "b_c_0000.nii", "notes.txt"], NIFTI)
    assert found == ChannelFiles(
        {"a": {1: "a_0001.nii.gz", 0: "a_0000.nii.gz"}, "b_c": {0: "b_c_0000.nii"}},
    )


def test_images_without_a_channel_and_second_files_of_one_are_named() -> None:
    found = ChannelFiles.of(["a.nii.gz", "b_0000.nii", "b_0000.nii.gz"], NIFTI)
    assert (found.unnumbered, found.twins) == (["a.nii.gz"], ["b_0000.nii.gz"])


def test_labels_are_sorted_by_case_and_second_ones_name_the_first() -> None:
    found = CaseFiles.of(["a.nii", "a.nii.gz", "b.NII.GZ", "c.png"], NIFTI)
    assert found == CaseFiles({"a": "a.nii.gz", "b": "b.NII.GZ"}, {"a.nii.gz": "a.nii"})


def test_the_ending_of_a_dataset_is_the_same_to_the_letter() -> None:
    found = CaseFiles.of(["a.png", "b.PNG", "cXpng"], ending_pattern(".png"))
    assert list(found.cases) == ["a"]


@pytest.mark.parametrize(
    ("stem", "expected"),
    [("la_003_0000", ("la_003", 0)), ("a_0012", ("a", 12)), ("a", None), ("_0000", None), ("a_00001", None)],
)
def test_four_digits_at_the_end_are_the_channel(stem: str, expected: tuple[str, int] | None) -> None:
    assert channel_of(stem) == expected


@pytest.mark.parametrize(
    ("numbers", "count", "expected"),
    [
        ([0, 1], 0, ""),
        ([1, 0], 2, ""),
        ([0, 2], 0, "has the channels 0000, 0002, expected 0000 and on without a gap"),
        ([0], 2, "has the channels 0000, expected 0000 to 0001"),
    ],
)
def test_channels_count_from_0_without_a_gap(numbers: list[int], count: int, expected: str) -> None:
    assert misnumbered(dict.fromkeys(numbers, ""), count) == expected


@pytest.mark.parametrize("name", [".hidden", "._a.png", ".DS_Store", "Thumbs.db", "desktop.ini"])
def test_what_file_managers_leave_is_known(name: str) -> None:
    assert is_stray(name)
    assert not is_stray("a.png")
