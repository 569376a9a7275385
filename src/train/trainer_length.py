"""How long a trainer trains: its number of epochs, and of iterations of an epoch, from its name or source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .deep_supervision import with_bases
from .trainer_list import Trainer
from .trainers import named

EPOCHS, ITERATIONS = 1000, 250
"""Of nnU-Net's usual trainer, ``nnUNetTrainer.__init__``."""

_TO_VALIDATE = 5
"""nnU-Net validates with a fifth as many iterations as it trains with."""

_FORWARD_ONLY = 1 / 3
"""Time of an iteration without its backward pass, which takes twice as long as the forward one."""


@dataclass(frozen=True)
class Length:
    """How long a training is.

    Parameters
    ----------
    epochs, iterations
        Number of epochs, and of training iterations of each.
    """

    epochs: int = EPOCHS
    iterations: int = ITERATIONS

    @property
    def iterations_in_all(self) -> float:
        """Iterations of an epoch, its validation included, as a multiple of the time of a training iteration."""
        return self.iterations * (1 + _FORWARD_ONLY / _TO_VALIDATE)


def length_of(trainer: Trainer, known: Sequence[Trainer]) -> Length:
    """Return the length of a trainer, as far as its name and source say it; nnU-Net's usual one otherwise.

    Parameters
    ----------
    trainer
        What `find_trainer` returned.
    known
        All trainers, among them its bases.
    """
    said = named(trainer.name)
    epochs = _set("num_epochs", trainer, known, EPOCHS)
    iterations = _set("num_iterations_per_epoch", trainer, known, ITERATIONS)
    if said is None:
        return Length(epochs, iterations)
    return Length(said.epochs or epochs, said.iterations or iterations)


def _set(name: str, trainer: Trainer, known: Sequence[Trainer], usual: int) -> int:
    """Return the number that the class or the nearest of its bases sets."""
    changes = (change for each in with_bases(trainer, known) for change in each.changes)
    found = (re.fullmatch(rf"{name} = (\d+)", change) for change in changes)
    return next((int(match[1]) for match in found if match), usual)
