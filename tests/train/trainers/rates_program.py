"""Train in one process on the CPU, and print the rate of every step: ``python rates_program.py DATASET NAME…``."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.logging.nnunet_logger import MetaLogger

from segconv.train import trainers

EPOCHS, ITERATIONS = 3, 4


class Stop(Exception):
    """Ends a training after its second epoch."""


def make(dataset: str, name: str, *, resume: bool) -> Any:
    """Return a real trainer, as nnU-Net makes it."""
    folder = Path(os.environ["nnUNet_preprocessed"], dataset)
    plans = json.loads((folder / "nnUNetPlans.json").read_text(encoding="utf-8"))
    description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    made = getattr(trainers, name)(
        plans | {"continue_training": resume}, "2d_small", 0, description, device=torch.device("cpu")
    )
    made.save_every = 1
    return made


def followed(trainer: Any, *, until: int = EPOCHS) -> dict[str, Any]:
    """Train to the end or to an epoch, and return the rates of all groups at every step of the optimizer."""
    rates, moved = [], []
    if not trainer.was_initialized:
        trainer.initialize()
    before = [p.detach().clone() for p in trainer.network.encoder.parameters()]
    trainer.optimizer.register_step_pre_hook(
        lambda optimizer, *_: rates.append([float(group["lr"]) for group in optimizer.param_groups])
    )
    started, ended = trainer.on_train_epoch_start, trainer.on_epoch_end

    def start() -> None:
        if trainer.current_epoch == until:
            raise Stop
        started()

    def end() -> None:
        ended()
        now = list(trainer.network.encoder.parameters())
        moved.append(any(not torch.equal(old, new) for old, new in zip(before, now, strict=True)))

    trainer.on_train_epoch_start, trainer.on_epoch_end = start, end
    with contextlib.suppress(Stop):
        trainer.run_training()
    return {"rates": rates, "encoder_moved": moved}


def main() -> None:
    """Train each trainer without and with a resume."""
    torch.set_num_threads(1)
    MetaLogger.plot_progress_png = lambda *_: None  # seconds for each epoch
    said: dict[str, Any] = {}
    for base in sys.argv[2:]:
        name = f"{base}_{EPOCHS}epochs_{ITERATIONS}iterations"
        whole = followed(make(sys.argv[1], name, resume=False))
        first = make(sys.argv[1], name, resume=False)
        Path(first.output_folder, "checkpoint_final.pth").unlink()
        begun = followed(first, until=2)
        second = make(sys.argv[1], name, resume=True)
        latest = Path(second.output_folder, "checkpoint_latest.pth")
        second.load_checkpoint(str(latest))
        rest = followed(second)
        saved = torch.load(Path(second.output_folder, "checkpoint_final.pth"), weights_only=False)
        said[base] = {
            "whole": whole,
            "resumed": begun["rates"] + rest["rates"],
            "keys": sorted(saved),
            "name": saved["trainer_name"],
            "validation_iterations": second.num_val_iterations_per_epoch,
        }
    Path(os.environ["SAID"]).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main()
