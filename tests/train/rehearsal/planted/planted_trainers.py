"""Trainers of a user, each but the last with one mistake."""

from __future__ import annotations

from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import nn

CPU = torch.device("cpu")


class OldParameters(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no types
    """A trainer with the parameters of nnU-Net 2.4."""

    def __init__(
        self, plans: Any, configuration: Any, fold: Any, dataset_json: Any, unpack_dataset: Any = 1, device: Any = CPU
    ):
        super().__init__(plans, configuration, fold, dataset_json, device)


class AnyParameters(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no types
    """A trainer that passes everything on."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)


class WithLambda(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no types
    """A trainer whose network cannot be pickled."""

    @staticmethod
    def build_network_architecture(plans_manager: Any, *args: Any, **kwargs: Any) -> Any:
        network = nnUNetTrainer.build_network_architecture(plans_manager, *args, **kwargs)
        network.after = lambda x: x
        return network


class Flat(nn.Module):
    """A network of one layer."""

    def __init__(self, inputs: int, outputs: int, axes: int) -> None:
        super().__init__()
        self.layer = (nn.Conv2d if axes == 2 else nn.Conv3d)(inputs, outputs, 3, padding=1)

    def forward(self, image: Any) -> Any:
        return self.layer(image)


class OneOutput(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no types
    """A network with one output, and a loss for several."""

    more_heads = 0

    @classmethod
    def build_network_architecture(
        cls, plans_manager: Any, configuration: Any, inputs: int, outputs: int, enable_deep_supervision: bool = True
    ) -> Any:
        return Flat(inputs, outputs + cls.more_heads, len(configuration.patch_size))


class OneOutputSwitched(OneOutput):
    """The same, and a trainer that does not mind."""

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Change nothing: there is one output."""


class AlwaysDeep(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no types
    """A network with several outputs, also where one is needed."""

    @staticmethod
    def build_network_architecture(plans_manager: Any, *args: Any, enable_deep_supervision: bool = True) -> Any:
        return nnUNetTrainer.build_network_architecture(plans_manager, *args[:3], True)


class OtherWeights(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no types
    """A network with a layer more in training than in prediction."""

    @staticmethod
    def build_network_architecture(
        plans_manager: Any, configuration: Any, inputs: int, outputs: int, enable_deep_supervision: bool = True
    ) -> Any:
        network = nnUNetTrainer.build_network_architecture(
            plans_manager, configuration, inputs, outputs, enable_deep_supervision
        )
        if enable_deep_supervision:
            network.surplus = torch.nn.Conv2d(1, 1, 1)
        return network


class Switched(OneOutputSwitched):
    """A network with one output, and a loss for one."""

    def __init__(self, plans: Any, configuration: Any, fold: Any, dataset_json: Any, device: Any = CPU):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.enable_deep_supervision = False


class NotStatic(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no types
    """A method where prediction, which has no object, calls the class."""

    def build_network_architecture(self, plans_manager: Any, *args: Any, **kwargs: Any) -> Any:
        return nnUNetTrainer.build_network_architecture(plans_manager, *args, **kwargs)


class TooManyHeads(Switched):
    """A network with a channel too many."""

    more_heads = 1
