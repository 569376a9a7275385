"""Whatever can be known before the work is reported in one go, also where an earlier stage found errors."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from ..command import Command
from .drawn import labels, picture, save
from .oracles import ct, write


def test_of_volumes_target_cases_grids_and_labels_are_reported_together(tmp_path: Path, segconv: Command) -> None:
    for number in range(4):
        phantom = ct(number)
        write(tmp_path / f"src/images/c{number}.nii.gz", phantom.images[0])
        values = np.where(phantom.label.array == 3, 9, phantom.label.array)
        write(tmp_path / f"src/labels/c{number}.nii.gz", phantom.label, values)
    (tmp_path / "src/labels/c0.nii.gz").unlink()
    cut = nib.load(tmp_path / "src/labels/c1.nii.gz")
    nib.save(nib.Nifti1Image(np.asarray(cut.dataobj)[:-2], cut.affine), tmp_path / "src/labels/c1.nii.gz")
    (segconv.raw / "Dataset005_Other").mkdir()
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC020", "SC080", "SC082", "SC074"]), done.err
    assert "hold the values 0, 1, 2, 9, none of them declared" in done.err


def test_of_pictures_cases_and_labels_are_reported_together(tmp_path: Path, segconv: Command) -> None:
    for number in range(5):
        save(tmp_path / f"src/images/c{number}.png", picture(number))
        save(tmp_path / f"src/masks/c{number}.png", labels(number) * np.uint8(1 if number == 2 else 255))
    (tmp_path / "src/masks/c0.png").unlink()
    (tmp_path / "src/masks/c1.png").write_bytes(b"")
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (65, ["SC080", "SC051", "SC074"]), done.err
    assert "masks/c2.png: holds only 0, 1" in done.err or "masks/c2.png 0, 1" in done.err


def test_of_masks_those_of_whole_cases_are_judged_although_another_lacks_one(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        phantom = ct(number)
        write(tmp_path / f"src/s{number}/mr.nii.gz", phantom.images[0])
        for name, value in (("kidney", 2), ("liver", 1)):
            write(
                tmp_path / f"src/s{number}/segmentations/{name}.nii.gz",
                phantom.label,
                (phantom.label.array == value).astype(np.uint8),
            )
    (tmp_path / "src/s0/segmentations/liver.nii.gz").unlink()
    write(tmp_path / "src/s1/segmentations/liver.nii.gz", ct(1).label)
    done = segconv("convert", tmp_path / "src", "--to", "5_A", "--from", "masks")
    assert (done.code, done.codes()) == (65, ["SC080", "SC078"]), done.err
    assert "Error SC078: s1/segmentations/liver.nii.gz: " in done.err


def test_labels_are_not_judged_while_it_is_open_which_files_are_labels(tmp_path: Path, segconv: Command) -> None:
    for number in range(3):
        save(tmp_path / f"src/images/c{number}.png", picture(number))
        save(tmp_path / f"src/masks/x{number}.png", labels(number) * np.uint8(1 if number == 2 else 255))
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert "SC081" in done.codes()
    assert "SC074" not in done.codes()


def test_a_target_that_is_taken_is_reported_for_a_good_source_too(tmp_path: Path, segconv: Command) -> None:
    for number in range(2):
        save(tmp_path / f"src/images/c{number}.png", picture(number))
        save(tmp_path / f"src/masks/c{number}.png", labels(number) * np.uint8(255))
    (segconv.raw / "Dataset005_Other").mkdir()
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert (done.code, done.codes()) == (73, ["SC020"])


def test_warnings_of_the_plan_are_printed_although_the_work_fails(tmp_path: Path, segconv: Command) -> None:
    phantom = ct(1)
    values = phantom.images[0].array.astype(np.float32)
    values[1, 2, 3] = np.nan
    write(tmp_path / "src/p1/ct.nii.gz", phantom.images[0], values)
    write(tmp_path / "src/p1/label.nii.gz", phantom.label)
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert done.codes() == ["SC055"], done.err
    assert done.err.index("Warning SC091: p1/ct.nii.gz: is CT by its name") < done.err.index("Error SC055")
