"""Refuse checkpoints of the networks that U-Mamba had before its present ones, before nnU-Net fails to load them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SegconvError
from .networks.former import UNTIL, is_former

TRAINERS = "nnUNetTrainerUMamba"
"""Start of the names of U-Mamba's trainers, which have not changed with its networks."""


def refuse_former(checkpoint: Any, path: Path) -> None:
    """Refuse a checkpoint of a U-Mamba that is too old; any other passes.

    Parameters
    ----------
    checkpoint
        Its content, from `read_tensors`.

    Raises
    ------
    SegconvError
        ``SC181``.
    """
    if not isinstance(checkpoint, Mapping) or not str(checkpoint.get("trainer_name", "")).startswith(TRAINERS):
        return
    weights = checkpoint.get("network_weights")
    if isinstance(weights, Mapping) and is_former(map(str, weights)):
        raise SegconvError(
            f"is of U-Mamba's networks before {UNTIL}, which had other layers than the present ones",
            code="SC181",
            file=str(path),
            hint="predict with the version of U-Mamba that trained it, or train again",
        )
