"""Fine-tune from pretrained weights: a lower rate, and an encoder that rests while the decoder learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch.optim import SGD

from .schedules import RateOfEpoch, poly
from .stock import nnUNetTrainerSegconv

FROZEN = 10
"""The encoder rests in the first of so many parts of the training."""


class nnUNetTrainerFineTuning(nnUNetTrainerSegconv):  # noqa: N801 - nnU-Net's style of names
    """A tenth of nnU-Net's rate, 250 epochs, and a frozen encoder in the first tenth of them."""

    settings: ClassVar[Mapping[str, float]] = {"initial_lr": 1e-3, "num_epochs": 250}

    def configure_optimizers(self) -> tuple[Any, Any]:
        """Return nnU-Net's optimizer, with the encoder as a group of its own.

        The encoder is frozen by a rate of 0. Its parameters stay in the optimizer, whose state then fits that of any
        checkpoint, and keep their gradients, whose absence distributed training refuses.

        Raises
        ------
        AttributeError
            If the network has no encoder.
        """
        if not hasattr(self.network, "encoder"):
            raise AttributeError(
                f"{type(self).__name__} freezes network.encoder first, and {type(self.network).__name__} has none"
            )
        encoder = list(self.network.encoder.parameters())
        inside = set(map(id, encoder))
        others = [parameter for parameter in self.network.parameters() if id(parameter) not in inside]
        groups = [{"params": others}, {"params": encoder}]  # nnU-Net logs the rate of the first
        optimizer = SGD(groups, self.initial_lr, weight_decay=self.weight_decay, momentum=0.99, nesterov=True)
        return optimizer, RateOfEpoch(optimizer, self.rates_at)

    @property
    def frozen_epochs(self) -> int:
        """Number of epochs in which the encoder is frozen; 1 in short trainings of several epochs."""
        return 0 if self.num_epochs == 1 else max(1, self.num_epochs // FROZEN)

    def rates_at(self, epoch: int) -> tuple[float, float]:
        """Return the rates of the decoder and of the encoder in an epoch."""
        rate = poly(self.initial_lr, epoch, self.num_epochs)
        return rate, 0.0 if epoch < self.frozen_epochs else rate
