"""Advice in refusals works as printed, and counts of one are singular."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from skimage import io

from fixtures.make_fixtures import msd_ct

from ..command import Command
from .drawn import labels, picture, save
from .oracles import ct, voxels, write


def stray(root: Path, value: int = 250) -> Path:
    """Three pictures, in one of whose masks a pixel has a value of its own."""
    for number in range(3):
        mask = labels(number) * np.uint8(255)
        if number == 1:
            mask[3, 4] = value
        save(root / f"images/c{number}.png", picture(number))
        save(root / f"masks/c{number}.png", mask)
    return root


LABELS = ("--labels", "background=0,road=255")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--map 250=NAME --restart", ("NAME", "road")),
        ("--snap 5 --restart", ("", "")),
        ("--labels NAME=VALUE,… --restart", ("NAME=VALUE,…", "background=0,road=255,odd=250")),
    ],
)
def test_an_option_that_a_begun_run_is_advised_goes_with_restart(
    tmp_path: Path, segconv: Command, typed: str, meant: tuple[str, str]
) -> None:
    source = stray(tmp_path / "src")
    said = ("convert", source, "--to", "5_A", *LABELS)
    done = segconv(*said)
    assert (done.code, done.codes()) == (65, ["SC070"]), done.err
    assert "holds the value 250 in 1 pixel, the first at (4, 3)" in done.err
    hint = done.err.split("Hint: ")[1]
    assert typed in hint
    assert "; --restart converts the finished cases again" in hint
    option = typed.replace(*meant)
    done = segconv(*said, *shlex.split(option.removesuffix("--restart")))  # true: it is not gone on with
    assert (done.code, done.codes()) == (73, ["SC021"]), done.err
    assert "holds 2 finished cases of another command or other options" in done.err
    done = segconv(*said, *shlex.split(option))
    assert done.code == 0, done.err
    assert "pixels" not in done.err
    if option.startswith("--snap"):
        assert "Warning SC079: masks/c1.png: 1 pixel snapped from 250 to 255" in done.err


def test_the_same_is_in_the_json(tmp_path: Path, segconv: Command) -> None:
    done = segconv("convert", stray(tmp_path / "src"), "--to", "5_A", *LABELS, "--json")
    assert ["; --restart converts the finished cases again" in f["hint"] for f in done.json["findings"]] == [True]


def test_a_run_that_failed_in_its_first_case_leaves_nothing_and_needs_no_restart(
    tmp_path: Path, segconv: Command
) -> None:
    source = tmp_path / "src"
    for number in range(2):
        save(source / f"images/c{number}.png", picture(number))
        mask = labels(number) * np.uint8(255)
        mask[3, 4] = 250
        save(source / f"masks/c{number}.png", mask)
    said = ("convert", source, "--to", "5_A", *LABELS)
    done = segconv(*said)
    assert (done.code, set(done.codes())) == (65, {"SC070"}), done.err
    assert "restart" not in done.err
    assert not [path for path in segconv.raw.iterdir() if path.is_dir()]
    assert segconv(*said, "--snap", 5).code == 0


def test_a_plan_that_has_not_begun_needs_no_restart(tmp_path: Path, segconv: Command) -> None:
    source = stray(tmp_path / "src")
    done = segconv("convert", source, "--to", "5_A")
    assert done.codes() == ["SC074"]
    assert "restart" not in done.err
    assert segconv("convert", source, "--to", "5_A", *LABELS, "--snap", "5").code == 0


def test_fixing_a_file_needs_no_restart(tmp_path: Path, segconv: Command) -> None:
    source = stray(tmp_path / "src", value=255)
    whole = (source / "images/c1.png").read_bytes()
    (source / "images/c1.png").write_bytes(whole[:-20])
    said = ("convert", source, "--to", "5_A", *LABELS)
    done = segconv(*said)
    assert (done.code, "restart" in done.err) == (65, False), done.err
    (source / "images/c1.png").write_bytes(whole)
    assert segconv(*said).code == 0


def test_one_voxel_and_one_case_are_singular(tmp_path: Path, segconv: Command) -> None:
    phantom = ct(1)
    values = phantom.images[0].array.astype(np.float32)
    values[1, 2, 3] = np.nan
    write(tmp_path / "src/images/a.nii.gz", phantom.images[0], values)
    write(tmp_path / "src/labels/a.nii.gz", phantom.label)
    said = ("convert", tmp_path / "src", "--to", "5_A", "--channels", "CT")
    done = segconv(*said)
    assert "Error SC055: images/a.nii.gz: 1 voxel is NaN or infinite, the first at (3, 2, 1)" in done.err
    done = segconv(*said, "--nonfinite", "0", "--restart")
    assert done.code == 0, done.err
    assert "Dataset005_A with 1 case.\n" in done.err
    record = json.loads((segconv.raw / "Dataset005_A/segconv/cases.jsonl").read_text())
    assert any("1 voxel was NaN or infinite and became 0" in repair for repair in record["repairs"])


@pytest.mark.parametrize(("values", "wording"), [((0, 7, 9), "values"), (((0, 0, 0), (9, 0, 0), (0, 9, 0)), "colours")])
def test_accepted_labels_are_reported_as_found(
    tmp_path: Path, segconv: Command, values: tuple[object, ...], wording: str
) -> None:
    for number in range(2):
        save(tmp_path / f"src/images/c{number}.png", picture(number))
        save(tmp_path / f"src/masks/c{number}.png", np.array(values, dtype=np.uint8)[labels(number, 3)])
    done = segconv("convert", tmp_path / "src", "--to", "5_A", "--accept-labels")
    assert done.code == 0, done.err
    assert f"(guessed from the {wording} found, all accepted: " in done.err


@pytest.mark.parametrize("words", [("--map", "-1=background"), ("--map=-1=ignore",), ("--labels", "a=-1,background=0")])
def test_negative_values_are_not_mapped_but_rewritten(tmp_path: Path, segconv: Command, words: tuple[str, ...]) -> None:
    phantom = ct(1)
    unknown = phantom.label.array == 3
    write(tmp_path / "src/images/a.nii.gz", phantom.images[0])
    write(tmp_path / "src/labels/a.nii.gz", phantom.label)
    stored = nib.load(tmp_path / "src/labels/a.nii.gz")
    values = np.asarray(stored.dataobj).astype(np.int16)
    nib.save(nib.Nifti1Image(np.where(values == 3, -1, values), stored.affine), tmp_path / "src/labels/a.nii.gz")
    said = ("convert", tmp_path / "src", "--to", "5_A")
    done = segconv(*said, *words)
    assert (done.code, done.codes()) == (2, ["SC001"]), done.err
    assert "-1 is negative, and values of labels begin at 0" in done.err
    done = segconv(*said)
    assert (done.code, done.codes()) == (65, ["SC072"]), done.err
    assert "write another value in its place, such as 255" in done.err
    assert "--" not in done.err.split("Hint: ")[1], "an option that names 255 helps only once it is written"
    write(tmp_path / "src/labels/a.nii.gz", phantom.label, np.where(unknown, 255, phantom.label.array).astype(np.uint8))
    done = segconv(*said, "--labels", "background=0,one=1,two=2,ignore=255")
    assert done.code == 0, done.err
    written = voxels(segconv.raw / "Dataset005_A/labelsTr/a.nii.gz")
    assert np.array_equal(written, phantom.label.array)
    done = segconv(
        "convert", tmp_path / "src", "--to", "6_B", "--labels", "background=0,one=1,two=2", "--map=255=background"
    )
    assert done.code == 0, done.err
    assert np.array_equal(voxels(segconv.raw / "Dataset006_B/labelsTr/a.nii.gz"), np.where(unknown, 0, written))


def drive(root: Path) -> None:
    for number in range(20, 23):
        save(root / f"training/images/{number}_training.tif", picture(number, 3))
        save(root / f"training/1st_manual/{number}_manual1.png", labels(number) * np.uint8(255))
        save(root / f"training/mask/{number}_training_mask.png", labels(number + 50) * np.uint8(255))


def cityscapes(root: Path) -> None:
    for number in range(3):
        save(root / f"leftImg8bit/train/aachen/aachen_00{number}_leftImg8bit.png", picture(number, 3))
        for shift, kind in ((30, "color"), (60, "instanceIds"), (0, "labelIds")):
            save(root / f"gtFine/train/aachen/aachen_00{number}_gtFine_{kind}.png", labels(number + shift))


def other_words(root: Path) -> None:
    for number in range(3):
        save(root / f"images/c{number}.png", picture(number))
        save(root / f"masks/x{number}.png", labels(number))


@pytest.mark.parametrize(
    ("make", "words", "code", "first"),
    [
        (drive, (), "SC003", 70),
        (cityscapes, (), "SC081", 0),
        (other_words, ("--images", "images/*", "--masks", "masks/*"), "SC081", 0),
    ],
)
def test_patterns_that_are_advised_find_every_case(
    tmp_path: Path, segconv: Command, make: Callable[[Path], None], words: tuple[str, ...], code: str, first: int
) -> None:
    make(tmp_path / "src")
    done = segconv("convert", tmp_path / "src", "--to", "5_A", *words)
    assert done.codes() == [code], done.err
    options = re.findall(r"--images '[^']+' --masks '[^']+'", done.err.split("Hint: ")[1])
    assert len(options) == (2 if make is drive else 1)
    done = segconv("convert", tmp_path / "src", "--to", "5_A", *shlex.split(options[0]))
    assert done.code == 0, done.err
    made = sorted(io.imread(path).tolist() for path in (segconv.raw / "Dataset005_A/labelsTr").iterdir())
    assert made == sorted(labels(number + first).tolist() for number in range(3))


def test_folders_next_to_those_of_a_task_are_reported_as_ignored(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    shutil.copytree(root / "imagesTr", root / "imagesVa")
    (root / "docs").mkdir()
    (root / "docs/read.me").write_text("of mine")
    done = segconv("convert", root, "--to", "5_A", "--json")
    assert done.json["notes"] == ["the folder imagesVa, with 4 volumes, is not converted"]


def test_a_missing_listed_file_is_not_a_link(tmp_path: Path, segconv: Command) -> None:
    root = msd_ct(tmp_path / "src")
    (root / "imagesTs/ct_004.nii.gz").rename(root / "imagesTs/ct_009.nii.gz")
    done = segconv("convert", root, "--to", "5_A")
    assert "Error SC012: imagesTs/ct_004.nii.gz: does not exist" in done.err
    assert "Hint: restore the file, or remove it from the list that names it" in done.err
