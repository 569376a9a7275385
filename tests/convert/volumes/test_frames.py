"""Images and labels of several frames: one case per frame, of one patient, on request only."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from ...command import Command
from ..oracles import ct, records, voxels, write

FRAMES = 3


def save(path: Path, frames: list[np.ndarray]) -> None:
    """Write arrays ``(z, y, x)`` as one file, x first and time last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.stack([frame.T for frame in frames], axis=-1)
    nib.save(nib.Nifti1Image(array, np.diag([-0.5, -0.75, 3, 1])), path)


def source(root: Path) -> Path:
    for name in ("sub-1_ses-1", "sub-1_ses-2", "heart"):
        save(root / f"{name}/{name}_sa.nii.gz", [ct(n).images[0].array.astype(np.int16) for n in range(FRAMES)])
        save(root / f"{name}/{name}_sa_gt.nii.gz", [ct(n).label.array.astype(np.uint8) for n in range(FRAMES)])
    return root


def test_each_frame_is_a_case_and_all_frames_of_one_file_are_of_one_patient(segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "set")
    done = segconv("convert", root, "--to", "5_A", "--channels", "MRI")
    assert done.code == 65
    assert "--frames" in done.err
    assert "merge the channels" not in done.err
    done = segconv("convert", root, "--to", "5_A", "--channels", "MRI", "--frames")
    assert done.code == 0, done.err
    dataset = segconv.raw / "Dataset005_A"
    for number in range(FRAMES):
        case = f"heart_sa_frame0{number + 1}"
        assert np.array_equal(voxels(dataset / f"imagesTr/{case}_0000.nii.gz"), ct(number).images[0].array)
        assert np.array_equal(voxels(dataset / f"labelsTr/{case}.nii.gz"), ct(number).label.array)
    patients = {record["case"]: record["patient"] for record in records(dataset).values()}
    assert len(patients) == 3 * FRAMES
    assert set(patients.values()) == {"sub-1", "heart_sa"}
    assert segconv("restore", dataset / "labelsTr", "--like", "5", "-o", tmp_path / "back").code == 0
    back = voxels(tmp_path / "back/heart_sa_frame02.nii.gz")
    assert np.array_equal(back, ct(1).label.array)


def test_frames_that_do_not_match_are_refused(segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "set")
    write(root / "heart/heart_sa_gt.nii.gz", ct(0).label)
    assert segconv("convert", root, "--to", "5_A", "--channels", "MRI", "--frames").codes() == ["SC073"]


def test_a_label_with_a_channel_for_each_class_is_offered_no_frames(segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "set")
    for name in ("sub-1_ses-1", "sub-1_ses-2", "heart"):
        write(root / f"{name}/{name}_sa.nii.gz", ct(0).images[0])
    done = segconv("convert", root, "--to", "5_A", "--channels", "MRI")
    assert set(done.codes()) == {"SC073"}
    assert "--frames" not in done.err


def test_unlabelled_frames_are_named_and_left_out_on_request(segconv: Command, tmp_path: Path) -> None:
    """As of hearts with two labelled frames; otherwise background would be learned in all others."""
    root = tmp_path / "set"
    save(root / "h/h_sa.nii.gz", [ct(n).images[0].array.astype(np.int16) for n in range(FRAMES)])
    labels = [ct(n).label.array.astype(np.uint8) * (n != 1) for n in range(FRAMES)]
    save(root / "h/h_sa_gt.nii.gz", labels)
    command = ("convert", root, "--channels", "MRI", "--frames")
    done = segconv(*command, "--to", "5_A")
    assert done.code == 0, done.err
    assert "Warning SC075: h/h_sa_gt.nii.gz: holds nothing but background in frame 2" in done.err
    done = segconv(*command, "--to", "6_B", "--unlabelled", "skip")
    assert done.code == 0, done.err
    assert "left out the frames 2 of h/h_sa.nii.gz" in done.err
    assert sorted(records(segconv.raw / "Dataset006_B")) == ["h_sa_frame01", "h_sa_frame03"]
    done = segconv(*command, "--to", "7_C", "--unlabelled", "test")
    assert done.code == 0, done.err
    splits = {case: record["split"] for case, record in records(segconv.raw / "Dataset007_C").items()}
    assert splits == {"h_sa_frame01": "train", "h_sa_frame02": "test", "h_sa_frame03": "train"}
    assert np.array_equal(voxels(segconv.raw / "Dataset007_C/imagesTs/h_sa_frame02_0000.nii.gz"), ct(1).images[0].array)
