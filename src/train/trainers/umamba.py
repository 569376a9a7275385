"""U-Mamba's trainers, under their authors' names: they build U-Mamba from any plans, as these do.

Source: https://github.com/bowang-lab/U-Mamba. nnU-Net's loss, augmentation and schedule, at a tenth of its rate: at the
usual one, trainings are often seen to collapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from torch import nn

from .stock import nnUNetTrainerSegconv

_BOT, _ENC = (f"segconv.train.networks.umamba.{name}" for name in ("UMambaBot", "UMambaEnc"))


class nnUNetTrainerUMambaBot(nnUNetTrainerSegconv):  # noqa: N801 - its authors' name
    """U-Mamba_Bot, with one Mamba layer at the lowest resolution."""

    settings: ClassVar[Mapping[str, float]] = {"initial_lr": 1e-3}

    @staticmethod
    def build_network_architecture(
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        """Return the network for a configuration, whatever network it names."""
        return _built(
            _BOT, configuration_manager, num_input_channels, num_output_channels, deep=enable_deep_supervision
        )


class nnUNetTrainerUMambaEnc(nnUNetTrainerSegconv):  # noqa: N801 - its authors' name
    """U-Mamba_Enc, with Mamba layers in the encoder, in single precision."""

    settings: ClassVar[Mapping[str, float]] = {"initial_lr": 1e-3}

    @staticmethod
    def build_network_architecture(
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        """Return the network for a configuration and its patch size, whatever network it names."""
        return _built(
            _ENC, configuration_manager, num_input_channels, num_output_channels, deep=enable_deep_supervision
        )

    def _do_i_compile(self) -> bool:
        """Return False: most of the network would be left out, for its scans are not compiled."""
        return False


class nnUNetTrainerUMambaEncNoAMP(nnUNetTrainerUMambaEnc):  # noqa: N801 - its authors' name
    """The same as nnUNetTrainerUMambaEnc, which never uses mixed precision."""


def _built(path: str, configuration: Any, channels: int, heads: int, *, deep: bool) -> nn.Module:
    arguments = {**configuration.network_arch_init_kwargs, "input_size": list(configuration.patch_size)}
    network: nn.Module = get_network_from_plans(
        path,
        arguments,
        configuration.network_arch_init_kwargs_req_import,
        channels,
        heads,
        allow_init=True,
        deep_supervision=deep,
    )
    return network
