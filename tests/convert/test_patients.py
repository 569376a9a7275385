"""All cases of one patient stay in one fold, even if only names and folders show the patient."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ..command import Command
from .drawn import labels, picture, records, save
from .oracles import ct, write


def slices(root: Path) -> Path:
    """Pictures and masks side by side in a folder a patient."""
    for patient, number in ((p, n) for p in (3, 4, 5) for n in (1, 2)):
        save(root / f"P_00{patient}/P_00{patient}_{number}.png", picture(10 * patient + number))
        save(root / f"P_00{patient}/P_00{patient}_{number}_mask.png", labels(number) * np.uint8(255))
    return root


def sessions(root: Path) -> Path:
    """BIDS: two sessions of each subject, labels among the derivatives."""
    for subject, session in ((p, n) for p in (1, 2, 3) for n in (1, 2)):
        where, name = f"sub-{subject:02d}/ses-{session}/anat", f"sub-{subject:02d}_ses-{session}_T2w"
        phantom = ct(10 * subject + session)
        write(root / where / f"{name}.nii.gz", phantom.images[0])
        write(root / "derivatives/labels" / where / f"{name}_seg.nii.gz", phantom.label)
    return root


def frames(root: Path) -> Path:
    """ACDC: two frames of each patient, in a folder a patient."""
    for patient, frame in ((p, n) for p in (1, 2, 3) for n in (1, 12)):
        at, phantom = root / f"training/patient00{patient}/patient00{patient}_frame{frame:02d}", ct(patient + frame)
        write(at.with_name(f"{at.name}.nii.gz"), phantom.images[0])
        write(at.with_name(f"{at.name}_gt.nii.gz"), phantom.label)
    return root


def folds(dataset: Path) -> list[dict[str, list[str]]]:
    return json.loads((dataset / "splits_final.json").read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("made", "patients"),
    [
        (slices, ["P_003", "P_004", "P_005"]),
        (sessions, ["sub-01", "sub-02", "sub-03"]),
        (frames, ["patient001", "patient002", "patient003"]),
    ],
)
def test_patients_shown_by_names_stay_in_one_fold(
    made: Callable[[Path], Path], patients: list[str], tmp_path: Path, segconv: Command
) -> None:
    words = ("--channels", "gray" if made is slices else "MRI", "--accept-labels")
    done = segconv("convert", made(tmp_path / "src"), "--to", "5_A", *words)
    assert done.code == 0, done.err
    assert f"patients: 6 training cases of 3 patients (guessed by {'sub-' if made is sessions else ''}" in done.err
    assert done.err.count("--patient-pattern or --patients overrides") == 1
    dataset = segconv.raw / "Dataset005_A"
    owners = {record["case"]: record["patient"] for record in records(dataset).values()}
    assert sorted(set(owners.values())) == patients
    made_folds = folds(dataset)
    assert len(made_folds) == 3
    for fold in made_folds:
        assert not {owners[case] for case in fold["train"]} & {owners[case] for case in fold["val"]}


def test_what_the_user_says_beats_the_guess(tmp_path: Path, segconv: Command) -> None:
    root = slices(tmp_path / "src")
    done = segconv("convert", root, "--to", "5_A", "--patient-pattern", ".*", "--dry-run", "--json")
    assert (done.json["patients"], done.json["patients_guessed_from"]) == (6, "")


def test_folders_of_classes_are_not_patients_and_one_line_says_so(tmp_path: Path, segconv: Command) -> None:
    for group, number in ((g, n) for g in ("benign", "malignant") for n in (1, 2, 3)):
        save(tmp_path / f"src/{group}/{group}{number}.png", picture(number + len(group)))
        save(tmp_path / f"src/{group}/{group}{number}_mask.png", labels(number) * np.uint8(255))
    done = segconv("convert", tmp_path / "src", "--to", "5_A")
    assert done.code == 0, done.err
    assert done.err.count("patients: unknown; folds treat each case as its own patient") == 1
    assert {record["patient"] for record in records(segconv.raw / "Dataset005_A").values()} == {None}


def test_check_and_augment_guess_patients_of_foreign_datasets(tmp_path: Path, segconv: Command) -> None:
    segconv("convert", frames(tmp_path / "src"), "--to", "5_A", "--channels", "MRI")
    foreign = segconv.raw / "Dataset005_A"
    shutil.rmtree(foreign / "segconv")
    whole = folds(foreign)
    cases = sorted({case for fold in whole for case in fold["val"]})
    split = [{"train": [c for c in cases if c not in cases[i::3]], "val": cases[i::3]} for i in range(3)]
    (foreign / "splits_final.json").write_text(json.dumps(split))
    done = segconv("check", "5")
    assert done.code == 0, done.err
    assert "Warning SC095: splits_final.json: 3 of 3 folds have patients on both sides, by the word for a" in done.err
    assert done.err.count("patients: 6 training cases of 3 patients (guessed by") == 1
    made = segconv("augment", "5", "--to", "6_B", "--rotate", "90", "--planes", "axial")
    assert "patients: 6 training cases of 3 patients (guessed by" in made.err
    assert made.err.count("Warning SC095") == 1, made.err  # the leaking folds are not taken over
    for fold in folds(segconv.raw / "Dataset006_B"):
        assert not {case[:10] for case in fold["train"]} & {case[:10] for case in fold["val"]}
    (foreign / "splits_final.json").write_text(json.dumps(whole))
    assert "SC095" not in segconv("check", "5").err
    (foreign / "splits_final.json").unlink()
    assert "separate what belongs together: 3 groups" in segconv("check", "5").err
