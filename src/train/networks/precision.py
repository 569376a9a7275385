"""Keep computations in single precision inside nnU-Net's mixed precision."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch


def without_autocast(like: torch.Tensor) -> AbstractContextManager[object]:
    """Return a context in which operations on the device of a tensor keep the precision of their inputs."""
    context: AbstractContextManager[object] = torch.autocast(like.device.type, enabled=False)
    return context


def at_least_single(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor in single precision if it had less."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
