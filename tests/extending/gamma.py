"""A transform in one file: grey values between air and the largest, raised to a power. See docs/extending.md."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segconv.augment.grey import Limits
from segconv.errors import SegconvError
from segconv.image.resample import saturated

NEEDS = "a channel"


def suits(channel: str) -> bool:
    """Return True: every channel has grey values."""
    return bool(channel)


def refuse_unfit(limits: Limits) -> None:
    """Refuse powers that are not above 0."""
    low, high = limits
    if not 0 < low <= high:
        raise SegconvError(f"the gamma {low:g}:{high:g} is not a range of powers above 0")


def draw(limits: Limits, random: np.random.Generator) -> float:
    """Return a power, uniform within the limits."""
    return float(random.uniform(*limits))


def apply(array: NDArray[Any], gamma: float, air: float) -> NDArray[Any]:
    """Return the image, its values from air to the largest raised to a power, in the same range and type."""
    largest = float(array.max())
    if largest == air:
        return array
    share = (array.astype(np.float64) - air) / (largest - air)
    return saturated(air + np.power(share, gamma) * (largest - air), array.dtype)
