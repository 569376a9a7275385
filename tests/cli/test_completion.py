"""What a shell completes after ``eval "$(_SEGCONV_COMPLETE=bash_source segconv)"``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from segconv.cli.main import group
from segconv.review.pictures.windows import CT_WINDOWS

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
    raw = segconv.raw / folder.name
    for file in ("imagesTr/a_0000.png", "imagesTr/b_0000.png", "labelsTr/a.png", "labelsTr/b.png"):
        (raw / file).parent.mkdir(exist_ok=True)
        (raw / file).touch()
    named = {"channel_names": {"0": "gray"}, "labels": {"background": 0, "liver": 1}}
    (raw / "dataset.json").write_text(json.dumps({**named, "numTraining": 2, "file_ending": ".png"}))
    model = segconv.folder / "nnUNet_results" / folder.name / "nnUNetTrainer__nnUNetPlans__2d"
    (model / "fold_0").mkdir(parents=True)
    (model / "plans.json").touch()
    with zipfile.ZipFile(model / "fold_0" / "checkpoint_final.pth", "w") as checkpoint:
        checkpoint.writestr("data.pkl", "")
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
        ("segconv convert scans --repair ", ["header", "resample", "orthonormal", "cast", "orientation"]),
        ("segconv convert scans --repair header,o", ["header,orthonormal", "header,orientation"]),
        ("segconv convert scans --labels la", ["file"]),
        ("segconv view 42 -o p --window ", ["lung", "bone", "soft"]),
        ("segconv augment 42 --planes axial,", ["axial,sagittal", "axial,coronal"]),
        ("segconv augment 42 --axis ", ["i", "j", "k"]),
        ("segconv train 42 -f 1,a", ["1,all"]),
        ("segconv best 42 -f 4,", ["4,0", "4,1", "4,2", "4,3"]),
        ("segconv plan 42 --network umamba-", ["umamba-bot", "umamba-enc"]),
        ("segconv infer 42 --checkpoint checkpoint_b", ["checkpoint_best.pth"]),
        ("segconv predict model.zip -c 2", ["2d"]),
        ("segconv stress 42 -m ", ["nnUNetTrainer__nnUNetPlans__2d"]),
        ("segconv view 42 -o p ", ["a", "b"]),
        ("segconv view 42 -o p a ", ["b"]),
        ("segconv view 7 -o p ", []),
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


def test_the_windows_that_a_shell_completes_are_those_that_have_names() -> None:
    assert completed("segconv view 42 --window ") == list(CT_WINDOWS)


@pytest.mark.train
@pytest.mark.totalseg
@pytest.mark.parametrize(
    "line",
    [
        "segconv totalseg run scans --task lung_v",
        "segconv totalseg classes lung_v",
        "segconv totalseg weights total lung_v",
        "segconv totalseg combine m -o o --task lung_v",
    ],
)
def test_tasks_are_completed(line: str) -> None:
    assert completed(line) == ["lung_vessels", "lung_vessels_LEGACY"]


@pytest.mark.train
@pytest.mark.totalseg
def test_classes_and_numberings_of_tasks_are_completed_without_importing_totalsegmentators_programs() -> None:
    before = set(sys.modules)
    assert completed("segconv totalseg run scans --roi-subset kidney_left,spl") == ["kidney_left,spleen"]
    assert completed("segconv totalseg run scans --task lung_nodules --roi-subset lung_n") == ["lung_nodules"]
    assert "totalseg:lung_nodules" in completed("segconv convert scans --labels totalseg:lung_n")
    assert not HEAVY & (set(sys.modules) - before)


def answer(shell: str, **given: str) -> list[str]:
    """What the script of a shell gets."""
    environment = {**os.environ, "_SEGCONV_COMPLETE": f"{shell}_complete", **given}
    script = Path(sys.executable).parent / "segconv"
    return subprocess.run([script], capture_output=True, encoding="utf-8", env=environment).stdout.splitlines()


@pytest.mark.train
@pytest.mark.totalseg
def test_bash_completes_what_follows_a_colon() -> None:
    """It takes the colon for the end of a word."""
    line = "segconv convert my\\ scans --labels{}totalseg:lung_n"
    for between in (" ", "="):
        words = line.format(between).replace(between + "t", "\n=\nt").replace(":", "\n:\n").replace(" ", "\n")
        typed = {"COMP_WORDS": words, "COMP_CWORD": str(words.count("\n")), "SEGCONV_TYPED": line.format(between)}
        assert answer("bash", **typed) == ["plain,lung_nodules"]


@pytest.mark.usefixtures("liver")
def test_bash_completes_an_empty_word() -> None:
    typed = {"COMP_WORDS": "segconv\ntrain\n42\n-c\n", "COMP_CWORD": "4", "SEGCONV_TYPED": "segconv train 42 -c "}
    assert answer("bash", **typed) == ["plain,2d", "plain,2d_small", "plain,3d_fullres"]


def test_fish_is_given_whole_lists() -> None:
    typed = {"COMP_WORDS": "segconv augment 42 --planes axial,s", "COMP_CWORD": "axial,s"}
    assert answer("fish", **typed) == ["plain,axial,sagittal"]
    script = "\n".join(answer("fish", _SEGCONV_COMPLETE="fish_source"))
    assert 'string split -m 1 "," $completion' in script


def test_zsh_and_fish_are_given_the_option_that_a_word_begins_with() -> None:
    assert answer("zsh", COMP_WORDS="segconv view 42 --window=l", COMP_CWORD="3") == ["plain", "--window=lung", "_"]
    assert answer("fish", COMP_WORDS="segconv view 42 --window=l", COMP_CWORD="--window=l") == ["plain,--window=lung"]


def test_the_script_of_bash_tells_what_was_typed() -> None:
    assert 'SEGCONV_TYPED="${COMP_LINE:0:COMP_POINT}"' in "\n".join(answer("bash", _SEGCONV_COMPLETE="bash_source"))


@pytest.mark.train
def test_planners_and_commands_of_nnunet_are_completed_without_importing_it() -> None:
    before = set(sys.modules)
    assert completed("segconv plan 42 --planner nnUNetPlannerResEncM") == ["nnUNetPlannerResEncM"]
    assert completed("segconv nnunet -- nnUNetv2_plan_and") == ["nnUNetv2_plan_and_preprocess"]
    assert not {"torch", "nnunetv2"} & (set(sys.modules) - before)


@pytest.mark.train
def test_trainers_are_completed_without_importing_nnunet() -> None:
    before = set(sys.modules)
    assert "nnUNetTrainer_5epochs" in completed("segconv train 42 -tr nnUNetTrainer_")
    assert completed("segconv train 42 -tr nnUNetTrainerSegc") == ["nnUNetTrainerSegconv"]
    assert not {"torch", "nnunetv2"} & (set(sys.modules) - before)
