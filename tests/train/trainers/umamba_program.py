"""Train U-Mambas in one process on the CPU, and print their losses: ``python umamba_program.py DATASET NAME:CONFIGURATION…``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

from segconv.train import trainers


def main() -> None:
    """Train fold 0 of each, without its validation, and print its losses in a line of JSON."""
    dataset, jobs = sys.argv[1], sys.argv[2:]
    folder = Path(os.environ["nnUNet_preprocessed"], dataset)
    description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    torch.set_num_threads(1)  # several threads on shared cores wait for one another
    for job in jobs:
        name, _, configuration = job.partition(":")
        np.random.seed(1)
        torch.manual_seed(1)
        plans = json.loads((folder / "nnUNetPlans.json").read_text(encoding="utf-8")) | {"continue_training": False}
        trainer = getattr(trainers, name)(plans, configuration, 0, description, device=torch.device("cpu"))
        trainer.run_training()
        losses = [float(loss) for loss in trainer.logger.get_value("train_losses", step=None)]
        network = type(trainer.network).__name__
        print("\n" + json.dumps({"network": network, "losses": losses, "rate": trainer.initial_lr}))


if __name__ == "__main__":
    main()
