"""Give a configuration another class of network: one of nnU-Net's, with its usual blocks, or any other."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Mapping
from typing import Any

from ..errors import SegconvError

PLAIN, RESIDUAL = "PlainConvUNet", "ResidualEncoderUNet"
_MODULE = "dynamic_network_architectures.architectures.unet"

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)

_BLOCKS = (1, 3, 4, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6)
"""Residual blocks per stage. Source: nnU-Net's ``ResEncUNetPlanner``, as are one convolution per stage of the decoder,
and two everywhere for a plain network."""


def class_path(name: str) -> str:
    """Return the path of a class: nnU-Net's own networks are known by name.

    Raises
    ------
    SegconvError
        ``SC001`` for a name that is neither.
    """
    if name in (PLAIN, RESIDUAL):
        return f"{_MODULE}.{name}"
    if not _PATH.fullmatch(name):
        near = difflib.get_close_matches(name, (PLAIN, RESIDUAL), n=1, cutoff=0.4)
        raise SegconvError(
            f"{name!r} is no network",
            hint=f"did you mean {near[0]}?" if near else f"{PLAIN}, {RESIDUAL}, or the path of a class, module.Class",
        )
    return name


def with_network(architecture: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an architecture with another class of network, and as many stages, features and strides as before.

    Parameters
    ----------
    architecture
        Entry of a configuration.
    name
        `PLAIN`, `RESIDUAL` or the path of a class, which gets the arguments that the network had.
    """
    path = class_path(name)
    changed = copy.deepcopy(dict(architecture))
    arguments = changed["arch_kwargs"]
    count = len(arguments["strides"])
    if path == f"{_MODULE}.{PLAIN}":
        arguments.pop("n_blocks_per_stage", None)
        arguments |= {"n_conv_per_stage": [2] * count, "n_conv_per_stage_decoder": [2] * (count - 1)}
    elif path == f"{_MODULE}.{RESIDUAL}":
        arguments.pop("n_conv_per_stage", None)
        blocks = [*_BLOCKS, *[_BLOCKS[-1]] * count][:count]
        arguments |= {"n_blocks_per_stage": blocks, "n_conv_per_stage_decoder": [1] * (count - 1)}
    changed["network_class_name"] = path
    return changed
