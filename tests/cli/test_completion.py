"""What a shell completes after ``eval "$(_SEGCONV_COMPLETE=bash_source segconv)"``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from segconv.cli.main import group

from ..command import Command
from .test_main import HEAVY


def completed(line: str) -> list[str]:
    """The words that complete the last one of a line."""
    *before, last = line.split(" ")[1:]
    items = ShellComplete(group, {}, "segconv", "_SEGCONV_COMPLETE").get_completions(before, last)
    return [item.type if item.type != "plain" else item.value for item in items]


@pytest.fixture
def liver(segconv: Command) -> Path:
    """A dataset with plans of two names."""
    folder = segconv.folder / "nnUNet_preprocessed" / "Dataset042_Liver"
    folder.mkdir()
    (segconv.raw / "Dataset007_Kidney").mkdir()
    (segconv.raw / "Dataset042_Liver").mkdir()
    for name, configurations in (("nnUNetPlans", ["2d", "2d_small"]), ("nnUNetResEncUNetMPlans", ["3d_fullres"])):
        (folder / f"{name}.json").write_text(json.dumps({"configurations": {key: {} for key in configurations}}))
    return folder


@pytest.mark.usefixtures("liver")
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("segconv tr", ["train", "trainers"]),
        ("segconv plan ", ["7_Kidney", "42_Liver"]),
        ("segconv train 4", ["42_Liver"]),
        ("segconv train 04", ["042_Liver"]),
        ("segconv labels show Data", ["Dataset007_Kidney", "Dataset042_Liver"]),
        ("segconv restore predictions --like 7", ["7_Kidney"]),
        ("segconv check ./a", ["dir"]),
        ("segconv train 42 -c ", ["2d", "2d_small", "3d_fullres"]),
        ("segconv train 42 -c 2d_", ["2d_small"]),
        ("segconv infer 42_Liver -f 0 -c 3", ["3d_fullres"]),
        ("segconv train 7 -c 3d_l", ["3d_lowres"]),
        ("segconv train -c 2", ["2d"]),
        ("segconv plan 42 -c 2d_", ["2d_small"]),
        ("segconv train 42 -p ", ["nnUNetPlans", "nnUNetResEncUNetMPlans"]),
        ("segconv convert scans --from n", ["nnunet-v1", "nnunet-v2"]),
        ("segconv convert scans --format n", ["nii.gz", "nii", "nrrd"]),
    ],
)
def test_a_word_is_completed(line: str, wanted: list[str]) -> None:
    assert completed(line) == wanted


def test_damaged_plans_and_folders_that_are_not_set_are_no_error(liver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (liver / "nnUNetPlans.json").write_text("{")
    assert completed("segconv train 42 -p nnUNetPlans -c ") == ["3d_fullres"]
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.delenv(name)
    assert completed("segconv plan ") == ["dir"]
    assert completed("segconv train 42 -c 2") == ["2d"]


def test_the_bash_script_completes_without_loading_anything_heavy(segconv: Command) -> None:
    (segconv.raw / "Dataset042_Liver").mkdir()
    environment = {
        **os.environ,
        "_SEGCONV_COMPLETE": "bash_complete",
        "COMP_WORDS": "segconv plan 4",
        "COMP_CWORD": "2",
    }
    code = (
        "import atexit, sys; from segconv.cli.main import run;"
        f" atexit.register(lambda: print(sorted({HEAVY!r} & set(sys.modules)))); run([])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=environment)
    assert done.stdout.splitlines() == ["plain,42_Liver", "[]"], done.stderr


@pytest.mark.train
def test_trainers_are_completed_without_importing_nnunet() -> None:
    before = set(sys.modules)
    assert "nnUNetTrainer_5epochs" in completed("segconv train 42 -tr nnUNetTrainer_")
    assert completed("segconv train 42 -tr nnUNetTrainerSegc") == ["nnUNetTrainerSegconv"]
    assert not {"torch", "nnunetv2"} & (set(sys.modules) - before)
