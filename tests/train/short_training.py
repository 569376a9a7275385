"""Train folds in one process, for seconds, so that they learn: ``python short_training.py DATASET CONFIGURATION:FOLD…``.

nnU-Net's own trainer of one epoch with AdamW and few iterations. Its class keeps the name of nnU-Net's, so that
every command of nnU-Net finds the models.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.variants.training_length import nnUNetTrainer_Xepochs

TRAINER = nnUNetTrainer_Xepochs.nnUNetTrainer_1epoch
EPOCHS, LEARNING_RATE, SEED = 2, 2e-3, 1
ITERATIONS = {2: 80, 3: 10}
"""Per epoch, by the number of axes of a patch."""


class ShortTrainer(TRAINER):  # type: ignore[misc]  # nnU-Net has no types
    """AdamW, which learns within seconds."""

    def initialize(self) -> None:
        """Set the length of the training."""
        self.num_epochs = EPOCHS
        axes = len(self.configuration_manager.patch_size)
        self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = ITERATIONS[axes], 2
        super().initialize()

    def configure_optimizers(self) -> tuple[Any, Any]:
        """Return AdamW at a constant rate."""
        optimizer = torch.optim.AdamW(self.network.parameters(), LEARNING_RATE)
        return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


ShortTrainer.__name__ = TRAINER.__name__


def main() -> None:
    """Train and validate each fold, and keep its probabilities."""
    dataset, jobs = sys.argv[1], sys.argv[2:]
    preprocessed = Path(os.environ["nnUNet_preprocessed"], dataset)
    description = json.loads((preprocessed / "dataset.json").read_text(encoding="utf-8"))
    torch.set_num_threads(1)  # several threads on shared cores wait for one another
    # Validation exports and scores in two pools of new processes, each of which would spend seconds on its imports.
    multiprocessing.get_context = lambda _: SimpleNamespace(Pool=ThreadPool)  # type: ignore[assignment]  # all it uses
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    for job in jobs:
        configuration, _, fold = job.partition(":")
        plans = json.loads((preprocessed / "nnUNetPlans.json").read_text(encoding="utf-8")) | {
            "continue_training": False
        }
        number = fold if fold == "all" else int(fold)
        trainer = ShortTrainer(plans, configuration, number, description, device=torch.device("cpu"))
        trainer.run_training()
        trainer.perform_actual_validation(save_probabilities=True)


if __name__ == "__main__":
    main()
