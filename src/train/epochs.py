"""Follow a training through the lines that nnU-Net writes: epoch, losses, pseudo Dice, time left."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .folds import planned_epochs

QUEUED, STARTING, TRAINING, VALIDATING = "queued", "starting", "training", "validating"
DONE, FAILED, INTERRUPTED = "done", "failed", "interrupted"
"""Phases of a fold."""

_RECENT = 10
"""Number of epochs whose mean time predicts that of the others."""

_TIME = r"(?:\d{4}-\d\d-\d\d [\d:.]+: )?"
_NUMBER = r"(nan|-?(?:inf|\d+\.?\d*(?:e[+-]?\d+)?))"
_EPOCH = re.compile(rf"{_TIME}Epoch (\d+)\s*")
_TRAIN_LOSS = re.compile(rf"{_TIME}train_loss {_NUMBER}")
_VALIDATION_LOSS = re.compile(rf"{_TIME}val_loss {_NUMBER}")
_DICE = re.compile(rf"{_TIME}Pseudo dice \[(.*)\]")
_DICE_OF_CLASS = re.compile(rf"(?<![\w.]){_NUMBER}(?=[\s),]|$)")
_EPOCH_TIME = re.compile(rf"{_TIME}Epoch time: {_NUMBER} s")
_VALIDATED = re.compile(rf"{_TIME}This split has \d+ training and (\d+) validation cases")
_PREDICTING = re.compile(rf"{_TIME}predicting (\S+)")
_TRAINED = re.compile(rf"{_TIME}Training done")
_COMPILING = re.compile(rf"{_TIME}Using torch\.compile")


@dataclass(frozen=True)
class Progress:
    """How far a fold is.

    Parameters
    ----------
    fold
        Name of the fold.
    slot
        Where it runs, such as ``"GPU 0"`` or ``"job 4711"``.
    phase
        One of `QUEUED`, `STARTING`, `TRAINING`, `VALIDATING`, `DONE`, `FAILED`, `INTERRUPTED`.
    epoch
        The epoch at work, from 0 on; None before the first.
    epochs
        Number of epochs that the trainer plans; None if unknown.
    finished
        Whether the losses and the Dice are those of `epoch`, not of the one before.
    train_loss, validation_loss
        Of the last finished epoch, as nnU-Net rounds them.
    pseudo_dice
        Of the last finished epoch: per class, from a few random patches of the validation cases.
    epoch_s
        Mean time of the last epochs, in seconds.
    predicted, to_predict
        Number of validation cases begun, and of all; None if unknown.
    compiles
        Whether the network's kernels are compiled in the first epoch of the run, which takes longer than the others.
    """

    fold: str
    slot: str = ""
    phase: str = STARTING
    epoch: int | None = None
    epochs: int | None = None
    finished: bool = False
    train_loss: float | None = None
    validation_loss: float | None = None
    pseudo_dice: tuple[float, ...] = ()
    epoch_s: float | None = None
    predicted: int = 0
    to_predict: int | None = None
    compiles: bool = False

    @property
    def left_s(self) -> float | None:
        """Time until the last epoch, in seconds; None if unknown. Validation is not included."""
        if self.phase != TRAINING or None in (self.epoch, self.epochs, self.epoch_s):
            return None
        done = (self.epoch or 0) + self.finished
        return max(0, (self.epochs or 0) - done) * (self.epoch_s or 0.0)


Heard = Callable[[Progress], None]


class Follower:
    """Turns the lines of a fold's training into `Progress`.

    Parameters
    ----------
    fold, slot
        As in `Progress`.
    folder
        The folder of the fold; its ``debug.json`` has the number of epochs.
    heard
        Called with each change.
    """

    def __init__(self, fold: str, slot: str, folder: Path, heard: Heard) -> None:
        self.progress = Progress(fold, slot)
        self._folder = folder
        self._heard = heard
        self._times: deque[float] = deque(maxlen=_RECENT)
        self._answers = (
            (_COMPILING, lambda _: self._report(compiles=True)),
            (_EPOCH, self._begin_epoch),
            (_TRAIN_LOSS, lambda text: self._change(train_loss=float(text))),
            (_VALIDATION_LOSS, lambda text: self._change(validation_loss=float(text))),
            (_DICE, self._hear_dice),
            (_EPOCH_TIME, self._end_epoch),
            (_VALIDATED, lambda text: self._change(to_predict=int(text))),
            (_PREDICTING, lambda _: self._report(phase=VALIDATING, predicted=self.progress.predicted + 1)),
            (_TRAINED, lambda _: self._report(phase=VALIDATING)),
        )

    def __call__(self, line: str) -> None:
        """Take a line."""
        for pattern, answer in self._answers:
            if found := pattern.match(line):
                answer(found[1] if pattern.groups else "")
                return

    def wait(self) -> None:
        """Say that its job waits for a machine."""
        self._report(phase=QUEUED)

    def begin(self) -> None:
        """Say that nnU-Net starts, which writes nothing for a while."""
        self._report(phase=STARTING)

    def end(self, phase: str) -> None:
        """Say how the fold ended."""
        self._report(phase=phase)

    def _begin_epoch(self, text: str) -> None:
        epochs = self.progress.epochs or planned_epochs(self._folder)
        self._report(phase=TRAINING, epoch=int(text), epochs=epochs, finished=False)

    def _hear_dice(self, text: str) -> None:
        self._change(pseudo_dice=tuple(float(found[1]) for found in _DICE_OF_CLASS.finditer(text)))

    def _end_epoch(self, text: str) -> None:
        self._times.append(float(text))
        self._report(finished=True, compiles=False, epoch_s=sum(self._times) / len(self._times))

    def _change(self, **values: Any) -> None:
        self.progress = replace(self.progress, **values)

    def _report(self, **values: Any) -> None:
        self._change(**values)
        self._heard(self.progress)
