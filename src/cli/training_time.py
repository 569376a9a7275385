"""Say how long a training on the CPU takes, and which trainers take less."""

from __future__ import annotations

from collections.abc import Callable

from ..train.epoch_time import EpochTime
from ..train.trainer_length import Length
from .training_display import duration

LONG_S = 3600.0
"""A training that takes longer is worth a shorter one first."""

SHORT = {
    "nnUNetTrainer_10epochs": Length(epochs=10),
    "nnUNetTrainerSegconv_10epochs_50iterations": Length(epochs=10, iterations=50),
}
"""Trainers for a first look, one of nnU-Net and one of segconv → how long they train."""


def foretelling(say: Callable[[str], None]) -> Callable[[EpochTime], None]:
    """Return what says how long a training will take."""

    def foretell(time: EpochTime) -> None:
        for line in in_words(time):
            say(line)

    return foretell


def in_words(time: EpochTime) -> list[str]:
    """Return how long a training on the CPU takes, and shorter ones if it takes long."""
    if time.seconds is None or time.in_all_s is None:
        return [f"on the CPU: how long an epoch of {time.configuration} takes shows after the first one"]
    verb, condition = ("took", "") if time.measured else ("will take", " if nothing else uses the cores")
    epochs = "1 epoch of a fold takes" if time.length.epochs == 1 else f"{time.length.epochs} epochs of a fold take"
    lines = [
        f"on the CPU: an epoch of {time.configuration} {verb} {_about(time.seconds)} here{condition},"
        f" so that {epochs} {_about(time.in_all_s)}"
    ]
    shorter = {name: time.of(length) for name, length in SHORT.items() if time.of(length) < time.in_all_s / 2}
    if time.in_all_s > LONG_S and shorter:
        offers = ", ".join(f"-tr {name} {_about(seconds)}" for name, seconds in shorter.items())
        lines.append(f"shorter, for a first look: {offers}")
    return lines


def _about(seconds: float) -> str:
    return f"about {duration(seconds)}" if seconds >= 1 else "less than 1 s"
