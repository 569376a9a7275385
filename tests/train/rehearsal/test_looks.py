"""Mistakes in trainers, networks and plans, found by what nnU-Net's own classes do with them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import SegconvError
from segconv.train.rehearsal.small import small_plans

from ..really_trained import DATASET, ReallyTrained

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore::FutureWarning:torch")]

PLANTED = Path(__file__).with_name("planted")
CONFIGURATION = "2d_small"

Look = Callable[..., dict[str, Any]]


@pytest.fixture
def plans(really_trained: ReallyTrained) -> dict[str, Any]:
    file = really_trained.root / "nnUNet_preprocessed" / DATASET / "nnUNetPlans.json"
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.fixture
def look(really_trained: ReallyTrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Examine a planted trainer with a network as planned."""
    import torch

    from segconv.train.rehearsal import looks

    for name, folder in {**really_trained.variables, "nnUNet_results": str(tmp_path)}.items():
        monkeypatch.setenv(name, folder)
    monkeypatch.setenv("nnUNet_extTrainer", str(PLANTED))
    monkeypatch.setenv("nnUNet_compile", "f")
    described = json.loads((really_trained.root / "nnUNet_preprocessed" / DATASET / "dataset.json").read_text())

    def at(name: str, plans: dict[str, Any]) -> dict[str, Any]:
        made = looks.trainer_class(name)
        small = small_plans(plans, [CONFIGURATION], DATASET) | {"continue_training": False}
        looks.refuse_missing_classes(plans, CONFIGURATION)
        trainer = made(small, CONFIGURATION, 0, described, torch.device("cpu"))
        trainer.initialize()
        return looks.look_at_network(trainer, copy.deepcopy(plans), CONFIGURATION)

    return at


@pytest.mark.parametrize("name", ["nnUNetTrainer", "nnUNetTrainerNoDeepSupervision", "Switched"])
def test_sound_trainers_pass_and_their_networks_are_counted(name: str, look: Look, plans: dict[str, Any]) -> None:
    found = look(name, plans)
    assert found["patch_size"] == plans["configurations"][CONFIGURATION]["patch_size"]
    assert found["parameters"] > 0
    assert found["forward_flops"] > found["small"]["forward_flops"] > 0
    assert found["activation_bytes"] > found["small"]["activation_bytes"] > 0


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("OldParameters", "SC161", "unpack_dataset"),
        ("AnyParameters", "SC161", "args, kwargs"),
        ("NotStatic", "SC161", "does not take what prediction passes"),
        ("WithLambda", "SC162", "pickle"),
        ("OneOutput", "SC163", "cannot be switched on: 'Flat' object has no attribute 'decoder'"),
        ("OneOutputSwitched", "SC163", "returns one tensor"),
        ("AlwaysDeep", "SC163", "when it is built for prediction"),
        ("TooManyHeads", "SC168", "returns 4 channels, expected 3 channels"),
        ("OtherWeights", "SC186", "has other weights when it is built for prediction: surplus.bias is not expected"),
        ("Missing", "SC166", "no trainer 'Missing'"),
    ],
)
def test_mistakes_in_trainers_have_codes_of_their_own(
    name: str, code: str, said: str, look: Look, plans: dict[str, Any]
) -> None:
    with pytest.raises(SegconvError, match=said) as caught:
        look(name, plans)
    assert caught.value.code == code


def test_residual_networks_of_nnunet_pass(look: Look, plans: dict[str, Any]) -> None:
    network = plans["configurations"][CONFIGURATION]["architecture"]
    network["network_class_name"] = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
    network["arch_kwargs"]["n_blocks_per_stage"] = network["arch_kwargs"].pop("n_conv_per_stage")
    assert look("nnUNetTrainer", plans)["forward_flops"] > 0


def test_a_class_that_is_not_a_trainer_is_refused(look: Look, plans: dict[str, Any]) -> None:
    with pytest.raises(SegconvError, match="does not inherit") as caught:
        look("Flat", plans)
    assert caught.value.code == "SC161"


def test_a_network_of_a_package_that_is_not_installed_is_named(look: Look, plans: dict[str, Any]) -> None:
    network = plans["configurations"][CONFIGURATION]["architecture"]
    network["network_class_name"] = "nowhere_installed.nets.Net"
    with pytest.raises(SegconvError, match=r"nowhere_installed\.nets\.Net") as caught:
        look("nnUNetTrainer", plans)
    assert caught.value.code == "SC166"


def test_a_patch_that_does_not_go_through_is_refused(look: Look, plans: dict[str, Any]) -> None:
    configuration = plans["configurations"][CONFIGURATION]
    configuration["patch_size"] = [configuration["patch_size"][0] + 1, configuration["patch_size"][1]]
    with pytest.raises(SegconvError, match="does not go through") as caught:
        look("nnUNetTrainer", plans)
    assert caught.value.code == "SC164"


def test_an_unknown_planner_is_refused_if_it_was_asked_for() -> None:
    from segconv.train.rehearsal.looks import planner_to_use

    assert planner_to_use("nnUNetPlannerResEncM", wanted=True) == "nnUNetPlannerResEncM"
    assert planner_to_use("Mine", wanted=False) == "ExperimentPlanner"
    with pytest.raises(SegconvError, match="no planner 'Mine'") as caught:
        planner_to_use("Mine", wanted=True)
    assert caught.value.code == "SC166"
