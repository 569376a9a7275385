"""Derived configurations: cascades stay linked, and nothing that counts is replaced."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import Finding
from segconv.flows import own_networks
from segconv.train.deep_supervision import DeepSupervision

from ..command import Command, Done
from ..review import datasets
from ..train.test_plans import network

NAME = "Dataset007_Ct"
CASCADE = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}


@pytest.fixture
def plans(segconv: Command) -> Path:
    """Plans as nnU-Net's planner makes them for large volumes."""
    datasets.volumes(segconv.raw, cases=2)
    usual = {"batch_size": 2, "patch_size": [64, 64, 64], "spacing": [1.0] * 3, "architecture": network(3)}
    configurations = {
        "3d_lowres": {**usual, "data_identifier": "nnUNetPlans_3d_lowres", "next_stage": "3d_cascade_fullres"},
        "3d_fullres": {**usual, "data_identifier": "nnUNetPlans_3d_fullres"},
        "3d_cascade_fullres": CASCADE,
    }
    path = segconv.folder / "nnUNet_preprocessed" / NAME / "nnUNetPlans.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"dataset_name": NAME, "plans_name": "nnUNetPlans", "configurations": configurations}))
    return path


def derive(segconv: Command, name: str, base: str, *words: object) -> Done:
    return segconv("plans", "derive", "7", name, "--from", base, *words)


def configurations(plans: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(plans.read_text())["configurations"]
    return found


def train(segconv: Command, configuration: str) -> None:
    fold = segconv.folder / "nnUNet_results" / NAME / f"nnUNetTrainer__nnUNetPlans__{configuration}" / "fold_0"
    fold.mkdir(parents=True)
    with zipfile.ZipFile(fold / "checkpoint_best.pth", "w") as archive:
        archive.writestr("data", "")


def test_what_is_derived_from_a_second_stage_is_one(segconv: Command, plans: Path) -> None:
    done = derive(segconv, "second", "3d_cascade_fullres", "--batch-size", "1")
    assert done.code == 0, done.err
    assert "Next: segconv cascade 7 -c second" in done.err
    found = configurations(plans)
    assert found["second"]["previous_stage"] == "3d_lowres"
    assert found["3d_lowres"]["next_stage"] == ["3d_cascade_fullres", "second"]
    assert found["3d_cascade_fullres"] == CASCADE


def test_a_pair_of_derived_stages_is_linked_with_each_other_only(segconv: Command, plans: Path) -> None:
    assert derive(segconv, "low", "3d_lowres", "--features", "8:32").code == 0
    assert configurations(plans)["low"]["next_stage"] is None, "no stage reads what it would predict"
    assert derive(segconv, "high", "3d_cascade_fullres", "--stage-before", "low").code == 0
    assert derive(segconv, "higher", "3d_fullres", "--stage-before", "low").code == 0, "of any of the right axes"
    found = configurations(plans)
    assert (found["high"]["previous_stage"], found["low"]["next_stage"]) == ("low", ["high", "higher"])
    assert found["3d_lowres"]["next_stage"] == "3d_cascade_fullres"
    for name in ("high", "3d_cascade_fullres"):
        done = derive(segconv, "third", "3d_fullres", "--stage-before", name)
        assert (done.code, "cascades have two stages" in done.err) == (2, True)


@pytest.mark.train
def test_nnunet_finds_both_ends_of_a_derived_cascade(segconv: Command, plans: Path) -> None:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    assert derive(segconv, "low", "3d_lowres", "--features", "8:32").code == 0
    assert derive(segconv, "high", "3d_cascade_fullres", "--stage-before", "low").code == 0
    manager = PlansManager(str(plans))
    assert manager.get_configuration("high").previous_stage_name == "low"
    assert manager.get_configuration("low").next_stage_names == ["high"]
    assert manager.get_configuration("3d_lowres").next_stage_names == ["3d_cascade_fullres"]
    assert manager.get_configuration("3d_fullres").next_stage_names is None


def test_a_derived_configuration_is_replaced_on_request(segconv: Command, plans: Path) -> None:
    assert derive(segconv, "second", "3d_cascade_fullres").code == 0
    done = derive(segconv, "second", "3d_fullres", "--batch-size", "5")
    assert (done.code, "--overwrite" in done.err) == (2, True)
    assert derive(segconv, "second", "3d_fullres", "--batch-size", "5", "--overwrite").code == 0
    found = configurations(plans)
    assert found["second"]["batch_size"] == 5
    assert "previous_stage" not in found["second"]
    assert found["3d_lowres"]["next_stage"] == "3d_cascade_fullres", "the link is gone"


def test_a_configuration_of_the_planner_is_never_replaced(segconv: Command, plans: Path) -> None:
    before = plans.read_text()
    for name in ("3d_fullres", "3d_cascade_fullres", "2d"):
        done = derive(segconv, name, "3d_lowres", "--overwrite")
        assert (done.code, "never replaced" in done.err) == (2, True)
    assert plans.read_text() == before


def test_a_configuration_that_models_were_trained_with_is_not_replaced(segconv: Command, plans: Path) -> None:
    assert derive(segconv, "own", "3d_fullres").code == 0
    assert derive(segconv, "child", "own", "--batch-size", "3").code == 0
    train(segconv, "child")
    before = plans.read_text()
    for name in ("child", "own"):
        done = derive(segconv, name, "3d_lowres", "--overwrite")
        assert (done.code, done.codes()) == (73, ["SC143"])
        assert "nnUNetTrainer__nnUNetPlans__child (fold 0)" in done.err
    assert plans.read_text() == before


def test_nothing_is_derived_from_itself(segconv: Command, plans: Path) -> None:
    assert derive(segconv, "own", "3d_fullres").code == 0
    assert derive(segconv, "child", "own").code == 0
    for base in ("own", "child"):
        assert "from itself" in derive(segconv, "own", base, "--overwrite").err


def test_the_smallest_patch_is_twice_the_product_of_the_strides(segconv: Command, plans: Path) -> None:
    done = derive(segconv, "tiny", "3d_fullres", "--patch-size", "16x32x32", "--stages", "6")
    assert (done.code, "expected at least 32x64x64" in done.err) == (2, True)
    assert derive(segconv, "tiny", "3d_fullres", "--patch-size", "32x64x64", "--stages", "6").code == 0


@pytest.mark.train
def test_a_network_is_chosen_by_name(segconv: Command, plans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert derive(segconv, "res", "3d_fullres", "--network", "ResidualEncoderUNet", "--stages", "4").code == 0
    made = configurations(plans)["res"]["architecture"]
    assert made["network_class_name"].endswith(".ResidualEncoderUNet")
    assert made["arch_kwargs"]["n_blocks_per_stage"] == [1, 3, 4, 6]
    assert made["arch_kwargs"]["n_conv_per_stage_decoder"] == [1, 1, 1]
    assert "n_conv_per_stage" not in made["arch_kwargs"]
    done = derive(segconv, "typo", "3d_fullres", "--network", "ResEncUNet")
    assert (done.code, "did you mean ResidualEncoderUNet?" in done.err) == (2, True)
    done = derive(segconv, "own", "3d_fullres", "--network", "networks.Own")
    assert (done.code, done.codes()) == (65, ["SC064"])
    assert "own" not in configurations(plans)
    allowed = ("--network", "networks.Own", "--allow-module", "networks")
    before = plans.read_bytes()
    done = derive(segconv, "own", "3d_fullres", *allowed)
    assert (done.code, done.codes(), "pip install -e FOLDER" in done.err) == (78, ["SC166"], True)
    assert plans.read_bytes() == before
    monkeypatch.setattr(own_networks, "network_findings", lambda *_: [])
    assert derive(segconv, "own", "3d_fullres", *allowed).code == 0
    assert configurations(plans)["own"]["architecture"]["network_class_name"] == "networks.Own"


@pytest.mark.train
def test_a_network_is_checked_for_the_trainer_that_will_train_it(
    segconv: Command, plans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[DeepSupervision] = []

    def note(*asked: Any) -> list[Finding]:
        checked.append(asked[-1].deep_supervision)
        return []

    monkeypatch.setattr(own_networks, "network_findings", note)
    words = ("--network", "my_pkg.nets.Net", "--allow-module", "my_pkg", "--overwrite")
    for trainer, supervised in (
        ("nnUNetTrainerNoDeepSupervision", DeepSupervision(False, True)),
        ("nnUNet_Primus_M_Trainer_BS8", DeepSupervision(False, False)),
        ("nnUNetTrainerSegconv_2epochs", DeepSupervision(True, True)),
    ):
        done = derive(segconv, "own", "3d_fullres", *words, "-tr", trainer)
        assert (done.code, checked.pop()) == (0, supervised), done.err
        assert f"Next: segconv train 7 -c own -f 0 -tr {trainer}" in done.err
    done = derive(segconv, "own", "3d_fullres", *words, "-tr", "nnUNetTrainerNoDeepSupervisor")
    assert (done.code, "did you mean nnUNetTrainerNoDeepSupervision" in done.err) == (2, True)
    assert not checked


@pytest.mark.train
@pytest.mark.parametrize("network", [("--network", "networks.Own", "--allow-module", "networks"), ()])
def test_other_classes_of_a_base_are_not_imported_with_an_allowed_network(
    network: tuple[str, ...], segconv: Command, plans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = json.loads(plans.read_text())
    found["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["conv_op"] = "elsewhere.Convolution"
    plans.write_text(json.dumps(found))
    before = plans.read_bytes()
    tried: list[Any] = []
    monkeypatch.setattr(own_networks, "network_findings", lambda *words: tried.append(words) or [])
    done = derive(segconv, "own", "3d_fullres", *network)
    assert tried == []
    if network:
        assert (done.code, done.codes(), "elsewhere.Convolution" in done.err) == (65, ["SC064"], True)
        assert plans.read_bytes() == before


def test_plans_are_shown_with_what_a_choice_of_patch_and_batch_needs(segconv: Command, plans: Path) -> None:
    assert derive(segconv, "small", "3d_cascade_fullres", "--features", "8:64", "--stages", "4").code == 0
    rows = {row["configuration"]: row for row in segconv("plans", "show", "7", "--json").json["configurations"]}
    assert rows["small"]["ram_gb"] is None, "without dataset.json, channels and classes are unknown"
    (plans.parent / "dataset.json").write_bytes((segconv.raw / NAME / "dataset.json").read_bytes())
    rows = {row["configuration"]: row for row in segconv("plans", "show", "7", "--json").json["configurations"]}
    small, base = rows["small"], rows["3d_fullres"]
    assert (small["divisor"], small["smallest_patch"]) == ([8, 8, 8], [16, 16, 16])
    assert (base["divisor"], base["smallest_patch"]) == ([16, 32, 32], [32, 64, 64])
    assert (small["stage_before"], rows["3d_lowres"]["next_stages"]) == ("3d_lowres", ["3d_cascade_fullres", "small"])
    assert small["gpu_gb"] < base["gpu_gb"]
    assert small["ram_gb"] < base["ram_gb"]
    assert rows["3d_cascade_fullres"]["parameters"] > base["parameters"], "the first stage's labels are channels"
    shown = segconv("plans", "show", "7").out
    assert "cascade\tbefore 3d_cascade_fullres and small\t\tafter 3d_lowres\tafter 3d_lowres" in shown
    assert f"GPU memory\t{base['gpu_gb']:.1f} GB" in shown
