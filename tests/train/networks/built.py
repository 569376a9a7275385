"""Small and large U-Mambas for tests, built as nnU-Net builds them from plans."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BOT, ENC = "UMambaBot", "UMambaEnc"
BOTH = (BOT, ENC)

Stride = int | tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """What plans say of a network: features, kernels and strides per stage, and the patch size."""

    size: tuple[int, ...]
    features: Sequence[int]
    kernels: Sequence[Stride]
    strides: Sequence[Stride]

    @property
    def arguments(self) -> dict[str, Any]:
        """The ``arch_kwargs`` of plans, in which nnU-Net has a number per axis everywhere."""
        count, axes = len(self.features), len(self.size)
        return {
            "n_stages": count,
            "features_per_stage": list(self.features),
            "conv_op": f"torch.nn.modules.conv.Conv{axes}d",
            "kernel_sizes": [_per_axis(kernel, axes) for kernel in self.kernels],
            "strides": [_per_axis(stride, axes) for stride in self.strides],
            "n_conv_per_stage": [2] * count,
            "n_conv_per_stage_decoder": [2] * (count - 1),
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{axes}d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        }


def _per_axis(value: Stride, axes: int) -> list[int]:
    return [value] * axes if isinstance(value, int) else list(value)


def halving(size: tuple[int, ...], features: Sequence[int]) -> Case:
    """Return a case with kernels of 3, and strides of 2 after the first stage."""
    count = len(features)
    return Case(size, features, [3] * count, [1] + [2] * (count - 1))


def build(
    name: str, case: Case, channels: int = 1, heads: int = 2, *, deep_supervision: bool = False, **changed: Any
) -> Any:
    """Return a network that nnU-Net builds from plans; ``input_size`` is the patch size of the case."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    arguments = {**case.arguments, **({"input_size": list(case.size)} if name == ENC else {}), **changed}
    return get_network_from_plans(
        f"segconv.train.networks.umamba.{name}",
        arguments,
        ("conv_op", "norm_op", "dropout_op", "nonlin"),
        channels,
        heads,
        deep_supervision=deep_supervision,
    )


def lines(weights: Mapping[str, Any]) -> list[str]:
    """Return ``name 8,1,3,3`` for each tensor, sorted."""
    return sorted(f"{name} {','.join(map(str, tensor.shape))}" for name, tensor in weights.items())


def digest(weights: Mapping[str, Any]) -> str:
    """Return the start of the SHA-256 of all names and shapes."""
    return hashlib.sha256("\n".join(lines(weights)).encode()).hexdigest()[:16]


def filled(network: Any) -> Any:
    """Return a network in double precision with sines for parameters, but what Mamba begins with in ``A_log``, ``D``."""
    import torch

    network = network.double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.endswith(("A_log", ".D")):
                sines = torch.arange(1, parameter.numel() + 1, dtype=torch.float64).sin().reshape(parameter.shape)
                scale = math.sqrt(2 * parameter.shape[0] / parameter.numel())
                parameter.copy_(sines * scale if parameter.ndim > 1 else 0.5 + 0.1 * sines)
    return network


def waves(channels: int, size: Iterable[int]) -> Any:
    """Return an image (1, channels, *size) of sines in double precision."""
    import torch

    shape = (1, channels, *size)
    return torch.sin(0.01 * torch.arange(math.prod(shape), dtype=torch.float64)).reshape(shape)
