"""Images that hold label values are questioned if guessed, and warned of if declared."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ...command import Command
from ..oracles import ct, description, voxels, write

CASES = 2


def body(number: int) -> np.ndarray:
    return (ct(number).images[0].array > -900).astype(np.uint8)


def with_mask(path: Path, number: int) -> None:
    """Write the image of a case and a mask of the body as channels of one file."""
    image = ct(number).images[0]
    write(path, image)
    one = nib.load(path)
    both = np.stack([np.asanyarray(one.dataobj), body(number).T.astype(np.int16)], axis=-1)
    nib.save(nib.Nifti1Image(both, one.affine), path)


def hinted(err: str) -> list[list[str]]:
    """Return the options that a hint offers, each up to what it says of them."""
    (hint,) = (line for line in err.splitlines() if line.startswith("Hint: "))
    return [shlex.split(found) for found in re.findall(r"(--images .+? --masks \S+) if", hint)]


def test_a_label_map_for_the_only_image_is_questioned_and_kept_by_patterns(tmp_path: Path, segconv: Command) -> None:
    for number in range(CASES):
        write(tmp_path / f"s/images/c{number}.nii.gz", ct(number).label, body(number))
        write(tmp_path / f"s/labels/c{number}.nii.gz", ct(number).label)
    for channels in ((), ("--channels", "CT")):
        done = segconv("convert", tmp_path / "s", "--to", "5_A", *channels)
        assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    (kept,) = hinted(done.err)
    done = segconv("convert", tmp_path / "s", "--to", "5_A", *kept)
    assert done.code == 0, done.err
    assert done.err.count("Warning SC091: images/c") == CASES, "declared by patterns, and said case by case"


def test_images_and_labels_that_changed_places_are_refused_with_the_right_reading(
    tmp_path: Path, segconv: Command
) -> None:
    for number in range(CASES):
        write(tmp_path / f"s/images/c{number}.nii.gz", ct(number).label)
        write(tmp_path / f"s/labels/c{number}.nii.gz", ct(number).images[0])
    done = segconv("convert", tmp_path / "s", "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    done = segconv("convert", tmp_path / "s", "--to", "5_A", *hinted(done.err)[0])
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset005_A/labelsTr"
    assert all(np.array_equal(voxels(path), ct(n).label.array) for n, path in enumerate(sorted(made.iterdir())))


def test_a_mask_among_the_channels_of_one_file_is_questioned(tmp_path: Path, segconv: Command) -> None:
    for number in range(CASES):
        with_mask(tmp_path / f"s/images/c{number}.nii.gz", number)
        write(tmp_path / f"s/labels/c{number}.nii.gz", ct(number).label)
    done = segconv("convert", tmp_path / "s", "--to", "5_A")
    assert (done.code, done.codes()) == (2, ["SC003"]), done.err
    assert "channel 1 of c0.nii.gz holds only 0, 1 in all 2 cases" in done.err
    (names,) = re.findall(r"--channels (\S+?),? or", done.err)
    assert segconv("convert", tmp_path / "s", "--to", "5_A", "--channels", names).code == 0
    assert list(description(segconv.raw / "Dataset005_A")["channel_names"].values()) == names.split(",")


@pytest.mark.parametrize("kind", ["msd", "nnunet-v1", "nnunet-v2"])
def test_channels_that_a_json_declares_are_warned_of_case_by_case(kind: str, tmp_path: Path, segconv: Command) -> None:
    root = tmp_path / "s"
    for number in range(CASES):
        if kind == "msd":
            with_mask(root / f"imagesTr/c{number}.nii.gz", number)
        else:
            write(root / f"imagesTr/c{number}_0000.nii.gz", ct(number).images[0])
            mask = body(number) if number else ct(number).images[0].array
            write(root / f"imagesTr/c{number}_0001.nii.gz", ct(number).label, mask)
        write(root / f"labelsTr/c{number}.nii.gz", ct(number).label)
    names = {"0": "CT", "1": "body"}
    labels = {"background": 0, "a": 1, "b": 2, "c": 3}
    listed = [{"image": f"./imagesTr/c{n}.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in range(CASES)]
    wording = (
        {"channel_names": names, "labels": labels, "numTraining": CASES, "file_ending": ".nii.gz"}
        if kind == "nnunet-v2"
        else {"modality": names, "labels": {str(v): k for k, v in labels.items()}, "training": listed}
    )
    (root / "dataset.json").write_text(json.dumps(wording))
    done = segconv("convert", root, "--to", "5_A")
    assert done.code == 0, done.err
    found = [line for line in done.err.splitlines() if line.startswith("Warning SC091")]
    assert len(found) == (2 if kind == "msd" else 1), "of the cases whose channel is a mask"
    assert all("holds only 0, 1, as labels do, in the channel 'body'" in line for line in found)
    done = segconv("check", "5")
    assert done.code == 0
    assert sum("holds only 0, 1, as labels do" in line for line in done.err.splitlines()) == len(found)
