"""Estimate the disk, memory and time of the real training from its plans and from what a rehearsal measured."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import Cure, Finding
from ..complete import Stored
from ..plans import configuration
from ..worker_processes import GIB

FOLDS, EPOCHS = 5, 1000
ITERATIONS, VALIDATION_ITERATIONS = 250, 50
"""Of nnU-Net's usual training."""

IMAGE_BYTES, LABEL_BYTES = 4, 1
"""Of a voxel and channel of a preprocessed case, before compression."""

WEIGHT_BYTES, WEIGHT_COPIES = 4, 3
"""During training: weights, gradients and momentum, in 32 bits."""

CHECKPOINTS = 2
"""nnU-Net keeps the final and the best of each fold."""

BACKWARD = 2
"""A backward pass takes about this many times the operations of a forward pass."""

GPU_FLOPS = 20e12
"""Operations per second that a GPU is assumed to sustain in nnU-Net's training with mixed precision."""

HOW = (
    "disk: median image size of the plans × cases, before compression, and checkpoints of 5 folds;"
    " memory: weights, gradients and momentum in 32 bits, and the activations of a batch in 16 bits, without what"
    " the libraries reserve; time: operations of the planned network, 250 + 50 iterations an epoch, at the speed"
    f" measured here in a convolution on one core, and at {GPU_FLOPS / 1e12:.0f} TFLOP/s, which is assumed for a GPU"
)
"""How an estimate is made, in words."""


@dataclass(frozen=True)
class Estimate:
    """What the real training of a configuration takes; None where it is unknown.

    Parameters
    ----------
    configuration
        Its name.
    parameters
        Number of weights of the network as planned.
    preprocessed_bytes
        What preprocessing will still write.
    results_bytes
        Checkpoints of 5 folds.
    memory_bytes
        Of the GPU, or of the machine if it trains on the CPU.
    epoch_cpu_s, epoch_gpu_s
        Time of an epoch.
    """

    configuration: str
    parameters: int
    preprocessed_bytes: int
    results_bytes: int
    memory_bytes: int | None
    epoch_cpu_s: float | None
    epoch_gpu_s: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the estimate for scripts."""
        return dict(vars(self))


def preprocessed_bytes(plans: Mapping[str, Any], name: str, cases: int, channels: int, folder: Path) -> int:
    """Return about how many bytes the preprocessed cases of a configuration take; 0 if they exist.

    Parameters
    ----------
    folder
        The preprocessed dataset.
    """
    found = configuration(plans, name)
    size = _numbers(found.get("median_image_size_in_voxels")) or found["patch_size"]
    whole = _numbers(plans.get("original_median_shape_after_transp"))
    if len(size) < len(whole):
        size = [*whole[: len(whole) - len(size)], *size]  # slices are kept in volumes
    identifier = found.get("data_identifier")
    if identifier and len(Stored.of(folder / identifier).cases) >= cases:
        return 0
    return int(cases * math.prod(size) * (channels * IMAGE_BYTES + LABEL_BYTES))


def _numbers(value: Any) -> list[float]:
    """Return a list of numbers as it is, and an empty one instead of anything else."""
    known = isinstance(value, list) and all(type(number) in (int, float) for number in value)
    return list(value) if known else []


def estimate(name: str, network: Mapping[str, Any], checkpoint_bytes: int, preprocessed: int) -> Estimate:
    """Return the estimate of one configuration.

    Parameters
    ----------
    network
        What was counted of it and measured; see `sizes_of` and `speed_here`.
    checkpoint_bytes
        Size of a checkpoint of the small network.
    preprocessed
        See `preprocessed_bytes`.
    """
    parameters, flops, kept = (network[key] for key in ("parameters", "forward_flops", "activation_bytes"))
    per_weight = checkpoint_bytes / max(1, network["small"]["parameters"])
    epoch = None if flops is None else flops * ((1 + BACKWARD) * ITERATIONS + VALIDATION_ITERATIONS)
    return Estimate(
        name,
        parameters,
        preprocessed,
        int(per_weight * parameters * CHECKPOINTS * FOLDS),
        None if kept is None else parameters * WEIGHT_BYTES * WEIGHT_COPIES + kept,
        None if epoch is None else epoch / network["flops_per_s"],
        None if epoch is None else epoch / GPU_FLOPS,
    )


def lacking(folder: Path, needed: int, what: str) -> Iterable[Finding]:
    """Yield an error if the disk of a folder has less room than needed.

    Parameters
    ----------
    what
        What takes the room, in words.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        message = f"has {free / GIB:.1f} GiB free, and {what} will take about {needed / GIB:.1f} GiB"
        cure = Cure.of("make_folders_elsewhere")
        yield Finding("SC167", message, file=str(folder), hint="make room on the disk", cures=(cure,))


def total(estimates: Sequence[Estimate]) -> tuple[int, int]:
    """Return the bytes of preprocessed data and of results of all configurations."""
    return sum(each.preprocessed_bytes for each in estimates), sum(each.results_bytes for each in estimates)
