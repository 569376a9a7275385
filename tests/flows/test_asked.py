"""Names that nothing has are refused at once, each with what it may have been meant to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..command import Command
from ..review import datasets
from ..train.prepared import plan

pytestmark = pytest.mark.train  # the trainers are those of nnunetv2

PLANS = {"plans_name": "nnUNetPlans", "configurations": {"3d_full": {"data_identifier": "cases"}}}


@pytest.fixture
def planned(segconv: Command) -> Path:
    return plan(datasets.volumes(segconv.raw, cases=5), segconv.folder / "nnUNet_preprocessed", **PLANS)


@pytest.mark.usefixtures("planned")
@pytest.mark.parametrize("command", ["train", "finetune", "cascade"])
def test_trainer_plans_configuration_and_fold_are_refused_at_once(command: str, segconv: Command) -> None:
    source = {"finetune": ["--weights", "w.pth"]}.get(command, [])
    words = [command, 7, "-c", "3d_ful", "-tr", "nnUNetTrainr", "-p", "nnUNetPlan", "-f", "0,7,9", *source]
    done = segconv(*words, "--json")
    found = {(one["code"], one["message"]) for one in done.json["findings"]}
    assert done.code == 2
    assert found >= {
        ("SC001", "no trainer 'nnUNetTrainr'"),
        ("SC010", "does not exist; the plans of this dataset are nnUNetPlans"),
        ("SC001", "no configuration '3d_ful'"),
    }
    assert command == "cascade" or ("SC001", "there is no fold 7, 9") in found
    hints = segconv(*words).err
    assert "did you mean nnUNetTrainer" in hints
    assert "did you mean nnUNetPlans?" in hints
    assert "-c 3d_full" in hints


@pytest.mark.usefixtures("planned")
def test_a_configuration_that_other_plans_have_is_not_wrong(segconv: Command) -> None:
    done = segconv("train", 7, "-c", "3d_full", "-p", "nnUNetPlan")
    assert done.codes() == ["SC010"]


@pytest.mark.parametrize(
    "words",
    [
        ("train", "Livr", "-c", "2d"),
        ("finetune", "Livr", "-c", "2d", "--weights", "w.pth"),
        ("finetune", "42", "-c", "2d", "--from", "Livr"),
        ("cascade", "Livr"),
        ("infer", "Livr", "-c", "2d", "-i", "in", "-o", "out"),
        ("plan", "Livr"),
    ],
)
def test_a_trainer_is_refused_with_the_dataset(words: tuple[str, ...], segconv: Command) -> None:
    datasets.volumes(segconv.raw, cases=1).rename(segconv.raw / "Dataset042_Liver")
    (segconv.raw / "Dataset142_Liver").mkdir()
    done = segconv(*words, "-tr", "nnUNetTrainr")
    assert done.codes() == ["SC010", "SC001"]
    assert "did you mean 'Dataset042_Liver'?" in done.err
    assert "did you mean nnUNetTrainer" in done.err


@pytest.mark.usefixtures("planned")
def test_planning_refuses_all_unknown_names_before_the_check(segconv: Command) -> None:
    done = segconv(
        "plan", 7, "-c", "3d_fulres", "-c", "2dd", "--planner", "nnUNetPlannerResEncN", "-tr", "nnUNetTrainr"
    )
    assert done.codes() == ["SC001"] * 3
    assert "no configuration '3d_fulres' or '2dd'" in done.err
    assert "--ext-trainer" not in done.err, "planning takes no folder of trainers"
    for hint in (
        "segconv plan 7 -c 3d_fullres -c 2d --planner",
        "did you mean nnUNetPlannerResEnc",
        "did you mean nnUNetTrainer",
    ):
        assert hint in done.err
