"""Say how long an epoch takes on the CPU: as long as one took here before, or as long as its operations should take."""

from __future__ import annotations

import math
import os
import platform
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import reading
from ..dataset.description import DatasetDescription
from ..dataset.layout import DESCRIPTION
from ..dataset.strictjson import load_object, read_file
from ..errors import SegconvError
from .model import Model
from .operations import operations_of
from .paths import Paths
from .plans import configuration, read_plans
from .trainer_length import Length
from .worker_processes import cores

_BACKWARD = 2
"""A backward pass takes about this many times the operations of a forward pass."""

_OF_PRODUCT = 0.9
"""Speed of nnU-Net's networks on one core, as a multiple of that of a product of matrices. Measured on three
configurations of PlainConvUNet in 2D with PyTorch 2.14, in time of the processor: with these numbers, their iterations
take 0.8 to 1.1 times what is estimated."""

_STEP_S = 10e-3
"""Time of a training step besides: the loss at each resolution, the gradients' norm, the optimizer."""

_SAMPLE_S, _VOXEL_S = 4e-3, 1e-7
"""Time of loading and augmenting a sample, and for each of its voxels and channels."""

_ENOUGH_ITERATIONS = 25
"""Epochs with fewer iterations say little of longer ones: the first waits for the processes that augment."""

_RECENT = 10
_EDGE, _TRIES = 512, 3
"""Of the matrices that are multiplied, and how often."""

_EPOCH_TIME = re.compile(r"Epoch time: (\d+\.?\d*) s")
_MOST_LOG = 64 << 20


@dataclass(frozen=True)
class EpochTime:
    """How long an epoch takes on the CPU of this machine.

    Parameters
    ----------
    configuration
        What is trained.
    seconds
        Of one epoch; None if nothing says it.
    measured
        Whether an earlier training took it; otherwise it is estimated.
    length
        Of the training.
    """

    configuration: str
    seconds: float | None
    measured: bool
    length: Length

    @property
    def in_all_s(self) -> float | None:
        """Time of all epochs of a fold, in seconds."""
        return None if self.seconds is None else self.seconds * self.length.epochs

    def of(self, length: Length) -> float:
        """Return the time of all epochs of another length, in seconds."""
        per_iteration = (self.seconds or 0.0) / self.length.iterations_in_all
        return per_iteration * length.iterations_in_all * length.epochs


def epoch_time(model: Model, paths: Paths, length: Length) -> EpochTime:
    """Return how long an epoch of a model takes on the CPU of this machine.

    Raises
    ------
    SegconvError
        What `read_plans` and `configuration` raise.
    """
    per_iteration = _measured(model, paths)
    if per_iteration is not None:
        return EpochTime(model.configuration, per_iteration * length.iterations_in_all, True, length)
    per_iteration = _estimated(model, paths)
    seconds = None if per_iteration is None else per_iteration * length.iterations_in_all
    return EpochTime(model.configuration, seconds, False, length)


def _measured(model: Model, paths: Paths) -> float | None:
    """Return the time of an iteration in the last training of a configuration here; None if there was none."""
    folder = paths.require("results") / model.dataset
    folds = folder.glob(f"*__{model.plans}__{model.configuration}/fold_*")
    found = (_time_in(fold) for fold in sorted(folds, key=lambda fold: -fold.stat().st_mtime_ns))
    return next(filter(None, found), None)


def _time_in(fold: Path) -> float | None:
    """Return the time of an iteration of a fold, if it was trained on the CPU of this machine."""
    try:
        made = load_object(read_file(fold / "debug.json"))
        iterations = int(made["num_iterations_per_epoch"])
        here = made["device"] == "cpu" and made["hostname"] == platform.node()
    except (OSError, SegconvError, KeyError, TypeError, ValueError):
        return None
    if not here or iterations < _ENOUGH_ITERATIONS:
        return None
    times = list(_epoch_times(fold))
    recent = (times[1:] or times)[-_RECENT:]
    return sum(recent) / len(recent) / Length(1, iterations).iterations_in_all if recent else None


def _epoch_times(fold: Path) -> Iterator[float]:
    """Yield the times of the epochs of a fold's last run, in seconds."""
    logs = sorted(fold.glob("training_log_*.txt"))
    if not logs:
        return
    try:
        text = reading.whole(os.path.realpath(logs[-1]), _MOST_LOG).decode("utf-8", "replace")
    except (OSError, SegconvError):
        return
    for found in _EPOCH_TIME.finditer(text):
        yield float(found[1])


def _estimated(model: Model, paths: Paths) -> float | None:
    """Return the time that the operations of an iteration take; None for networks that cannot be counted."""
    file = model.plans_file(paths)
    found = configuration(read_plans(file), model.configuration)
    channels, classes = _ends(file.with_name(DESCRIPTION))
    known = channels and {"patch_size", "batch_size"} <= found.keys()
    operations = operations_of(found, channels, classes) if known else None
    if operations is None:
        return None
    augmenting = _SAMPLE_S + _VOXEL_S * channels * math.prod(found["patch_size"])
    computing = operations * (1 + _BACKWARD) / (_OF_PRODUCT * product_speed())
    return float(_STEP_S + found["batch_size"] * (computing + augmenting) / threads(os.environ))


def _ends(file: Path) -> tuple[int, int]:
    """Return the number of a network's inputs and outputs; none if nnU-Net's copy of dataset.json does not say."""
    if not file.is_file():
        return 0, 0
    description = DatasetDescription.read(file)
    labels = description.labels
    return len(description.channel_names), len(labels.foreground) + (0 if labels.has_regions else 1)


def threads(variables: Mapping[str, str]) -> int:
    """Return how many threads PyTorch computes with, by the variables of a child."""
    asked = variables.get("OMP_NUM_THREADS", "")
    return max(1, min(cores(), int(asked))) if asked.isdecimal() else cores()


def product_speed() -> float:
    """Return the operations per second of one core of this machine in a product of matrices in 32 bits.

    NumPy is expected to compute with one thread, as the command line lets it.
    """
    import numpy as np

    matrix: Any = np.ones((_EDGE, _EDGE), np.float32)
    spent = []
    for _ in range(_TRIES + 1):
        start = time.process_time()  # of all threads, whoever else uses the cores
        matrix @ matrix
        spent.append(time.process_time() - start)
    return float(2 * _EDGE**3 / max(1e-9, min(spent[1:])))  # the first one loads the library
