"""A trainer of the user's own that goes wrong in nnU-Net's own process: what `train` says, and what the next run does."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.train.folds import states_of

from ..command import Command
from ..train.really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train

FEW = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1"}

MODULE = """
from pathlib import Path

from segconv.train.trainers.stock import nnUNetTrainerSegconv

class TurnsToNaN(nnUNetTrainerSegconv):
    settings = {"num_epochs": 2, "num_iterations_per_epoch": 1, "num_val_iterations_per_epoch": 1}

    def train_step(self, batch):
        if self.fold == 2 and self.current_epoch == 1 and Path(__file__).with_name("wrong").exists():
            batch["data"] = batch["data"] * float("nan")
        return super().train_step(batch)

    def perform_actual_validation(self, save_probabilities=False):
        folder = Path(self.output_folder, "validation")
        folder.mkdir()
        (folder / "summary.json").write_text("{}")
"""


def test_a_loss_of_nan_stops_a_fold_and_the_same_command_resumes_it(
    really_trained: ReallyTrained, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = really_trained.copied_to(tmp_path)
    for key, value in FEW.items():
        monkeypatch.setenv(key, value)
    folder = tmp_path / "trainers"
    folder.mkdir()
    (folder / "mine.py").write_text(MODULE)
    (folder / "wrong").touch()
    words = ("train", 4, "-c", "2d_small", "-f", "2,3", "-tr", "TurnsToNaN", "--ext-trainer", folder, "--device", "cpu")

    done = segconv(*words)
    model = made.root / "nnUNet_results" / DATASET / "TurnsToNaN__nnUNetPlans__2d_small"
    kept = model / "fold_2" / "checkpoint_best.pth"
    assert (done.code, done.codes()) == (1, ["SC175"]), done.err
    assert f"fold 2: stopped in epoch 1: the loss is nan; the last good checkpoint is {kept}" in done.err
    assert "Hint: the same command goes on from there; if it stops again, train with a third of the rate" in done.err
    assert "fold 3: trained and validated" in done.err
    assert {fold: (state.complete, state.epoch) for fold, state in states_of(model).items()} == {
        "2": (False, 1),
        "3": (True, 2),
    }

    (folder / "wrong").unlink()
    done = segconv(*words)
    assert done.code == 0, done.err
    assert "fold 2: resumed at epoch 1, trained and validated" in done.err
    assert "fold 3: was trained and validated before" in done.err
    assert states_of(model)["2"].complete
    assert not (model / "fold_2" / "segconv_stopped.json").exists()
