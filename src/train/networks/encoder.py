"""The encoder of a U-Mamba: residual stages, in a U-Mamba_Enc with Mamba layers between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from .blocks import MambaLayer, stage
from .design import Design, Tokens


class Encoder(nn.Module):
    """Residual stages after a stem.

    Parameters
    ----------
    convolution
        ``nn.Conv2d`` or ``nn.Conv3d``.
    inputs
        Channels of the images.
    design
        Features, kernels, strides and blocks.
    """

    def __init__(self, convolution: type[nn.Module], inputs: int, design: Design) -> None:
        super().__init__()
        self.design = design
        first, kernel = design.features[0], design.kernels[0]
        self.stem = stage(convolution, (inputs, first), kernel, (1,) * design.axes, design.encoder_blocks[0])
        before = (first, *design.features)
        self.stages = nn.ModuleList(
            stage(convolution, channels, kernel, stride, blocks)
            for channels, kernel, stride, blocks in zip(
                zip(before, design.features, strict=False),
                design.kernels,
                design.strides,
                design.encoder_blocks,
                strict=True,
            )
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the features (B, C, *size) of each stage for images (B, inputs, *size)."""
        x = self.stem(x)
        skips = []
        for index, blocks in enumerate(self.stages):
            x = self.after_stage(index, blocks(x))
            skips.append(x)
        return skips

    def after_stage(self, index: int, x: torch.Tensor) -> torch.Tensor:
        """Return what the decoder and the next stage get of the features of a stage."""
        return x


class MambaEncoder(Encoder):
    """An encoder with Mamba layers after all stages of volumes, and after every other one of pictures.

    Parameters
    ----------
    convolution, inputs, design
        As in `Encoder`.
    size
        Of the images, one number per axis: the width of layers over channels depends on it.
    """

    def __init__(self, convolution: type[nn.Module], inputs: int, design: Design, size: Sequence[int]) -> None:
        super().__init__(convolution, inputs, design)
        widths = (
            features if tokens is Tokens.VOXELS else math.prod(edges)
            for tokens, features, edges in zip(design.tokens(size), design.features, design.sizes(size), strict=True)
        )
        self.mamba_layers = nn.ModuleList(
            nn.Identity() if tokens is None else MambaLayer(width, tokens)
            for tokens, width in zip(design.tokens(size), widths, strict=True)
        )

    def after_stage(self, index: int, x: torch.Tensor) -> torch.Tensor:
        """Return the output of the Mamba layer after a stage."""
        mixed: torch.Tensor = self.mamba_layers[index](x)
        return mixed
