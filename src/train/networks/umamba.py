"""U-Mamba_Bot and U-Mamba_Enc for nnU-Net, tensor for tensor as U-Mamba names them, so that its weights load.

Source: Jun Ma, Feifei Li, Bo Wang: U-Mamba: Enhancing Long-range Dependency for Biomedical Image Segmentation,
arXiv:2401.04722, and the networks of https://github.com/bowang-lab/U-Mamba since 2024-03-27. nnU-Net builds them from
the arguments in its plans; blocks, normalisation and activation are U-Mamba's own, whatever the plans say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from dynamic_network_architectures.building_blocks.helper import convert_conv_op_to_dim
from dynamic_network_architectures.initialization.weight_init import InitWeights_He
from torch import nn

from .blocks import MambaLayer
from .decoder import Decoder
from .design import Design, Tokens
from .encoder import Encoder, MambaEncoder
from .former import refuse_former
from .precision import at_least_single, without_autocast

Scores: TypeAlias = torch.Tensor | list[torch.Tensor]


class _UMamba(nn.Module, ABC):
    """What both networks share.

    Parameters
    ----------
    input_channels, num_classes
        Channels of the images and of the scores.
    deep_supervision
        Return the scores of all resolutions.
    arguments
        Those of `Design.of`, and ``conv_op``, ``nn.Conv2d`` or ``nn.Conv3d``; others are not read.
    """

    def __init__(
        self, input_channels: int, num_classes: int, *, deep_supervision: bool = False, **arguments: Any
    ) -> None:
        super().__init__()
        convolution = arguments["conv_op"]
        self.design = Design.of(arguments, convert_conv_op_to_dim(convolution))
        self.num_classes = num_classes
        self.encoder = self._encoder(convolution, input_channels, arguments)
        self.decoder = Decoder(convolution, self.encoder, self.design, num_classes, deep_supervision=deep_supervision)

    @abstractmethod
    def _encoder(self, convolution: type[nn.Module], inputs: int, arguments: Mapping[str, Any]) -> Encoder:
        """Return the encoder."""

    @staticmethod
    def initialize(module: nn.Module) -> None:
        """Initialise a convolution of images as nnU-Net does; Mamba's parameters stay as they are."""
        InitWeights_He(1e-2)(module)

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """Return the number of values in the feature maps for an image of this size, as nnU-Net's planners ask."""
        return self.design.values(input_size, self.num_classes)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load weights; refuse those of the networks before 2024-03-27 with the reason."""
        refuse_former(state_dict)
        return super().load_state_dict(state_dict, *args, **kwargs)

    def _refuse_indivisible(self, size: Sequence[int]) -> None:
        divisor = self.design.divisor
        if any(edge % step for edge, step in zip(size, divisor, strict=True)):
            raise ValueError(f"an input of {_times(size)} is not divisible by {_times(divisor)}, the strides")


class UMambaBot(_UMamba):
    """U-Mamba_Bot: a residual U-Net with one Mamba layer, at the lowest resolution.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, arguments
        Channels of the images and of the scores; whether to return the scores of all resolutions; the ``arch_kwargs``
        of any of nnU-Net's networks.
    """

    def __init__(
        self, input_channels: int, num_classes: int, *, deep_supervision: bool = False, **arguments: Any
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision=deep_supervision, **arguments)
        self.mamba_layer = MambaLayer(self.design.features[-1], Tokens.VOXELS)

    def _encoder(self, convolution: type[nn.Module], inputs: int, arguments: Mapping[str, Any]) -> Encoder:
        return Encoder(convolution, inputs, self.design)

    def forward(self, x: torch.Tensor) -> Scores:
        """Return scores (B, classes, *size) of images (B, channels, *size); see `Decoder.forward`."""
        self._refuse_indivisible(x.shape[2:])
        skips = self.encoder(x)
        skips[-1] = self.mamba_layer(skips[-1])
        scores: Scores = self.decoder(skips)
        return scores


class UMambaEnc(_UMamba):
    """U-Mamba_Enc: a residual U-Net with Mamba layers in its encoder. It computes in single precision.

    nnU-Net opens mixed precision itself, for training and for prediction, in which this network may yield NaN.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, arguments
        As in `UMambaBot`, and ``input_size``: the patch size, on which weights depend.
    """

    def _encoder(self, convolution: type[nn.Module], inputs: int, arguments: Mapping[str, Any]) -> Encoder:
        size = arguments.get("input_size")
        if size is None:
            raise ValueError("input_size is missing: the layers of U-Mamba_Enc depend on the patch size")
        self.input_size = tuple(map(int, size))
        self._refuse_indivisible(self.input_size)
        return MambaEncoder(convolution, inputs, self.design, self.input_size)

    def forward(self, x: torch.Tensor) -> Scores:
        """Return scores (B, classes, *size) of images (B, channels, *size); see `Decoder.forward`."""
        if tuple(x.shape[2:]) != self.input_size:
            raise ValueError(
                f"an input of {_times(x.shape[2:])}, expected {_times(self.input_size)}: the weights of U-Mamba_Enc"
                " are of one patch size"
            )
        with without_autocast(x):
            scores: Scores = self.decoder(self.encoder(at_least_single(x)))
            return scores


def _times(size: Sequence[int]) -> str:
    return "×".join(map(str, size))
