"""Trainer classes that nnU-Net runs: schedules of the learning rate, fine-tuning, a watchdog.

The names are known without PyTorch or nnU-Net; a class is imported when this module is asked for it. The length of a
training is part of the name, as in nnU-Net's own ``nnUNetTrainer_100epochs``: checkpoints, folders of results, resume
and prediction then carry it without a variable or a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module


@dataclass(frozen=True)
class TrainerEntry:
    """A trainer of this package.

    Parameters
    ----------
    module
        The module that defines it, inside this package.
    summary
        What it does, in a line.
    """

    module: str
    summary: str


TRAINERS = {
    "nnUNetTrainerSegconv": TrainerEntry("stock", "nnU-Net's own recipe, with a watchdog."),
    "nnUNetTrainerAdamWCosine": TrainerEntry(
        "adamw", "AdamW at a rate of 0.001 with warm-up and cosine annealing in each iteration."
    ),
    "nnUNetTrainerAdamWPoly": TrainerEntry("adamw", "AdamW at a rate of 0.001 that falls as nnU-Net's polynomial."),
    "nnUNetTrainerFineTuning": TrainerEntry(
        "finetuning", "A tenth of nnU-Net's rate, 250 epochs, and a frozen encoder in the first tenth of them."
    ),
    "nnUNetTrainerUMambaBot": TrainerEntry("umamba", "U-Mamba_Bot, with one Mamba layer at the lowest resolution."),
    "nnUNetTrainerUMambaEnc": TrainerEntry(
        "umamba", "U-Mamba_Enc, with Mamba layers in the encoder, in single precision."
    ),
    "nnUNetTrainerUMambaEncNoAMP": TrainerEntry(
        "umamba", "The same as nnUNetTrainerUMambaEnc, which never uses mixed precision."
    ),
}
"""Names of the trainers without a length, and where they are."""

SUFFIXES = "[_<n>epochs][_<n>iterations]"
"""What may follow each name; ``<n>`` is a number from 1 on."""

_LENGTH = re.compile(r"(?P<base>.+?)(?:_(?P<epochs>[1-9]\d*)epochs)?(?:_(?P<iterations>[1-9]\d*)iterations)?")


@dataclass(frozen=True)
class NamedTrainer:
    """What the name of a trainer says.

    Parameters
    ----------
    base
        A key of `TRAINERS`.
    epochs
        Number of epochs; None for the trainer's own.
    iterations
        Number of iterations of an epoch; None for the trainer's own.
    """

    base: str
    epochs: int | None = None
    iterations: int | None = None

    @property
    def summary(self) -> str:
        """What the trainer does, in a line."""
        return TRAINERS[self.base].summary


def named(name: str) -> NamedTrainer | None:
    """Return what the name of a trainer says; None if it is none of this package."""
    found = _LENGTH.fullmatch(name)
    if found is None or found["base"] not in TRAINERS:
        return None
    epochs, iterations = (int(found[key]) if found[key] else None for key in ("epochs", "iterations"))
    return NamedTrainer(found["base"], epochs, iterations)


def __getattr__(name: str) -> type:
    """Return a trainer class; the same for each call, so that it can be pickled by its name."""
    wanted = named(name)
    if wanted is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _class(name, wanted)


@cache
def _class(name: str, wanted: NamedTrainer) -> type:
    base: type = getattr(import_module(f"{__name__}.{TRAINERS[wanted.base].module}"), wanted.base)
    if wanted.epochs is None and wanted.iterations is None:
        return base
    from .length import of_length

    return of_length(base, name, wanted.epochs, wanted.iterations)
