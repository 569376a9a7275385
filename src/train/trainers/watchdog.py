"""Stop a training that cannot recover, before it writes a checkpoint: losses that are not finite, and a collapse.

A checkpoint that was written inside the collapse is renamed, so that nnU-Net resumes from before it. The reason is
written to `STOPPED` in the fold's folder, which whoever started the training reads as data.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from .stopped import COLLAPSE, COLLAPSED, LOSS, STOPPED

IN_A_ROW = 20
"""So many losses in a row that are not finite stop a training with a gradient scaler, which passes over single ones."""

LOWEST_SCALE = 1.0
"""A scaler halves its scale, from 65536 on, after each gradient that is not finite; below this it helps no more."""

NOTHING, SOMETHING = 0.01, 0.1
"""Pseudo Dice below which a class is not found, and average above which a network has found something."""

COLLAPSED_EPOCHS, FLAT_EPOCHS = 10, 30
"""Epochs without any class after which a network has collapsed, or is flat if it never found one."""

LATEST, BEST = "checkpoint_latest.pth", "checkpoint_best.pth"
"""Where nnU-Net looks for a training to resume, in this order."""


class TrainingStopped(RuntimeError):
    """The watchdog stopped a training."""


class Watchdog(nnUNetTrainer):
    """A mixin, to be named before the trainer class that it watches."""

    _best_ema: float | None
    _bad_losses = 0

    def on_train_start(self) -> None:
        """Forget why an earlier run was stopped."""
        Path(self.output_folder, STOPPED).unlink(missing_ok=True)
        super().on_train_start()

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Train with a batch, and look at its loss."""
        result: dict[str, Any] = super().train_step(batch)
        self._watch_loss(float(result["loss"]))
        return result

    def on_validation_epoch_end(self, val_outputs: list[dict[str, Any]]) -> None:
        """Log the pseudo Dice, and leave epochs without a value out of its moving average.

        nnU-Net's average stays NaN after one epoch whose batches hold no class.
        """
        super().on_validation_epoch_end(val_outputs)
        averages = self.logger.get_value("ema_fg_dice", step=None)
        if math.isnan(averages[-1]):
            averages[-1] = moving_average(self.logger.get_value("mean_fg_dice", step=None))

    def on_epoch_end(self) -> None:
        """Stop a collapsed training before nnU-Net writes its checkpoints, or finish the epoch."""
        dice = self.logger.get_value("dice_per_class_or_region", step=None)
        if collapsed(dice):
            self._set_aside_collapsed(len(dice))
            self._stop(COLLAPSE, f"no class was found for {COLLAPSED_EPOCHS} epochs, after some had been")
        if len(dice) == FLAT_EPOCHS and all(map(finds_nothing, dice)):
            self.print_to_log_file(f"WARNING: no class was found in {FLAT_EPOCHS} epochs")
        super().on_epoch_end()
        self._forget_best_that_is_nan()

    def load_checkpoint(self, filename_or_checkpoint: Any) -> None:
        """Load a checkpoint, and the best average in it unless it is NaN."""
        super().load_checkpoint(filename_or_checkpoint)
        self._forget_best_that_is_nan()

    def _forget_best_that_is_nan(self) -> None:
        """Let a later epoch be the best: nothing is greater than NaN, so that nnU-Net would keep the first one."""
        if self._best_ema is not None and math.isnan(self._best_ema):
            self._best_ema = None

    def _watch_loss(self, loss: float) -> None:
        self._bad_losses = 0 if math.isfinite(loss) else self._bad_losses + 1
        if self.grad_scaler is None:
            if self._bad_losses:
                self._stop(LOSS, f"the loss is {loss}")
        elif self._bad_losses >= IN_A_ROW:
            self._stop(LOSS, f"{IN_A_ROW} losses in a row were not finite")
        elif self.grad_scaler.get_scale() < LOWEST_SCALE:
            self._stop(LOSS, f"gradients are not finite at a scale of {self.grad_scaler.get_scale():g}")

    def _set_aside_collapsed(self, epochs: int) -> None:
        """Rename the latest checkpoint if it is from inside a collapse, so that nnU-Net resumes from the best one."""
        if epochs_in_latest(epochs, self.save_every) > epochs - COLLAPSED_EPOCHS:
            latest = Path(self.output_folder, LATEST)
            with suppress(FileNotFoundError):  # one of several processes that train a network renames it
                latest.replace(latest.with_name(LATEST + COLLAPSED))

    def _stop(self, kind: str, what: str) -> None:
        """Record the reason, and raise `TrainingStopped`."""
        checkpoint = last_good(Path(self.output_folder))
        record = {"kind": kind, "what": what, "epoch": self.current_epoch, "checkpoint": checkpoint}
        file = Path(self.output_folder, STOPPED)
        new = file.with_name(f"{file.name}.{os.getpid()}.new")  # several processes may train one network
        new.write_text(json.dumps(record), encoding="utf-8")
        new.replace(file)
        kept = f"{checkpoint} is the last good checkpoint" if checkpoint else "no checkpoint was written"
        raise TrainingStopped(f"stopped in epoch {self.current_epoch}: {what}; {kept}")


def finds_nothing(dice: Sequence[float]) -> bool:
    """Return whether every class has a pseudo Dice near 0; classes without a value do not count."""
    known = [value for value in dice if not math.isnan(value)]
    return bool(known) and all(value < NOTHING for value in known)


def collapsed(epochs: Sequence[Sequence[float]]) -> bool:
    """Return whether a network found something, and nothing in the last epochs; pseudo Dice per epoch and class."""
    before, last = epochs[:-COLLAPSED_EPOCHS], epochs[-COLLAPSED_EPOCHS:]
    found = any(not np.isnan(dice).all() and np.nanmean(dice) > SOMETHING for dice in before)
    return found and all(map(finds_nothing, last))


def moving_average(values: Sequence[float]) -> float:
    """Return nnU-Net's moving average, over the values that are numbers; NaN if there are none."""
    average = math.nan
    for value in values:
        if not math.isnan(value):
            average = value if math.isnan(average) else 0.9 * average + 0.1 * value
    return average


def epochs_in_latest(epochs: int, every: int) -> int:
    """Return the number of epochs in nnU-Net's latest checkpoint, which it writes after each so many.

    Parameters
    ----------
    epochs
        Number of epochs of the training; the last one has written no checkpoint yet.
    every
        nnU-Net's ``save_every``.
    """
    return (epochs - 1) // every * every


def last_good(folder: Path) -> str:
    """Return the name of the checkpoint from which nnU-Net resumes; empty if none exists."""
    return next((name for name in (LATEST, BEST) if (folder / name).exists()), "")
