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

TRAINERS = {
    "nnUNetTrainerSegconv": "stock",
    "nnUNetTrainerAdamWCosine": "adamw",
    "nnUNetTrainerAdamWPoly": "adamw",
    "nnUNetTrainerFineTuning": "finetuning",
    "nnUNetTrainerUMambaBot": "umamba",
    "nnUNetTrainerUMambaEnc": "umamba",
    "nnUNetTrainerUMambaEncNoAMP": "umamba",
}
"""Name of a trainer, without its length → the module that defines it, inside this package."""

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
    base: type = getattr(import_module(f"{__name__}.{TRAINERS[wanted.base]}"), wanted.base)
    if wanted.epochs is None and wanted.iterations is None:
        return base
    from .length import of_length

    return of_length(base, name, wanted.epochs, wanted.iterations)
