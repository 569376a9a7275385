"""Estimate the memory that training a network takes, without building it.

nnU-Net's planners count the values in the feature maps of all convolutions and compare them with those of networks
known to fit; the count is `Size.values`. It holds for nnU-Net's two networks, ``PlainConvUNet`` and
``ResidualEncoderUNet``, and for U-Mamba, whose Mamba layers take more; of others nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .architectures import NETWORKS, PLAIN, RESIDUAL
from .derivation import divisor
from .networks import counts
from .networks.design import Design

GB = 10**9

_REFERENCES = {(PLAIN, 2): (85e6, 12), (PLAIN, 3): (560e6, 2), (RESIDUAL, 2): (135e6, 12), (RESIDUAL, 3): (680e6, 2)}
"""Network and number of axes → values of a patch, and patches in a batch, that take `_REFERENCE_BYTES`.

Source: ``UNet_reference_val_2d``, ``_3d`` and ``UNet_reference_val_corresp_bs_2d``, ``_3d`` of nnU-Net's
``ExperimentPlanner`` and ``ResEncUNetPlanner``. Arithmetic of mixed precision is assumed.
"""

_REFERENCE_BYTES = 8 * GB
"""``UNet_reference_val_corresp_GB``."""

_BOT, _ENC = (NETWORKS[name].path for name in ("umamba-bot", "umamba-enc"))
_SINGLE_PRECISION = 2
"""Memory of a number in single precision, which U-Mamba_Enc computes in, as a multiple of that in half precision."""

_BYTES_PER_INNER_VALUE = 64
"""Measured as `_BYTES_PER_VALUE`, with U-Mamba_Enc: 37 to 91. Mamba layers compute in single precision everywhere."""

_PROCESS_BYTES = 0.7 * GB
_BYTES_PER_PARAMETER = 12
"""A weight, its gradient and its momentum."""
_BYTES_PER_VALUE = 18
"""Measured on the CPU with PyTorch 2.14 in 32 bits, peak memory of two steps: 12 to 18, for both networks, 2 and 3 axes
and 2 to 16 million values; `_PROCESS_BYTES` is what the process took before."""


@dataclass(frozen=True)
class Size:
    """How large a network is.

    Parameters
    ----------
    values
        Number of values in the feature maps of one patch.
    parameters
        Number of weights.
    inner_values
        Number of values inside the Mamba layers for one patch: tokens times inner channels.
    """

    values: int
    parameters: int
    inner_values: int = 0


@dataclass(frozen=True)
class Estimate:
    """Memory that a training takes, in GB (10⁹ bytes).

    Parameters
    ----------
    gpu_gb
        On a GPU with mixed precision, as nnU-Net's planners estimate it.
    ram_gb
        In a process that trains on the CPU, without the processes that augment.
    parameters
        Number of weights.
    """

    gpu_gb: float
    ram_gb: float
    parameters: int


def estimate(configuration: Mapping[str, Any], channels: int, classes: int) -> Estimate | None:
    """Return the memory that training a configuration takes; None for networks that are not known.

    Parameters
    ----------
    configuration
        The configuration with inherited entries.
    channels, classes
        Number of the network's inputs and outputs.
    """
    size = size_of(configuration, channels, classes)
    if size is None:
        return None
    batch = configuration["batch_size"]
    kind = _kind(configuration)
    values, patches = _REFERENCES[kind if kind in _BLOCKS else PLAIN, len(configuration["patch_size"])]
    per_number = _SINGLE_PRECISION if _path(configuration) == _ENC else 1
    inside = _BYTES_PER_INNER_VALUE * size.inner_values * batch
    gpu = per_number * _REFERENCE_BYTES * size.values / values * batch / patches + inside
    ram = _PROCESS_BYTES + _BYTES_PER_PARAMETER * size.parameters + _BYTES_PER_VALUE * size.values * batch + inside
    return Estimate(gpu / GB, ram / GB, size.parameters)


def size_of(configuration: Mapping[str, Any], channels: int, classes: int) -> Size | None:
    """Return the size of a configuration's network; None if it is unknown."""
    arguments = configuration.get("architecture", {}).get("arch_kwargs", {})
    kind, patch = _kind(configuration), configuration["patch_size"]
    if _path(configuration) in (_BOT, _ENC):
        return _size_of_umamba(arguments, patch, channels, classes, in_encoder=_path(configuration) == _ENC)
    if kind not in _BLOCKS or not _is_consistent(arguments, patch, _BLOCKS[kind]):
        return None
    network = _Network(arguments, patch, residual=kind == RESIDUAL)
    values, parameters = network.encoder(channels)
    more_values, more_parameters = network.decoder(classes)
    return Size(values + more_values, parameters + more_parameters)


def _size_of_umamba(
    arguments: Mapping[str, Any], patch: Sequence[int], channels: int, classes: int, *, in_encoder: bool
) -> Size | None:
    try:
        design = Design.of(arguments, len(patch))
    except ValueError:
        return None
    found = counts.layers(design, patch, in_encoder=in_encoder)
    parameters = counts.parameters(design, channels, classes, found)
    return Size(design.values(patch, classes), parameters, counts.inner_values(found))


def _kind(configuration: Mapping[str, Any]) -> str:
    return _path(configuration).rsplit(".", 1)[-1]


def _path(configuration: Mapping[str, Any]) -> str:
    return str(configuration.get("architecture", {}).get("network_class_name", ""))


_BLOCKS = {PLAIN: "n_conv_per_stage", RESIDUAL: "n_blocks_per_stage"}
"""Network → entry with the number of blocks per stage."""


def _is_consistent(arguments: Mapping[str, Any], patch: Sequence[int], blocks: str) -> bool:
    """Return whether all entries with a value per stage or axis have as many."""
    strides = arguments.get("strides", ())
    entries = [arguments.get(key) for key in ("features_per_stage", "kernel_sizes", blocks)]
    up = arguments.get("n_conv_per_stage_decoder")
    return (
        len(strides) > 1
        and all(len(axes) == len(patch) for axes in (*strides, *(arguments.get("kernel_sizes") or ())))
        and all(isinstance(entry, int) or (entry is not None and len(entry) == len(strides)) for entry in entries)
        and (isinstance(up, int) or (up is not None and len(up) == len(strides) - 1))
    )


class _Network:
    """Counts values and weights, as ``compute_conv_feature_map_size`` of ``dynamic_network_architectures`` does."""

    def __init__(self, arguments: Mapping[str, Any], patch: Sequence[int], *, residual: bool) -> None:
        self._strides = [list(stride) for stride in arguments["strides"]]
        self._stages = len(self._strides)
        self._features = self._per_stage(arguments["features_per_stage"], self._stages)
        self._kernels = [math.prod(kernel) for kernel in arguments["kernel_sizes"]]
        self._residual = residual
        self._blocks = self._per_stage(arguments[_BLOCKS[RESIDUAL if residual else PLAIN]], self._stages)
        self._up = self._per_stage(arguments["n_conv_per_stage_decoder"], self._stages - 1)
        self._bias = bool(arguments.get("conv_bias", False))
        self._voxels = [
            math.prod(edge // total for edge, total in zip(patch, divisor(self._strides[: stage + 1]), strict=True))
            for stage in range(self._stages)
        ]
        self._patch_voxels = math.prod(patch)

    @staticmethod
    def _per_stage(value: int | Sequence[int], count: int) -> list[int]:
        return [value] * count if isinstance(value, int) else list(value)

    def encoder(self, channels: int) -> tuple[int, int]:
        """Return the number of values and of weights on the way down."""
        values = parameters = 0
        if self._residual:
            values += self._features[0] * self._patch_voxels
            parameters += self._convolution(channels, self._features[0], self._kernels[0])
            channels = self._features[0]
        for stage in range(self._stages):
            features, kernel, blocks = self._features[stage], self._kernels[stage], self._blocks[stage]
            per_block = 2 if self._residual else 1
            values += per_block * blocks * features * self._voxels[stage]
            parameters += self._convolution(channels, features, kernel)
            parameters += (per_block * blocks - 1) * self._convolution(features, features, kernel)
            if self._residual:
                strided = any(length != 1 for length in self._strides[stage])
                values += features * self._voxels[stage] if strided or channels != features else 0
                parameters += channels * features + 2 * features if channels != features else 0  # without bias
            channels = features
        return values, parameters

    def decoder(self, classes: int) -> tuple[int, int]:
        """Return the number of values and of weights on the way up; without deep supervision, as nnU-Net counts."""
        values = parameters = 0
        for stage in reversed(range(self._stages - 1)):
            features, convolutions = self._features[stage], self._up[self._stages - 2 - stage]
            values += (convolutions + 1) * features * self._voxels[stage]
            parameters += self._features[stage + 1] * features * math.prod(self._strides[stage + 1])
            parameters += features if self._bias else 0
            parameters += self._convolution(2 * features, features, self._kernels[stage])
            parameters += (convolutions - 1) * self._convolution(features, features, self._kernels[stage])
            parameters += (features + 1) * classes
        return values + classes * self._voxels[0], parameters

    def _convolution(self, inputs: int, outputs: int, kernel: int) -> int:
        """Return the weights of a convolution and its normalisation."""
        return inputs * outputs * kernel + (outputs if self._bias else 0) + 2 * outputs
