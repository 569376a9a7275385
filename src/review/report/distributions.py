"""Histograms of numbers: sizes, spacings, volumes of labels, angles, scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .facts import Distribution

BINS = 24
MOST_WHOLE = 40
"""Bins of a histogram, and of one of whole numbers that has a bin for each."""


def distribution(
    key: str, title: str, unit: str, group: str, values: Sequence[float], *, colour: str = "", note: str = ""
) -> list[Distribution]:
    """Return the histogram of numbers, a case each, or nothing for none; further parameters are those of its fields."""
    if not values:
        return []
    numbers = np.asarray(values, dtype=np.float64)
    edges = edges_of(numbers)
    counts, _ = np.histogram(numbers, edges)
    return [
        Distribution(
            key,
            title,
            unit,
            group,
            plain(edges),
            tuple(float(count) for count in counts),
            note=note,
            colour=colour,
        )
    ]


def edges_of(numbers: NDArray[np.float64], bins: int = BINS, most_whole: int = MOST_WHOLE) -> NDArray[np.float64]:
    """Return the ends of bins that hold all numbers; a bin of whole numbers holds the same number of them as others.

    Parameters
    ----------
    bins
        How many there are, roughly for whole numbers.
    most_whole
        Whole numbers get a bin each if there are at most so many from the smallest to the largest.
    """
    low, high = float(numbers.min()), float(numbers.max())
    if (numbers == np.rint(numbers)).all() and high - low < 1 << 53:
        span = high - low + 1
        width = 1 if span <= most_whole else math.ceil(span / bins)
        return low - 0.5 + width * np.arange(math.ceil(span / width) + 1, dtype=np.float64)
    if low == high:
        beyond = abs(low) / 20 or 0.5
        return np.array([low - beyond, low + beyond])
    return np.linspace(low, high, bins + 1, dtype=np.float64)


def plain(numbers: NDArray[np.float64]) -> tuple[float, ...]:
    """Return numbers with the digits that a person can see."""
    return tuple(float(f"{number:.6g}") for number in numbers)
