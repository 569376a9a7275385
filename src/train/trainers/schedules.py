"""Learning rates as functions of the epoch and the iteration, so that a checkpoint needs no state of a scheduler."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

EXPONENT = 0.9
"""nnU-Net's."""


def poly(initial: float, epoch: int, epochs: int) -> float:
    """Return nnU-Net's rate: ``initial · (1 - epoch / epochs) ^ 0.9``."""
    return float(initial * (1 - epoch / epochs) ** EXPONENT)


def cosine(initial: float, step: int, steps: int, *, warm_up: int, lowest: float) -> float:
    """Return a rate that rises linearly, and then falls along half a cosine.

    ``initial · (step + 1) / warm_up`` before step ``warm_up``, and then
    ``lowest + (initial - lowest) · (1 + cos(π · (step - warm_up) / (steps - 1 - warm_up))) / 2``, as in Loshchilov and
    Hutter, SGDR, ICLR 2017, equation 5. The last step has the lowest rate, unless the training has no other.

    Parameters
    ----------
    initial
        The highest rate.
    step
        From 0 to ``steps - 1``.
    steps
        Iterations of the whole training.
    warm_up
        Number of iterations in which the rate rises.
    lowest
        The rate of the last step.
    """
    if step < warm_up:
        return initial * (step + 1) / warm_up
    part = (step - warm_up) / max(1, steps - 1 - warm_up)
    return lowest + (initial - lowest) * (1 + math.cos(math.pi * part)) / 2


class RateOfEpoch:
    """What nnU-Net calls at the start of each epoch: it sets the rate of each group of parameters.

    Parameters
    ----------
    optimizer
        Its groups get the rates.
    rates
        Epoch → a rate for each group.
    """

    def __init__(self, optimizer: Any, rates: Callable[[int], tuple[float, ...]]) -> None:
        self._optimizer, self._rates = optimizer, rates

    def step(self, epoch: int) -> None:
        """Set the rates of an epoch."""
        for group, rate in zip(self._optimizer.param_groups, self._rates(epoch), strict=True):
            group["lr"] = rate
