"""Case folders with one unexplained file: segconv asks what it is, with an option for each answer."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from segconv.image.geometry import Volume

from ...command import Command
from ..oracles import ct, description, voxels, write

CASES = 2


def source(root: Path, stray: str, *, mask: bool) -> Path:
    for number in range(CASES):
        phantom = ct(number)
        write(root / f"c{number}/ct.nii.gz", phantom.images[0])
        write(root / f"c{number}/label.nii.gz", phantom.label)
        other = (phantom.images[0].array > -900).astype(np.int16) if mask else phantom.images[0].array // 2
        write(root / f"c{number}/{stray}.nii.gz", Volume(other, phantom.label.geometry))
    return root


@pytest.mark.parametrize("mask", [False, True])
def test_a_file_too_many_in_every_case_is_named_and_each_answer_works(
    mask: bool, tmp_path: Path, segconv: Command
) -> None:
    root = source(tmp_path / "s", "dose", mask=mask)
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT")
    assert (done.code, done.codes()) == (2, ["SC003"])
    assert "holds ct.nii.gz, dose.nii.gz, label.nii.gz, and so does 1 folder more" in done.err
    assert "label.nii.gz is a label by name; what is dose.nii.gz?" in done.err
    (hint,) = (line for line in done.err.splitlines() if line.startswith("Hint: "))
    offered = [shlex.split(found) for found in re.findall(r"(--\S.+?) takes ", hint.removeprefix("Hint: "))]
    assert len(offered) == (3 if mask else 2)
    made = segconv.raw / "Dataset005_A"
    assert segconv("convert", root, "--to", "5_A", "--channels", "CT", *offered[0]).code == 0
    for number in range(CASES):
        assert np.array_equal(voxels(made / f"labelsTr/c{number}.nii.gz"), ct(number).label.array)
    done = segconv("convert", root, "--to", "6_B", *offered[-1])
    assert done.code == 0, done.err
    assert list(description(segconv.raw / "Dataset006_B")["channel_names"].values()) == ["ct", "dose"]


def test_one_finding_for_frames_and_for_a_file_too_many(tmp_path: Path, segconv: Command) -> None:
    """The count of channels is open as long as it is not known what is a channel."""
    root = source(tmp_path / "s", "dose", mask=True)
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT", "--from", "pairs")
    assert done.codes() == ["SC003"]
    root = source(tmp_path / "t", "dose", mask=False)
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT", "--from", "pairs")
    assert done.codes() == ["SC084"]
    assert "--channels ct,dose takes all files as channels" in done.err


@pytest.mark.parametrize("layout", ["{file}/c{n}", "c{n}/{file}"])
def test_several_labels_without_a_word_for_them_are_proposed_by_what_they_hold(
    layout: str, tmp_path: Path, segconv: Command
) -> None:
    """Raters in folders next to the images, or unexplained files in each case."""
    for number in range(3):
        phantom = ct(number)
        organ = Volume((phantom.label.array > 0).astype(np.uint8), phantom.label.geometry)
        for name, volume in (("t2", phantom.images[0]), ("first", phantom.label), ("second", organ)):
            write(tmp_path / "s" / f"{layout.format(file=name, n=number)}.nii.gz", volume)
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT")
    assert (done.code, done.codes()) == (66, ["SC011"]), done.err
    offered = re.findall(r"(--images \S+ --masks [^\s,]+)", done.err)
    assert [shlex.split(one)[3].count("first") for one in offered] == [1, 0]
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT", *shlex.split(offered[1]))
    assert done.code == 0, done.err
    for number, path in enumerate(sorted((segconv.raw / "Dataset005_A/labelsTr").iterdir())):
        assert np.array_equal(voxels(path), ct(number).label.array > 0)


def test_masks_of_a_subject_of_bids_are_refused_with_a_command_for_each(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        phantom = ct(number)
        folder, name = f"sub-{number:02d}/anat", f"sub-{number:02d}_"
        body = (phantom.images[0].array > -900).astype(np.uint8)
        write(tmp_path / f"s/{folder}/{name}T1w.nii.gz", phantom.images[0])
        masks = tmp_path / f"s/derivatives/masks/{folder}"
        write(masks / f"{name}desc-brain_mask.nii.gz", phantom.label, body)
        write(masks / f"{name}label-lesion_mask.nii.gz", phantom.label)
    done = segconv("convert", tmp_path / "s", "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    offered = [shlex.split(one) for one in re.findall(r"(--images \S+ --masks [^\s,]+)", done.err)]
    (right,) = (words for words in offered if "lesion" in words[3])
    done = segconv("convert", tmp_path / "s", "--to", "5_A", *right)
    assert done.code == 0, done.err
    for number, path in enumerate(sorted((segconv.raw / "Dataset005_A/labelsTr").iterdir())):
        assert np.array_equal(voxels(path), ct(number).label.array)


@pytest.mark.parametrize(
    ("masks", "wording"),
    [
        (("Consensus", "ManualSegmentation_1", "ManualSegmentation_2"), "each of which may be the label"),
        (("liver", "kidney"), "--from masks"),
    ],
)
def test_what_several_people_drew_is_not_offered_as_classes(
    masks: tuple[str, ...], wording: str, tmp_path: Path, segconv: Command
) -> None:
    for number in range(2):
        phantom = ct(number)
        write(tmp_path / f"s/p{number}/data/FLAIR.nii.gz", phantom.images[0])
        for mask in masks:
            write(
                tmp_path / f"s/p{number}/Masks/{mask}.nii.gz", phantom.label, (phantom.label.array > 0).astype(np.uint8)
            )
    done = segconv("convert", tmp_path / "s", "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    assert wording in done.err
    assert ("--from masks" in done.err) is (masks[0] == "liver")


def test_masks_of_one_name_in_folders_of_raters_are_offered_one_by_one(tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        phantom = ct(number)
        write(tmp_path / f"s/c{number}/images/ct.nii.gz", phantom.images[0])
        for person in range(2):
            drawn = (phantom.label.array > person).astype(np.uint8)
            write(tmp_path / f"s/c{number}/mask-{person}/mask.nii.gz", phantom.label, drawn)
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT")
    assert (done.code, done.codes()) == (65, ["SC081"]), done.err
    offered = [shlex.split(one) for one in re.findall(r"(--images \S+ --masks [^\s,]+)", done.err)]
    assert [words[3] for words in offered] == ["*/mask-0/mask.nii.gz", "*/mask-1/mask.nii.gz"]
    done = segconv("convert", tmp_path / "s", "--to", "5_A", "--channels", "CT", *offered[1])
    assert done.code == 0, done.err
    for number, path in enumerate(sorted((segconv.raw / "Dataset005_A/labelsTr").iterdir())):
        assert np.array_equal(voxels(path), ct(number).label.array > 1)
