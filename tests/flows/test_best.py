"""The command that compares trained models: its table, its advice, and what it waits for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segconv.train import comparison
from segconv.train.holds import comparing, predicting, training

from ..command import Command
from ..train.test_comparison import DATASET, World

pytestmark = pytest.mark.train  # plans name classes of packages that come with nnU-Net

BEST = "nnUNetTrainer__nnUNetPlans__3d_cascade_fullres"
OTHER = "nnUNetTrainer__nnUNetPlans__3d_lowres"


@pytest.fixture
def world(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Trained models, and a search that finds the cascade best."""
    segconv.raw.rmdir()
    monkeypatch.setattr(comparison, "commands", dict)
    made = World(tmp_path)
    for configuration in ("3d_lowres", "3d_cascade_fullres"):
        made.train(configuration)

    def child(*_: Any, **__: Any) -> None:
        made.finds(BEST, {"odd": float("nan"), OTHER: 0.5, BEST: 0.8}, after=0.825)

    monkeypatch.setattr(comparison, "run_child", child)
    return made


def test_the_best_is_shown_first_with_the_next_command_and_nnunets_own(segconv: Command, world: World) -> None:
    done = segconv("best", 501, "-v")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "model or ensemble\tDice\t",
        f"{BEST}\t0.8000\tbest",
        f"{OTHER}\t0.5000\t",
        "odd\tnan\t",
    ]
    assert f"Best on folds 0, 1: {BEST} (mean Dice 0.8000, 0.8250 with its postprocessing)" in done.err
    assert "Next: segconv infer 501 -i IN -o OUT" in done.err
    commands = [line.split()[0] for line in done.err.splitlines() if line.startswith("  nnUNetv2_")]
    assert commands == ["nnUNetv2_predict", "nnUNetv2_predict", "nnUNetv2_apply_postprocessing"]
    found = segconv("best", 501, "--json").json
    assert (found["best"], found["scores"]["odd"], found["dice_postprocessed"]) == (BEST, None, 0.825)


def test_what_is_missing_is_reported_with_what_makes_it(segconv: Command, world: World) -> None:
    (world.model("3d_lowres") / "fold_1" / "validation" / "c.npz").unlink()
    done = segconv("best", 501)
    assert (done.code, done.codes()) == (66, ["SC122"])
    assert f"segconv train {DATASET} -c 3d_lowres -f 1 --val --npz keeps them, or --no-ensembles" in done.err
    assert segconv("best", 501, "--no-ensembles").code == 0
    assert segconv("best", 501, "-f", "all").code == 2, "all holds no case back"


def test_folds_that_are_being_trained_are_not_compared_and_two_searches_exclude_each_other(
    segconv: Command, world: World
) -> None:
    fold = world.model("3d_lowres") / "fold_1"
    with training(world.paths, DATASET, [fold]):
        done = segconv("best", 501)
    assert (done.code, done.codes()) == (75, ["SC035"])
    with predicting(world.paths, [fold]):
        assert segconv("best", 501).code == 0, "to predict at the same time harms neither"
    with comparing(world.paths, DATASET, []):
        assert segconv("best", 501).codes() == ["SC035"]
