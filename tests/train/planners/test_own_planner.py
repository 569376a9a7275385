"""Planners of the user's own plan under a name of their own, and leave nnU-Net's plans as they are."""

from __future__ import annotations

import json
import shutil
import site
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train import own_planner
from segconv.train.own_planner import Asked, Hearing, name_of_own, plan_with
from segconv.train.paths import Paths

from ...command import Command, tree_hash
from ..really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train

PLANNERS = """
import os

from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from segconv.train.planners.fixed import FixedPlanner


class BigPatch(FixedPlanner):
    patch_2d = (60, 80)

    def save_plans(self, plans):
        super().save_plans(plans)
        if os.path.exists(os.path.join(os.path.dirname(__file__), "dies")):
            file = os.path.join(os.environ["nnUNet_preprocessed"], self.dataset_name, f"{self.plans_identifier}.json")
            os.truncate(file, 100)
            os.kill(os.getpid(), 9)


class WritesNothing(ExperimentPlanner):
    def plan_experiment(self):
        return {}


class Unlike:
    pass


class OtherParameters(ExperimentPlanner):
    def __init__(self, dataset, memory):
        super().__init__(dataset, memory)


class OwnName(ExperimentPlanner):
    def __init__(self, dataset_name_or_id, gpu_memory_target_in_gb=8, preprocessor_name="DefaultPreprocessor",
                 plans_name="MyPlans", overwrite_target_spacing=None, suppress_transpose=False):
        super().__init__(dataset_name_or_id, gpu_memory_target_in_gb, preprocessor_name, "Elsewhere",
                         overwrite_target_spacing, suppress_transpose)

    def plan_experiment(self):
        if self.UNet_vram_target_GB == 1:
            raise ValueError("no plan")
"""


@pytest.fixture
def world(
    really_trained: ReallyTrained, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> ReallyTrained:
    made = really_trained.copied_to(tmp_path / "world")
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    room = tmp_path / "installed" / "my_pkg"
    room.mkdir(parents=True)
    (room / "__init__.py").touch()
    (room / "planners.py").write_text(PLANNERS)
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(room.parent))
    return made


def test_a_planner_of_the_users_own_plans_and_nnunets_plans_stay(
    world: ReallyTrained, segconv: Command, tmp_path: Path
) -> None:
    folder = world.root / "nnUNet_preprocessed" / DATASET
    before = (folder / "nnUNetPlans.json").read_bytes()
    label = next((world.root / "nnUNet_raw" / DATASET / "labelsTr").iterdir())
    words = ("plan", "4", "--no-check", "-j", "1", "-c", "2d", "--planner")
    dies = tmp_path / "installed" / "my_pkg" / "dies"
    dies.touch()
    all_before = tree_hash(folder)
    done = segconv(*words, "my_pkg.planners.BigPatch")
    assert (done.codes(), tree_hash(folder)) == (["SC189"], all_before), "killed while it wrote its plans"
    dies.unlink()
    done = segconv(*words, "my_pkg.planners.BigPatch")
    assert done.code == 0, done.err
    assert "whose code runs in a process of its own" in done.err
    assert "Next: segconv train 4 -c 2d -f 0 -p nnUNetPlansBigPatch" in done.err
    assert (folder / "nnUNetPlans.json").read_bytes() == before
    made = json.loads((folder / "nnUNetPlansBigPatch.json").read_text())
    found = made["configurations"]["2d"]
    assert (found["patch_size"], found["data_identifier"]) == ([64, 80], "nnUNetPlansBigPatch_2d")
    assert found["architecture"]["arch_kwargs"]["n_stages"] == 5
    assert (made["plans_name"], made["experiment_planner_used"]) == ("nnUNetPlansBigPatch", "BigPatch")
    assert (folder / "nnUNetPlansBigPatch_2d" / f"{label.name.removesuffix('.nii.gz')}.pkl").is_file()

    done = segconv(*words, "my_pkg.planners.BigPatch", "--plans-name", "nnUNetPlans")
    assert (done.code, "are plans of nnU-Net's own planners" in done.err) == (2, True)
    for planner, gb, said in (
        ("OwnName", 8, "calls its plans Elsewhere, expected MyPlans"),
        ("OwnName", 1, "ValueError: no plan"),
        ("WritesNothing", 8, "wrote no MyPlans.json"),
    ):
        asked = Asked(4, "MyPlans", gb)
        with pytest.raises(SegconvError, match=said) as caught:
            plan_with(f"my_pkg.planners.{planner}", asked, Paths.find(), folder.parent, Hearing())
        assert caught.value.code == "SC189"
    assert sorted(path.name for path in folder.glob("*lans*.json")) == ["nnUNetPlans.json", "nnUNetPlansBigPatch.json"]
    assert not list(folder.parent.glob(".segconv-plan-*[!k]")), "nothing is left"


@pytest.mark.parametrize(
    ("default", "name"), [("", "nnUNetPlansBigPatch"), ("nnUNetPlans", "nnUNetPlansBigPatch"), ("MyPlans", "MyPlans")]
)
def test_plans_are_called_as_the_planner_or_its_class(default: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_planner, "run_planner", lambda *_: default)
    assert name_of_own("my_pkg.planners.Big_Patch", None, Paths()) == name


def test_what_is_no_planner_is_refused(world: ReallyTrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.train.planner_child import planner_at

    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    for name, code, said in (
        ("elsewhere.BigPatch", "SC166", "cannot be imported in a process of its own"),
        ("my_pkg.planners.Missing", "SC166", "no module or class of that name"),
        ("my_pkg.planners.Unlike", "SC188", "expected a class that descends from nnU-Net's ExperimentPlanner"),
        ("my_pkg.planners.OtherParameters", "SC188", "cannot be made: "),
    ):
        with pytest.raises(SegconvError, match=said) as caught:
            planner_at(name)
        assert caught.value.code == code
        assert caught.value.hint
    assert planner_at("segconv.train.planners.fixed.Isotropic1mmPlanner").spacing_mm == (1.0, 1.0, 1.0)
    shutil.rmtree(tmp_path / "installed")
