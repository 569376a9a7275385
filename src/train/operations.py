"""Count the operations of a network's forward pass from its plans, without building it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .architectures import PLAIN, RESIDUAL
from .derivation import divisor
from .memory_estimate import size_of

_PER_WEIGHT = 2
"""Operations for each weight of a convolution and each voxel of its output: a multiplication and an addition."""

_BLOCKS = {PLAIN: ("n_conv_per_stage", 1), RESIDUAL: ("n_blocks_per_stage", 2)}
"""Network → its entry with the number of blocks per stage, and the convolutions of a block."""


def operations_of(configuration: Mapping[str, Any], channels: int, classes: int) -> int | None:
    """Return the operations for one patch; None for other networks than nnU-Net's ``PlainConvUNet`` and residual one.

    Parameters
    ----------
    configuration
        The configuration with inherited entries.
    channels, classes
        Number of the network's inputs and outputs.
    """
    kind = str(configuration.get("architecture", {}).get("network_class_name", "")).rpartition(".")[2]
    if kind not in _BLOCKS or size_of(configuration, channels, classes) is None:
        return None
    stages = _Stages(configuration["architecture"]["arch_kwargs"], configuration["patch_size"], kind)
    return _PER_WEIGHT * (stages.down(channels) + stages.up(classes))


class _Stages:
    """Multiplications of the convolutions of each stage; normalisations and activations take few."""

    def __init__(self, arguments: Mapping[str, Any], patch: Sequence[int], kind: str) -> None:
        strides = [list(stride) for stride in arguments["strides"]]
        entry, self._per_block = _BLOCKS[kind]
        self._has_stem = kind == RESIDUAL
        self._features = _per_stage(arguments["features_per_stage"], len(strides))
        self._blocks = _per_stage(arguments[entry], len(strides))
        self._up = _per_stage(arguments["n_conv_per_stage_decoder"], len(strides) - 1)
        self._kernels = [math.prod(kernel) for kernel in arguments["kernel_sizes"]]
        self._steps = [math.prod(stride) for stride in strides]
        totals = (divisor(strides[: stage + 1]) for stage in range(len(strides)))
        self._voxels = [math.prod(edge // total for edge, total in zip(patch, each, strict=True)) for each in totals]

    def down(self, channels: int) -> int:
        """Return those on the way down."""
        total = 0
        if self._has_stem:
            total += channels * self._features[0] * self._kernels[0] * self._voxels[0]
            channels = self._features[0]
        for stage, features in enumerate(self._features):
            more = self._blocks[stage] * self._per_block - 1
            pairs = channels * features + more * features**2
            total += pairs * self._kernels[stage] * self._voxels[stage]
            channels = features
        return total

    def up(self, classes: int) -> int:
        """Return those on the way up, with the outputs of every resolution that deep supervision compares."""
        total = 0
        for stage in reversed(range(len(self._features) - 1)):
            features, below = self._features[stage], stage + 1
            total += self._features[below] * features * self._steps[below] * self._voxels[below]
            pairs = 2 * features**2 + (self._up[len(self._features) - 2 - stage] - 1) * features**2
            total += (pairs * self._kernels[stage] + features * classes) * self._voxels[stage]
        return total


def _per_stage(value: int | Sequence[int], count: int) -> list[int]:
    return [value] * count if isinstance(value, int) else list(value)
