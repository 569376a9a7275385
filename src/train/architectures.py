"""Give a configuration another class of network: one that is known by name, or any other by its path."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SegconvError

PLAIN, RESIDUAL = "PlainConvUNet", "ResidualEncoderUNet"
_MODULE = "dynamic_network_architectures.architectures.unet"
_UMAMBA = "segconv.train.networks.umamba"

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)

_BLOCKS = (1, 3, 4, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6)
"""Residual blocks per stage. Source: nnU-Net's ``ResEncUNetPlanner``, as are one convolution per stage of the decoder,
and two everywhere for a plain network."""

SIZE = "input_size"
"""Entry of ``arch_kwargs`` with the patch size, of networks that are made for one size."""


@dataclass(frozen=True)
class Architecture:
    """A network that a name stands for.

    Parameters
    ----------
    name
        What a user types.
    path
        Path of the class.
    plans
        What the names of plans made for it end with.
    trainer
        Trainer that suits it; None if nnU-Net's own does.
    is_sized
        Whether the network is made for one patch size, and gets it as `SIZE`.
    """

    name: str
    path: str
    plans: str
    trainer: str | None = None
    is_sized: bool = False


NETWORKS: Mapping[str, Architecture] = {
    known.name: known
    for known in (
        Architecture(PLAIN, f"{_MODULE}.{PLAIN}", PLAIN),
        Architecture(RESIDUAL, f"{_MODULE}.{RESIDUAL}", RESIDUAL),
        Architecture("umamba-bot", f"{_UMAMBA}.UMambaBot", "UMambaBot", "nnUNetTrainerUMambaBot"),
        Architecture("umamba-enc", f"{_UMAMBA}.UMambaEnc", "UMambaEnc", "nnUNetTrainerUMambaEnc", is_sized=True),
    )
}
"""Networks by name."""


def architecture(name: str) -> Architecture:
    """Return the network that a name or the path of a class stands for.

    Raises
    ------
    SegconvError
        ``SC001`` for a name that is neither.
    """
    known = {**NETWORKS, **{each.path: each for each in NETWORKS.values()}}
    if name in known:
        return known[name]
    if not _PATH.fullmatch(name):
        near = difflib.get_close_matches(name, NETWORKS, n=1, cutoff=0.4)
        raise SegconvError(
            f"{name!r} is no network",
            hint=f"did you mean {near[0]}?" if near else f"{', '.join(NETWORKS)}, or the path of a class, module.Class",
        )
    return Architecture(name, name, name.rpartition(".")[2].replace("_", ""))


def with_network(entry: Mapping[str, Any], name: str, patch: Sequence[int]) -> dict[str, Any]:
    """Return an architecture with another class of network, and as many stages, features and strides as before.

    Parameters
    ----------
    entry
        The architecture of a configuration.
    name
        A key of `NETWORKS`, or the path of a class, which gets the arguments that the network had.
    patch
        Patch size of the configuration, in nnU-Net's axis order (z, y, x).
    """
    wanted = architecture(name)
    changed = copy.deepcopy(dict(entry))
    arguments = changed["arch_kwargs"]
    count = len(arguments["strides"])
    if wanted.name == PLAIN:
        arguments.pop("n_blocks_per_stage", None)
        arguments |= {"n_conv_per_stage": [2] * count, "n_conv_per_stage_decoder": [2] * (count - 1)}
    elif wanted.name == RESIDUAL:
        arguments.pop("n_conv_per_stage", None)
        blocks = [*_BLOCKS, *[_BLOCKS[-1]] * count][:count]
        arguments |= {"n_blocks_per_stage": blocks, "n_conv_per_stage_decoder": [1] * (count - 1)}
    arguments.pop(SIZE, None)
    if wanted.is_sized:
        arguments[SIZE] = list(patch)
    changed["network_class_name"] = wanted.path
    return changed


def for_patch(entry: Mapping[str, Any], patch: Sequence[int]) -> dict[str, Any]:
    """Return an architecture for another patch size: only a network that is made for one size differs."""
    changed = copy.deepcopy(dict(entry))
    if SIZE in changed.get("arch_kwargs", {}):
        changed["arch_kwargs"][SIZE] = list(patch)
    return changed
