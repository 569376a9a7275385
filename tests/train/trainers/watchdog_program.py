"""Let real trainers go wrong on the CPU, and write what their watchdog does: ``python watchdog_program.py DATASET``."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.run.run_training import maybe_load_checkpoint
from nnunetv2.training.logging.nnunet_logger import MetaLogger
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from rates_program import make

from segconv.train import trainers
from segconv.train.trainers.length import of_length
from segconv.train.trainers.stopped import STOPPED
from segconv.train.trainers.watchdog import TrainingStopped


def outcome(trainer: Any) -> dict[str, Any]:
    """Train, and return how it ended, and whether checkpoints changed in the epoch that was stopped."""
    said: dict[str, Any] = {"steps": 0, "hashes": []}
    started, step = trainer.on_epoch_start, trainer.train_step

    def start() -> None:
        said["hashes"].append(checkpoints(trainer))
        started()

    def train_step(batch: Any) -> Any:
        said["steps"] += 1
        return step(batch)

    trainer.on_epoch_start, trainer.train_step = start, train_step
    try:
        trainer.run_training()
    except TrainingStopped as error:
        said["error"] = str(error)
        said["record"] = json.loads(Path(trainer.output_folder, STOPPED).read_text(encoding="utf-8"))
    before = said.pop("hashes")[-1]
    return said | {
        "unchanged": checkpoints(trainer).items() <= before.items(),
        "files": sorted(path.name for path in Path(trainer.output_folder).glob("*.pth*")),
        "epoch": trainer.current_epoch,
        "best": trainer._best_ema,
    }


def checkpoints(trainer: Any) -> dict[str, str]:
    """Return the hashes of the checkpoints."""
    found = sorted(Path(trainer.output_folder).glob("*.pth"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def losing(trainer: Any, *, after: int, bad: int = 10**6) -> Any:
    """Let the losses after so many be NaN, the given number of them."""
    trainer.initialize()
    right, count = trainer.loss, iter(range(10**9))

    def loss(*given: Any) -> Any:
        value = right(*given)
        return value * math.nan if torch.is_grad_enabled() and after <= next(count) < after + bad else value

    trainer.loss = loss
    return trainer


def finding(trainer: Any, *dice_per_epoch: float | None) -> Any:
    """Let each epoch have a pseudo Dice of 1 or 0, or none; the last value holds for later epochs."""

    def validation_step(batch: Any) -> dict[str, Any]:
        del batch
        dice = dice_per_epoch[min(trainer.current_epoch, len(dice_per_epoch) - 1)]
        one, none = np.ones(2), np.zeros(2)
        found, missed = (one * (dice == 1), one * (dice == 0)) if dice is not None else (none, none)
        return {"loss": np.array(1.0), "tp_hard": found, "fp_hard": none, "fn_hard": missed}

    trainer.validation_step = validation_step
    return trainer


def scaled(trainer: Any, scale: float) -> Any:
    """Give the trainer a real scaler, as on a GPU."""
    trainer.grad_scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    return trainer


def resumed(name: str) -> int:
    """Return the epoch at which nnU-Net resumes a training."""
    trainer = make(sys.argv[1], name, resume=True)
    maybe_load_checkpoint(trainer, True, False)
    epoch: int = trainer.current_epoch
    return epoch


def main() -> None:
    """Run every scenario."""
    torch.set_num_threads(1)
    MetaLogger.plot_progress_png = lambda *_: None  # seconds for each epoch
    watched = "nnUNetTrainerSegconv"
    stock = of_length(nnUNetTrainer, "nnUNetTrainerStock", 3, 1)
    trainers.__dict__["nnUNetTrainerStock"] = stock

    def of(suffix: str) -> Any:
        return make(sys.argv[1], f"{watched}{suffix}", resume=False)

    said = {
        "nan": outcome(losing(of("_3epochs_2iterations"), after=2)),
        "nan at once": outcome(losing(of("_4epochs_2iterations"), after=0)),
        "scale": outcome(losing(scaled(of("_2epochs_25iterations"), 2.0**16), after=0)),
        "row": outcome(losing(scaled(of("_3epochs_25iterations"), 2.0**40), after=0)),
        "few": outcome(losing(scaled(of("_1epochs_12iterations"), 2.0**16), after=1, bad=10)),
        "collapse": outcome(finding(of("_13epochs_1iterations"), 1, 0)),
        "none": outcome(finding(of("_3epochs_1iterations"), None, 0, 1)),
        "stock": outcome(finding(make(sys.argv[1], "nnUNetTrainerStock", resume=False), None, 0, 1)),
    }
    said["collapse"]["resumes at"] = resumed(f"{watched}_13epochs_1iterations")
    Path(os.environ["SAID"]).write_text(json.dumps(said, default=float), encoding="utf-8")


if __name__ == "__main__":
    main()
