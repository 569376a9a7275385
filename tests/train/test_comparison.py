"""Models are compared only if they can be: all folds of the split, validated, with probabilities for ensembles."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import Finding, SegconvError
from segconv.train import comparison
from segconv.train.comparison import Comparison, Wanted, plan_comparison, run_comparison
from segconv.train.model import Model
from segconv.train.paths import Paths
from segconv.train.untrusted_models import NO_TRUST, Trust

from .checkpoints import checkpoint

pytestmark = pytest.mark.train  # plans name classes of packages that come with nnU-Net

DATASET = "Dataset501_A"
SPLIT = [{"train": ["c", "d"], "val": ["a", "b"]}, {"train": ["a", "b"], "val": ["c", "d"]}]
PLANS: Mapping[str, Any] = {
    "dataset_name": DATASET,
    "configurations": {
        "2d": {
            "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet"}
        },
        "3d_lowres": {},
        "3d_cascade_fullres": {"previous_stage": "3d_lowres"},
    },
}


class World:
    """nnU-Net's folders with trained models, as far as they are looked at."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(*(root / f"nnUNet_{word}" for word in ("raw", "preprocessed", "results")))
        (root / "nnUNet_raw" / DATASET).mkdir(parents=True)
        preprocessed = root / "nnUNet_preprocessed" / DATASET
        (preprocessed / "gt_segmentations").mkdir(parents=True)
        (preprocessed / "splits_final.json").write_text(json.dumps(SPLIT))
        (preprocessed / "nnUNetPlans.json").write_text(json.dumps(PLANS))
        self.results = root / "nnUNet_results" / DATASET

    def model(self, configuration: str) -> Path:
        return self.results / f"nnUNetTrainer__nnUNetPlans__{configuration}"

    def train(self, configuration: str, *, folds: int = 2) -> Path:
        """Leave what training and validation with probabilities leave."""
        model = self.model(configuration)
        for fold in range(folds):
            validation = model / f"fold_{fold}" / "validation"
            validation.mkdir(parents=True)
            (validation.parent / "checkpoint_final.pth").write_bytes(checkpoint())
            for case in SPLIT[fold]["val"]:
                (validation / f"{case}.png").touch()
                (validation / f"{case}.npz").touch()
                (validation / f"{case}.pkl").write_bytes(pickle.dumps({"spacing": [1.0, 1.0]}))
            (validation / "summary.json").write_text("{}")
        (model / "plans.json").write_text(json.dumps(PLANS))
        description = {"channel_names": {"0": "x"}, "labels": {"background": 0, "a": 1}, "file_ending": ".png"}
        (model / "dataset.json").write_text(json.dumps({**description, "numTraining": 4}))
        return model

    def finds(self, best: str, scores: dict[str, float], *, after: float = 0.5) -> None:
        """Write what nnU-Net's search writes."""
        trainer, plans, configuration = best.split("__")
        chosen = {"configuration": configuration, "trainer": trainer, "plans_identifier": plans}
        said = {
            "folds": [0, 1],
            "all_results": scores,
            "best_model_or_ensemble": {
                "result_on_crossval_pre_pp": scores[best],
                "result_on_crossval_post_pp": after,
                "selected_model_or_models": [chosen],
            },
        }
        self.results.mkdir(parents=True, exist_ok=True)
        (self.results / "inference_information.json").write_text(json.dumps(said))

    def plan(self, wanted: Wanted = comparison.ALL, trust: Trust = NO_TRUST) -> Comparison:
        return plan_comparison(DATASET, self.paths, wanted, trust)

    def refused(self, wanted: Wanted = comparison.ALL) -> list[Finding]:
        with pytest.raises(SegconvError) as caught:
            self.plan(wanted)
        return list(caught.value.findings)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(comparison, "commands", dict)
    return World(tmp_path)


def test_all_trained_models_are_compared_on_all_folds_of_the_split_in_nnunets_order(world: World) -> None:
    for configuration in ("2d_wide", "3d_cascade_fullres", "3d_lowres", "2d"):
        world.train(configuration)
    plans = {**PLANS, "configurations": {**PLANS["configurations"], "2d_wide": {"inherits_from": "2d"}}}
    world.paths.require("preprocessed").joinpath(DATASET, "nnUNetPlans.json").write_text(json.dumps(plans))
    (world.results / "ensembles").mkdir()
    planned = world.plan()
    assert [model.configuration for model in planned.models] == ["2d", "3d_lowres", "3d_cascade_fullres", "2d_wide"]
    assert (planned.folds, planned.ensembles) == (("0", "1"), True)
    one = world.plan(Wanted(configurations=["2d"], folds=["1"]))
    assert (len(one.models), one.folds, one.ensembles) == (1, ("1",), False), "one model makes no ensemble"


def test_a_model_of_all_cases_is_not_compared(world: World) -> None:
    world.train("2d", folds=1)
    (world.model("2d") / "fold_0").rename(world.model("2d") / "fold_all")
    (found,) = world.refused()
    assert found.code == "SC010"


def test_an_untrained_fold_is_named_with_what_trains_it_and_what_does_without(world: World) -> None:
    world.train("2d", folds=1)
    (found,) = world.refused()
    assert (found.code, found.file) == ("SC122", str(world.model("2d") / "fold_1"))
    assert [cure.kind for cure in found.cures] == ["train", "choose_folds"]
    assert dict(found.cures[1].values) == {"folds": ("0",)}
    world.plan(Wanted(folds=["0"]))


def test_untrained_folds_are_one_finding_with_the_command_for_all(world: World) -> None:
    path = world.paths.require("preprocessed") / DATASET / "splits_final.json"
    path.write_text(json.dumps([*SPLIT, *SPLIT]))
    world.train("2d", folds=1)
    (found,) = world.refused()
    assert (found.file, found.message) == (str(world.model("2d")), "folds 1, 2, 3 are not trained")
    assert dict(found.cures[0].values)["fold"] == "1,2,3"


def test_everything_that_is_missing_is_reported_together(world: World) -> None:
    lowres, flat = world.train("3d_lowres"), world.train("2d")
    (flat / "fold_0" / "validation" / "summary.json").unlink()
    (flat / "fold_1" / "validation" / "c.png").unlink()
    (lowres / "fold_0" / "validation" / "b.npz").unlink()
    (lowres / "fold_1" / "validation" / "a.png").touch()
    found = world.refused()
    assert {finding.code for finding in found} == {"SC122"}
    said = [f"{Path(finding.file).parent.parent.name[-2:]} {finding.message}" for finding in found]
    assert [
        next(words for words in ("summary.json", "1 case (c)", "1 case (b)", "(a)") if words in text) for text in said
    ] == ["summary.json", "1 case (c)", "1 case (b)", "(a)"]
    kinds = [[cure.kind for cure in finding.cures] for finding in found]
    assert kinds[2] == ["validate_with_probabilities", "without_ensembles"]


def test_without_ensembles_no_probabilities_are_needed(world: World) -> None:
    for path in (world.train("2d").parent, world.train("3d_lowres").parent):
        for kept in path.rglob("*.npz"):
            kept.unlink()
    assert {found.code for found in world.refused()} == {"SC122"}
    assert world.plan(Wanted(ensembles=False)).ensembles is False
    assert world.plan(Wanted(configurations=["2d"])).ensembles is False


def test_a_cascade_needs_the_folds_of_its_first_stage(world: World) -> None:
    world.train("3d_cascade_fullres")
    world.train("3d_lowres", folds=1)
    found = world.refused(Wanted(configurations=["3d_cascade_fullres"]))
    assert [finding.file for finding in found] == [str(world.model("3d_lowres") / "fold_1")]
    world.plan(Wanted(configurations=["3d_cascade_fullres"], folds=["0"]))


def test_labels_that_nnunet_has_not_copied_are_reported(world: World) -> None:
    world.train("2d")
    (world.paths.require("preprocessed") / DATASET / "gt_segmentations").rmdir()
    (found,) = world.refused()
    assert [cure.kind for cure in found.cures] == ["plan"]


def test_pickles_of_probabilities_and_plans_that_hold_code_are_refused(world: World) -> None:
    world.train("2d")
    model = world.train("3d_lowres")
    bad = model / "fold_1" / "validation" / "c.pkl"
    bad.write_bytes(pickle.dumps(Finding("SC001", "code")))
    (found,) = world.refused()
    assert (found.code, found.file) == ("SC064", str(bad))
    world.plan(Wanted(ensembles=False))
    world.plan(trust=Trust(trust_model=True))
    plans = {"configurations": {"2d": {"architecture": {"network_class_name": "os.system"}}}}
    (model / "plans.json").write_text(json.dumps(plans))
    (found,) = world.refused(Wanted(ensembles=False))
    assert (found.code, found.file) == ("SC064", str(model / "plans.json"))


def test_nnunet_gets_the_models_by_name(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def child(command: list[str], *_: Any, **__: Any) -> None:
        asked.append(json.loads(command[-1]))
        world.finds("T__P__2d", {"T__P__2d": 0.5})

    monkeypatch.setattr(comparison, "run_child", child)
    planned = Comparison(DATASET, (Model(DATASET, "2d", "T", "P"), Model(DATASET, "3d", "T", "Q")), ("0", "2"), True)
    assert run_comparison(planned, world.paths, jobs=3).name == "T__P__2d"
    models = [
        {"plans": "P", "configuration": "2d", "trainer": "T"},
        {"plans": "Q", "configuration": "3d", "trainer": "T"},
    ]
    assert asked == [
        {
            "dataset_name_or_id": DATASET,
            "allowed_trained_models": models,
            "allow_ensembling": True,
            "num_processes": 3,
            "folds": [0, 2],
        }
    ]


def test_a_class_that_occurs_nowhere_explains_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise SegconvError("ended with exit code 1: IndexError", code="SC101")

    monkeypatch.setattr(comparison, "run_child", fails)
    planned = Comparison(DATASET, (Model(DATASET, "2d"),), ("0", "1"), False)
    with pytest.raises(SegconvError) as caught:
        run_comparison(planned, world.paths)
    assert caught.value.code == "SC101"
    summary = world.train("2d") / "crossval_results_folds_0_1" / "summary.json"
    summary.parent.mkdir()
    summary.write_text('{"mean": {"1": {"Dice": 0.5}, "2": {"Dice": NaN}}}')
    with pytest.raises(SegconvError) as caught:
        run_comparison(planned, world.paths)
    (found,) = caught.value.findings
    assert (found.code, found.file) == ("SC124", str(summary))
    assert "2 occurs in no case" in found.message


def test_a_fold_of_cases_that_are_held_out_is_not_compared_by_default(world: World) -> None:
    path = world.paths.require("preprocessed") / DATASET / "splits_final.json"
    path.write_text(json.dumps([*SPLIT, {"train": ["a", "b", "c", "d"], "val": ["e"]}]))
    world.train("2d")
    assert world.plan().folds == ("0", "1")
    assert [found.code for found in world.refused(Wanted(folds=["2"]))] == ["SC122"]
