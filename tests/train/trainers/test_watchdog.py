"""The watchdog stops real trainers that go wrong before they write a checkpoint."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ..really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train

Said = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def said(really_trained: ReallyTrained, tmp_path_factory: pytest.TempPathFactory) -> Said:
    """How each training ended, in one process."""
    folder = tmp_path_factory.mktemp("watchdog")
    few = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0", "OMP_NUM_THREADS": "1"}
    own = {"nnUNet_results": str(folder / "results"), "SAID": str(folder / "said.json")}
    program = Path(__file__).with_name("watchdog_program.py")
    done = subprocess.run(
        [sys.executable, str(program), DATASET],
        env={**os.environ, **really_trained.variables, **few, **own},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found: Said = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return found


def test_a_loss_of_nan_stops_at_once_without_a_scaler(said: Said) -> None:
    found = said["nan"]
    assert found["steps"] == 3
    assert found["unchanged"]
    kept = "checkpoint_latest.pth"
    assert found["record"] == {"kind": "loss", "what": "the loss is nan", "epoch": 1, "checkpoint": kept}
    assert f"{kept} is the last good checkpoint" in found["error"]


def test_a_stop_before_any_checkpoint_says_so(said: Said) -> None:
    assert said["nan at once"]["record"]["checkpoint"] == ""
    assert "no checkpoint was written" in said["nan at once"]["error"]


def test_a_scaler_that_can_halve_no_further_stops(said: Said) -> None:
    assert said["scale"]["steps"] == 17, "65536 is halved to 0.5"
    assert "at a scale of 0.5" in said["scale"]["error"]


def test_twenty_losses_in_a_row_stop_with_a_scaler(said: Said) -> None:
    assert said["row"]["steps"] == 20
    assert said["row"]["record"]["kind"] == "loss"


def test_a_scaler_passes_over_a_few(said: Said) -> None:
    assert "error" not in said["few"]
    assert said["few"]["epoch"] == 1


def test_a_collapse_stops_before_checkpoints_are_written(said: Said) -> None:
    found = said["collapse"]
    assert found["record"]["kind"] == "collapse"
    assert found["record"]["epoch"] == 10, "ten epochs without a class, after the first"
    assert found["record"]["checkpoint"] == "checkpoint_best.pth"
    assert found["unchanged"]
    assert found["files"] == ["checkpoint_best.pth", "checkpoint_latest.pth.collapsed"]
    assert found["resumes at"] == 1, "after the only epoch before the collapse"


@pytest.mark.parametrize(("epochs", "latest"), [(1, 0), (50, 0), (51, 50), (100, 50), (101, 100)])
def test_the_latest_checkpoint_is_of_every_fiftieth_epoch_that_ended(epochs: int, latest: int) -> None:
    from segconv.train.trainers.watchdog import epochs_in_latest

    assert epochs_in_latest(epochs, 50) == latest


def test_a_first_average_of_nan_does_not_freeze_the_best_checkpoint(said: Said) -> None:
    assert math.isnan(said["stock"]["best"]), "nnU-Net's own"
    assert said["none"]["best"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("epochs", "is_collapsed"),
    [
        ([[0.5, 0.0]] + [[0.0, 0.0]] * 10, True),
        ([[0.5, 0.0]] + [[0.0, 0.0]] * 9, False),
        ([[0.15, 0.04]] + [[0.0, 0.0]] * 10, False),  # its average is below 0.1
        ([[0.15, 0.06]] + [[0.0, 0.0]] * 10, True),
        ([[0.5, 0.0]] + [[0.0, 0.0]] * 9 + [[0.0, 0.011]], False),
        ([[0.5, 0.0]] + [[0.0, 0.02]] + [[0.0, 0.0]] * 9, False),
        ([[0.5, 0.0]] + [[math.nan, 0.009]] * 10, True),
        ([[0.5, 0.0]] + [[math.nan, math.nan]] * 10, False),
        ([[math.nan, math.nan]] + [[0.0, 0.0]] * 10, False),
    ],
)
def test_a_collapse_is_nothing_for_ten_epochs_after_something(epochs: list[list[float]], *, is_collapsed: bool) -> None:
    from segconv.train.trainers.watchdog import collapsed

    assert collapsed(epochs) is is_collapsed


@pytest.fixture
def trainer(tmp_path: Path) -> Any:
    """A trainer with only what the watchdog looks at."""
    from segconv.train.trainers import stock

    made = object.__new__(stock.nnUNetTrainerSegconv)
    scaler = SimpleNamespace(get_scale=lambda: 2.0**16)
    vars(made).update(output_folder=str(tmp_path), current_epoch=3, grad_scaler=scaler, _best_ema=None, lines=[])
    vars(made)["print_to_log_file"] = made.lines.append
    return made


def test_a_finite_loss_begins_the_row_again(trainer: Any) -> None:
    from segconv.train.trainers.watchdog import TrainingStopped

    for loss in [math.nan] * 19 + [1.0] + [math.nan] * 19:
        trainer._watch_loss(loss)
    with pytest.raises(TrainingStopped, match="20 losses in a row"):
        trainer._watch_loss(math.inf)


@pytest.mark.parametrize(("epochs", "warned"), [(29, 0), (30, 1), (31, 1)])
def test_a_network_that_finds_nothing_for_thirty_epochs_is_logged_once(
    trainer: Any, epochs: int, warned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    dice: list[list[float]] = []
    trainer.logger = SimpleNamespace(get_value=lambda key, step: {"dice_per_class_or_region": dice}[key])
    monkeypatch.setattr(nnUNetTrainer, "on_epoch_end", lambda _: None)
    for _ in range(epochs):
        dice.append([0.0, 0.005])
        trainer.on_epoch_end()
    assert trainer.lines == ["WARNING: no class was found in 30 epochs"] * warned


@pytest.mark.parametrize(("best", "kept"), [(math.nan, None), (0.3, 0.3)])
def test_a_best_average_of_nan_is_not_loaded(
    trainer: Any, best: float, kept: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    monkeypatch.setattr(nnUNetTrainer, "load_checkpoint", lambda self, _: setattr(self, "_best_ema", best))
    trainer.load_checkpoint("checkpoint_latest.pth")
    assert trainer._best_ema == kept
