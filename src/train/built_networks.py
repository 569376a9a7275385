"""Build a network as nnU-Net's trainer and predictor do, in a process of theirs."""

from __future__ import annotations

import inspect
from typing import Any

LARGEST_TRIED = 1 << 21
"""Voxels of a patch that is computed where a network does not know PyTorch's meta device: 128 × 128 × 128."""


def built(trainer: Any, plans: Any, name: str, ends: tuple[int, int], *, deep_supervision: bool) -> Any:
    """Return a network.

    Parameters
    ----------
    trainer
        A trainer, or its class.
    plans
        nnU-Net's manager of the plans.
    name
        Name of the configuration.
    ends
        Numbers of its input channels and of its output channels.
    """
    configuration = plans.get_configuration(name)
    build = trainer.build_network_architecture
    if "plans_manager" in inspect.signature(build).parameters:
        return build(plans, configuration, *ends, deep_supervision)
    # The signature of nnunetv2 before 2.7, which it still accepts.
    return build(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        *ends,
        deep_supervision,
    )
