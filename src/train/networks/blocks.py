"""Blocks of a U-Mamba: residual blocks, and layers that let Mamba run over the tokens of a feature map."""

from __future__ import annotations

from typing import Any

import torch
from dynamic_network_architectures.building_blocks.helper import get_matching_instancenorm
from dynamic_network_architectures.building_blocks.residual import BasicBlockD
from torch import nn

from .design import Axes, Tokens
from .mamba import Mamba
from .precision import at_least_single, without_autocast

_NORM: dict[str, Any] = {"eps": 1e-5, "affine": True}
_ACTIVATION: dict[str, Any] = {"negative_slope": 0.01, "inplace": True}
"""Settings of U-Mamba, whatever the plans say."""


class ResidualBlock(nn.Module):
    """The first block of a stage: two convolutions, and one of kernel 1 as shortcut.

    Parameters
    ----------
    convolution
        ``nn.Conv2d`` or ``nn.Conv3d``.
    inputs, outputs
        Channels.
    kernel, stride
        One number per axis.
    """

    def __init__(self, convolution: type[nn.Module], inputs: int, outputs: int, kernel: Axes, stride: Axes) -> None:
        super().__init__()
        norm = get_matching_instancenorm(convolution)
        padding = tuple(edge // 2 for edge in kernel)
        self.conv1 = convolution(inputs, outputs, kernel, stride, padding)
        self.norm1 = norm(outputs, **_NORM)
        self.act1 = nn.LeakyReLU(**_ACTIVATION)
        self.conv2 = convolution(outputs, outputs, kernel, 1, padding)
        self.norm2 = norm(outputs, **_NORM)
        self.act2 = nn.LeakyReLU(**_ACTIVATION)
        self.conv3 = convolution(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (B, outputs, *size / stride) of features (B, inputs, *size)."""
        inner = self.act1(self.norm1(self.conv1(x)))
        return self.act2(self.norm2(self.conv2(inner)) + self.conv3(x))


def stage(
    convolution: type[nn.Module], channels: tuple[int, int], kernel: Axes, stride: Axes, blocks: int
) -> nn.Sequential:
    """Return the blocks of a stage, the first of which changes channels and size.

    Parameters
    ----------
    channels
        Of input and output.
    blocks
        Their number.
    """
    first = ResidualBlock(convolution, *channels, kernel, stride)
    return nn.Sequential(first, *(_plain_block(convolution, channels[1], kernel) for _ in range(blocks - 1)))


def _plain_block(convolution: type[nn.Module], channels: int, kernel: Axes) -> nn.Module:
    """Return a block without a convolution on its shortcut."""
    block = BasicBlockD(
        convolution,
        channels,
        channels,
        kernel,
        1,
        conv_bias=True,
        norm_op=get_matching_instancenorm(convolution),
        norm_op_kwargs=_NORM,
        nonlin=nn.LeakyReLU,
        nonlin_kwargs=_ACTIVATION,
    )
    block.skip = nn.Identity()  # its own is a lambda, which cannot be pickled
    return block


class MambaLayer(nn.Module):
    """Normalises the tokens of a feature map and lets Mamba run over them; its output replaces the input.

    It computes in single precision or better.

    Parameters
    ----------
    width
        Length of a token: the number of channels or of voxels.
    tokens
        What the tokens are.
    """

    def __init__(self, width: int, tokens: Tokens) -> None:
        super().__init__()
        self.tokens = tokens
        self.norm = nn.LayerNorm(width)
        self.mamba = Mamba(d_model=width, d_state=16, d_conv=4, expand=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (B, C, *size) of features of the same shape."""
        with without_autocast(x):
            rows = at_least_single(x).flatten(2)  # (B, C, voxels)
            if self.tokens is Tokens.CHANNELS:
                mixed = self._run(rows)
            else:
                mixed = self._run(rows.transpose(1, 2)).transpose(1, 2)
            # Not a view with channels last: PyTorch 2.14 on the CPU then writes outside of its memory in the backward
            # pass of the next convolution, if that has kernel 1 and a stride, as our shortcuts have.
            return mixed.contiguous().reshape(x.shape)

    def _run(self, tokens: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.mamba(self.norm(tokens))
        return mixed
