"""Count the weights and the values in the feature maps of a U-Mamba without building it. Needs no PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .design import Design, Tokens

STATES, WIDTH, EXPANSION = 16, 4, 2
"""States and width of the convolution of U-Mamba's Mamba layers, and their inner channels per channel."""

Layer = tuple[int, int]
"""Number of tokens of a Mamba layer, and their length."""


def layers(design: Design, size: Sequence[int], *, in_encoder: bool) -> list[Layer]:
    """Return the Mamba layers for inputs of a size: those in the encoder, or the one after it."""
    tokens = design.tokens(size) if in_encoder else [*[None] * (len(design.strides) - 1), Tokens.VOXELS]
    stages = zip(tokens, design.features, map(math.prod, design.sizes(size)), strict=True)
    return [
        (features, voxels) if kind is Tokens.CHANNELS else (voxels, features)
        for kind, features, voxels in stages
        if kind is not None
    ]


def inner_values(found: Sequence[Layer]) -> int:
    """Return the number of inner channels times tokens, over all Mamba layers."""
    return sum(EXPANSION * tokens * length for tokens, length in found)


def parameters(design: Design, channels: int, heads: int, found: Sequence[Layer]) -> int:
    """Return the number of weights of a U-Mamba.

    Parameters
    ----------
    channels, heads
        Of its inputs and outputs.
    found
        Its Mamba layers.
    """
    features, kernels = design.features, [math.prod(kernel) for kernel in design.kernels]
    total = _stage(channels, features[0], kernels[0], design.encoder_blocks[0])
    for inputs, outputs, kernel, blocks in zip(
        (features[0], *features), features, kernels, design.encoder_blocks, strict=False
    ):
        total += _stage(inputs, outputs, kernel, blocks)
    for stage, blocks in enumerate(reversed(design.decoder_blocks)):
        own = features[stage]
        has_skip = design.axes == 3 or stage > 0
        total += own * (features[stage + 1] + 1) + _stage(own * (1 + has_skip), own, kernels[stage], blocks)
        total += heads * (own + 1)
    return total + sum(_mamba(length) for _, length in found)


def _stage(inputs: int, outputs: int, kernel: int, blocks: int) -> int:
    """Return the weights of a stage: each convolution has a bias, and all but the shortcut a norm."""
    first = outputs * (inputs * kernel + 3) + outputs * (outputs * kernel + 3) + outputs * (inputs + 1)
    return first + (blocks - 1) * 2 * outputs * (outputs * kernel + 3)


def _mamba(length: int) -> int:
    inner, rank = EXPANSION * length, math.ceil(length / 16)
    own = inner * (STATES + 1 + 2 * length + WIDTH + 1 + rank + 2 * STATES + rank + 1 + length)
    return own + 2 * length
