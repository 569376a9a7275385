"""AdamW, with a rate that falls along a cosine in each iteration, or as nnU-Net's polynomial in each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch.optim import AdamW

from .schedules import RateOfEpoch, cosine, poly
from .stock import nnUNetTrainerSegconv

LOWEST_RATE = 1e-6
WARM_UP = 20
"""The rate rises in the first of so many parts of the training."""


class nnUNetTrainerAdamWPoly(nnUNetTrainerSegconv):  # noqa: N801 - nnU-Net's style of names
    """AdamW at a rate of 0.001 that falls as nnU-Net's polynomial."""

    # Weight decay is decoupled from the rate of a gradient in AdamW, so that nnU-Net's 3e-5 for SGD would be none.
    settings: ClassVar[Mapping[str, float]] = {"initial_lr": 1e-3, "weight_decay": 1e-2}

    def configure_optimizers(self) -> tuple[Any, Any]:
        """Return AdamW and its rates."""
        optimizer = AdamW(self.network.parameters(), lr=self.initial_lr, weight_decay=self.weight_decay)
        return optimizer, RateOfEpoch(optimizer, lambda epoch: (self.rate_at(epoch, 0),))

    def rate_at(self, epoch: int, iteration: int) -> float:
        """Return the rate of an iteration of an epoch; both count from 0."""
        del iteration  # the rate of an epoch does not change
        return poly(self.initial_lr, epoch, self.num_epochs)


class nnUNetTrainerAdamWCosine(nnUNetTrainerAdamWPoly):  # noqa: N801 - nnU-Net's style of names
    """AdamW at a rate of 0.001 with warm-up and cosine annealing in each iteration."""

    _iteration = 0

    def rate_at(self, epoch: int, iteration: int) -> float:
        """Return the rate of an iteration of an epoch; both count from 0."""
        step, steps = epoch * self.num_iterations_per_epoch + iteration, self.num_epochs * self.num_iterations_per_epoch
        return cosine(self.initial_lr, step, steps, warm_up=steps // WARM_UP, lowest=LOWEST_RATE)

    def on_train_epoch_start(self) -> None:
        """Begin an epoch with its first iteration."""
        self._iteration = 0
        super().on_train_epoch_start()

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Train with a batch, at the rate of its iteration."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate_at(self.current_epoch, self._iteration)
        self._iteration += 1
        return super().train_step(batch)
