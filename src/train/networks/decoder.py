"""The decoder of a U-Mamba: upsampling, residual stages on skips, and an output at each resolution."""

from __future__ import annotations

import torch
from torch import nn

from .blocks import stage
from .design import Axes, Design


class Upsample(nn.Module):
    """Repeats voxels by a stride, and changes the number of channels.

    Parameters
    ----------
    convolution
        ``nn.Conv2d`` or ``nn.Conv3d``.
    inputs, outputs
        Channels.
    stride
        One number per axis.
    """

    def __init__(self, convolution: type[nn.Module], inputs: int, outputs: int, stride: Axes) -> None:
        super().__init__()
        self.conv = convolution(inputs, outputs, 1)
        self.stride = tuple(map(float, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (B, outputs, *size · stride) of features (B, inputs, *size)."""
        features: torch.Tensor = self.conv(nn.functional.interpolate(x, scale_factor=self.stride, mode="nearest"))
        return features


class Decoder(nn.Module):
    """Stages from the lowest resolution up; in 2D the last one gets no skip.

    Parameters
    ----------
    convolution
        ``nn.Conv2d`` or ``nn.Conv3d``.
    encoder
        Held as U-Mamba's decoder holds it: each of its tensors has a second name here in saved weights.
    design
        Features, kernels, strides and blocks.
    classes
        Channels of the outputs.
    deep_supervision
        Return the outputs of all stages.
    """

    def __init__(
        self, convolution: type[nn.Module], encoder: nn.Module, design: Design, classes: int, *, deep_supervision: bool
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        self.encoder = encoder
        lower, upper = design.features[:0:-1], design.features[-2::-1]
        strides, kernels = design.strides[:0:-1], design.kernels[-2::-1]
        self._skips = [True] * len(upper)
        self._skips[-1] = design.axes == 3
        self.upsample_layers = nn.ModuleList(
            Upsample(convolution, inputs, outputs, stride)
            for inputs, outputs, stride in zip(lower, upper, strides, strict=True)
        )
        self.stages = nn.ModuleList(
            stage(convolution, (features * (1 + skip), features), kernel, (1,) * design.axes, blocks)
            for features, skip, kernel, blocks in zip(upper, self._skips, kernels, design.decoder_blocks, strict=True)
        )
        self.seg_layers = nn.ModuleList(convolution(features, classes, 1) for features in upper)

    def forward(self, skips: list[torch.Tensor]) -> torch.Tensor | list[torch.Tensor]:
        """Return scores (B, classes, *size): those of all stages, the highest resolution first, or only the last."""
        x = skips[-1]
        outputs = []
        last = len(self.stages) - 1
        for index, (up, blocks, head) in enumerate(
            zip(self.upsample_layers, self.stages, self.seg_layers, strict=True)
        ):
            x = up(x)
            x = blocks(torch.cat((x, skips[-2 - index]), 1) if self._skips[index] else x)
            if self.deep_supervision or index == last:
                outputs.append(head(x))
        return outputs[::-1] if self.deep_supervision else outputs[0]
