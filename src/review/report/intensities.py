"""Values of the channels of a case, from a sample of its voxels that is the same in every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .decoded_case import DecodedCase
from .facts import Values

SAMPLED = 1 << 15
"""Voxels of a case that its percentiles are estimated from."""


@dataclass(frozen=True)
class Sample:
    """Voxels of a case.

    Parameters
    ----------
    values
        Of each channel, in the same voxels.
    labels
        In these voxels; None without a label.
    """

    values: tuple[NDArray[np.float32], ...]
    labels: NDArray[np.uint32] | None


def sample_of(case: DecodedCase, most: int) -> Sample:
    """Return some voxels of a case.

    Parameters
    ----------
    most
        How many.
    """
    places = case.places(most)
    values = tuple(_finite(channel.reshape(-1)[places]) for channel in case.channels)
    labels = None if case.label is None else case.label.reshape(-1)[places].astype(np.uint32)
    return Sample(values, labels)


def values_of(case: DecodedCase, extremes: Sequence[tuple[float, float]]) -> tuple[Values, ...]:
    """Return the values of each channel.

    Parameters
    ----------
    extremes
        The smallest and largest value of each channel; those of the sample count if there are fewer of them.
    """
    places = case.places(SAMPLED)
    samples = [_finite(channel.reshape(-1)[places]) for channel in case.channels]
    if len(extremes) != len(samples):
        extremes = [(float(sample.min()), float(sample.max())) for sample in samples]
    return tuple(_summary(sample, *ends) for sample, ends in zip(samples, extremes, strict=True))


def _summary(sample: NDArray[np.float32], low: float, high: float) -> Values:
    least, median, most = (float(value) for value in np.percentile(sample, (5, 50, 95)))
    found = (low, least, median, most, high, float(sample.mean(dtype=np.float64)))
    return Values(*(float(f"{value:.6g}") for value in found))


def _finite(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
