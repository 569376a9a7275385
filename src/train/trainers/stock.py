"""nnU-Net's own recipe: SGD at a rate of 0.01 that falls as a polynomial, for 1000 epochs of 250 iterations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from .watchdog import Watchdog


class nnUNetTrainerSegconv(Watchdog):  # noqa: N801 - nnU-Net's style of names
    """nnU-Net's own recipe, with a watchdog."""

    settings: ClassVar[Mapping[str, float]] = {}
    """Attributes of nnU-Net's trainer, such as ``initial_lr``, that a subclass sets."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008 - as nnU-Net's; a device is never changed
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        for name, value in self.settings.items():
            setattr(self, name, value)
