"""What a killed rehearsal left is recognised; files of others are not."""

from __future__ import annotations

from pathlib import Path

from segconv.train.rehearsal.leftovers import declare_written
from segconv.work import begun
from segconv.work.scratch import scratch

OURS = [
    "request.json",
    "nnUNet_raw/Dataset004_H/imagesTr/rehearsal_0_0000.nii.gz",
    "nnUNet_preprocessed/.segconv-logs/Dataset004_H/predict-ensemble.log",
    "nnUNet_preprocessed/Dataset004_H/nnUNetPlans.json",
    "nnUNet_preprocessed/Dataset004_H/nnUNetPlans_2d/rehearsal_0_seg.b2nd",
    "nnUNet_results/Dataset004_H/nnUNetTrainer__nnUNetPlans__2d/fold_0/checkpoint_best.pth",
    "nnUNet_results/Dataset004_H/nnUNetTrainer__nnUNetPlans__2d/fold_0/training_log_2026_11_30_02_07_48.txt",
    "nnUNet_results/Dataset004_H/nnUNetTrainer__nnUNetPlans__2d/fold_0/validation/summary.json",
]


def left_by_a_killed_rehearsal(work: Path) -> None:
    work.mkdir()
    begun.declare(work, ["request.json"])
    for name in OURS:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("x")
    (work / "member-0").mkdir()


def test_the_next_rehearsal_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    work = tmp_path / ".segconv-rehearse-Dataset004_H"
    left_by_a_killed_rehearsal(work)
    declare_written(work)
    with scratch(work, ["request.json"]):
        assert [path.name for path in work.iterdir()] == ["begun"]
    assert not work.exists()


def test_files_of_others_stay(tmp_path: Path) -> None:
    work = tmp_path / ".segconv-rehearse-Dataset004_H"
    left_by_a_killed_rehearsal(work)
    (work / "nnUNet_results" / "thesis.txt").write_text("years")
    declare_written(work)
    begun.remove_own(work)
    assert [str(path.relative_to(work)) for path in work.rglob("*") if path.is_file() and path.name != "begun"] == [
        "nnUNet_results/thesis.txt"
    ]


def test_a_folder_of_others_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("mine")
    declare_written(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["request.json"]
