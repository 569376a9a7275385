"""Count the parameters, operations and activations of a network, on PyTorch's meta device, which has shapes only."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from ...errors import SegconvError
from ...words import typed_size
from ..built_networks import LARGEST_TRIED

HALF_BYTES = 2
"""Bytes of a number that is kept for the backward pass with mixed precision."""

FEATURES = 32
_EDGES = {2: 256, 3: 48}
"""Of a convolution that shows how fast this machine is: features, and voxels along each axis."""


def wrong(code: str, message: str, hint: str = "") -> SegconvError:
    """Return an error about what the user wrote."""
    return SegconvError(message, code=code, hint=hint)


def sizes_of(trainer: Any, plans: dict[str, Any], name: str) -> dict[str, Any]:
    """Send a patch of a configuration through the network that it plans.

    Returns
    -------
    facts
        ``patch_size``, ``batch_size``, ``parameters``, ``forward_flops`` for a batch, and ``activation_bytes`` for a
        batch with mixed precision; the last two are None if the network does not know the meta device.

    Raises
    ------
    SegconvError
        ``SC164`` if the patch does not go through.
    """
    import torch
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from .looks import built

    manager = PlansManager(plans)
    configuration = manager.get_configuration(name)
    patch = [int(edge) for edge in configuration.patch_size]
    facts: dict[str, Any] = {
        "patch_size": patch,
        "batch_size": int(configuration.batch_size),
        "forward_flops": None,
        "activation_bytes": None,
    }
    shape = (1, trainer.num_input_channels, *patch)
    try:
        with torch.device("meta"):
            network = built(trainer, manager, name, deep_supervision=trainer.enable_deep_supervision)
            counted = _counted(network.train(), torch.empty(shape))
    except Exception:  # noqa: BLE001 - whatever a network of others raises where it does not know this device
        network = built(trainer, manager, name, deep_supervision=trainer.enable_deep_supervision)
        _try_patch(network, shape, patch)
        counted = {}
    facts["parameters"] = sum(parameter.numel() for parameter in network.parameters())
    facts.update({key: value * facts["batch_size"] for key, value in counted.items()})
    return facts


def speed_here(axes: int) -> float:
    """Return the operations per second of one core in a convolution like those of nnU-Net, forward and backward.

    Parameters
    ----------
    axes
        2 or 3.
    """
    import torch

    edge, kind = (_EDGES[axes], torch.nn.Conv3d if axes == 3 else torch.nn.Conv2d)
    layer = kind(FEATURES, FEATURES, 3, padding=1)
    image = torch.zeros((1, FEATURES, *[edge] * axes), requires_grad=True)
    start = time.monotonic()
    layer(image).sum().backward()
    spent = time.monotonic() - start
    return float(6 * FEATURES**2 * 3**axes * edge**axes / spent)  # a multiplication and an addition, three times


def _counted(network: Any, image: Any) -> dict[str, int]:
    """Return the operations of a forward pass, and the bytes that it keeps for the backward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()._cdata
        if storage not in own:
            kept[storage] = tensor.numel() * HALF_BYTES
        return tensor

    counter = FlopCounterMode(display=False)
    with counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(image)
    del output
    return {"forward_flops": counter.get_total_flops(), "activation_bytes": sum(kept.values())}


def _try_patch(network: Any, shape: Sequence[int], patch: Sequence[int]) -> None:
    """Send a patch through a network on the CPU, if it is not too large for that."""
    import torch

    if math.prod(patch) > LARGEST_TRIED:
        return
    try:
        with torch.no_grad():
            network.train(False)(torch.zeros(tuple(shape)))
    except Exception as error:
        raise wrong(
            "SC164",
            f"a patch of {typed_size(patch)} does not go through the network: {str(error).splitlines()[0]}",
            "choose a patch that the strides of the network divide",
        ) from error
