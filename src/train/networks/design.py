"""The design of a U-Mamba, from the arguments that plans hold: stages, blocks, tokens and sizes. Needs no PyTorch."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

Axes = tuple[int, ...]

BLOCKS = ("n_conv_per_stage", "n_blocks_per_stage")
"""Entries with the number of blocks per stage: those of a ``PlainConvUNet`` and of a ``ResidualEncoderUNet``."""


class Tokens(enum.Enum):
    """What a Mamba layer takes for its sequence: voxels, each a vector of channels, or the other way round."""

    VOXELS = "voxels"
    CHANNELS = "channels"


@dataclass(frozen=True)
class Design:
    """Stages of a U-Mamba; the decoder's stages are counted from the lowest resolution.

    Parameters
    ----------
    features
        Channels of each stage.
    kernels, strides
        Per stage, one number per axis.
    encoder_blocks, decoder_blocks
        Residual blocks per stage.
    """

    features: tuple[int, ...]
    kernels: tuple[Axes, ...]
    strides: tuple[Axes, ...]
    encoder_blocks: tuple[int, ...]
    decoder_blocks: tuple[int, ...]

    @classmethod
    def of(cls, arguments: Mapping[str, Any], axes: int) -> Design:
        """Return the design for the ``arch_kwargs`` of any of nnU-Net's networks, which stay as they are.

        Parameters
        ----------
        arguments
            Entries with one value per stage may be one number for all; entries that a U-Mamba does not have, such as
            the normalisation, are not read.
        axes
            2 or 3.

        Raises
        ------
        ValueError
            If an entry is missing, or has another number of values.
        """
        count = _whole(arguments, "n_stages")
        if count < 2:
            raise ValueError(f"n_stages is {count}: a U-Mamba has 2 stages or more")
        blocks = next((name for name in BLOCKS if arguments.get(name) is not None), BLOCKS[0])
        return cls(
            features=_per_stage(arguments, "features_per_stage", count),
            kernels=_per_axis(arguments, "kernel_sizes", count, axes),
            strides=_per_axis(arguments, "strides", count, axes),
            encoder_blocks=_one_in_deep_stages(_per_stage(arguments, blocks, count), count),
            decoder_blocks=_one_in_deep_stages(_per_stage(arguments, "n_conv_per_stage_decoder", count - 1), count),
        )

    @property
    def axes(self) -> int:
        """2 or 3."""
        return len(self.strides[0])

    @property
    def divisor(self) -> Axes:
        """The product of all strides, by which each axis of an input must be divisible."""
        return tuple(math.prod(axis) for axis in zip(*self.strides, strict=True))

    def sizes(self, size: Sequence[int]) -> list[Axes]:
        """Return the size of the feature maps of each stage for an input of this size, in voxels."""
        return list(accumulate(self.strides, _divided, initial=tuple(size)))[1:]

    def tokens(self, size: Sequence[int]) -> list[Tokens | None]:
        """Return what the Mamba layer after each stage of a U-Mamba_Enc has for tokens; None for no layer."""
        last = len(self.strides) - 1
        return [
            None
            if self.axes == 2 and (last - stage) % 2
            else Tokens.CHANNELS
            if math.prod(edges) <= features
            else Tokens.VOXELS
            for stage, (edges, features) in enumerate(zip(self.sizes(size), self.features, strict=True))
        ]

    def values(self, size: Sequence[int], heads: int) -> int:
        """Return the number of values in the feature maps of all convolutions for one input, as nnU-Net counts them.

        Mamba layers and outputs for deep supervision are not counted.
        """
        sizes = [math.prod(edges) for edges in self.sizes(size)]
        total = self.features[0] * math.prod(size) * _maps(self.encoder_blocks[0])  # the stem
        for features, voxels, blocks in zip(self.features, sizes, self.encoder_blocks, strict=True):
            total += features * voxels * _maps(blocks)
        ups = zip(self.features, sizes, reversed(self.decoder_blocks), strict=False)  # no decoder at the lowest
        total += sum(features * voxels * (1 + _maps(blocks)) for features, voxels, blocks in ups)
        return total + heads * sizes[0]


def _maps(blocks: int) -> int:
    """Return the number of convolutions in a stage: the first block has one more, on its shortcut."""
    return 2 * blocks + 1


def _divided(size: Axes, stride: Axes) -> Axes:
    return tuple(edge // step for edge, step in zip(size, stride, strict=True))


def _one_in_deep_stages(blocks: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return the blocks per stage: as many as wanted in the first half of the stages, then one.

    Source: U-Mamba's networks, which do so whatever the plans say; weights would not fit otherwise.
    """
    return tuple(number if stage < math.ceil(count / 2) else 1 for stage, number in enumerate(blocks))


def _per_axis(arguments: Mapping[str, Any], name: str, count: int, axes: int) -> tuple[Axes, ...]:
    found = _values(arguments, name, count)
    return tuple((int(value),) * axes if isinstance(value, int) else _checked(value, name, axes) for value in found)


def _per_stage(arguments: Mapping[str, Any], name: str, count: int) -> tuple[int, ...]:
    return tuple(map(int, _values(arguments, name, count)))


def _values(arguments: Mapping[str, Any], name: str, count: int) -> tuple[Any, ...]:
    value = _entry(arguments, name)
    return (value,) * count if isinstance(value, int) else _checked(value, name, count)


def _checked(values: Sequence[Any], name: str, count: int) -> tuple[Any, ...]:
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} values, expected {count}")
    return tuple(values)


def _whole(arguments: Mapping[str, Any], name: str) -> int:
    return int(_entry(arguments, name))


def _entry(arguments: Mapping[str, Any], name: str) -> Any:
    if arguments.get(name) is None:
        raise ValueError(f"{name} is missing")
    return arguments[name]
