"""Recognise images that look like labels: they hold only a few whole numbers, including background."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from .stored import DecodedVolume

MOST_VALUES = 32
"""Most values of a label-like image; a label map of the body may have as many classes."""

CURE = "leave the channel out if it is a label, or a mask of the body: a network copies a label that it is given"

LARGEST_CLASS = 64
"""Images with few grey values, such as phantoms, mostly have larger ones."""

VOXELS_A_VALUE = 16
"""An image with fewer voxels per value has few values only because it is small."""

_SAMPLED = 1_000, 50_000
"""Voxels that are looked at first: in most images the fewest already show that it is not a label."""
_SHOWN = 6


def few_whole_numbers(stored: NDArray[np.generic], slope: float = 1.0, intercept: float = 0.0) -> set[int]:
    """Return the values of an image if they are at most `MOST_VALUES` whole numbers from 0 up; otherwise nothing.

    Parameters
    ----------
    stored
        Any shape.
    slope, intercept
        Map stored values to the image's values.
    """
    flat = np.asarray(stored).reshape(-1)
    for number in (*_SAMPLED, flat.size):
        values = _unique(flat[:: max(1, flat.size // max(1, number))], slope, intercept)
        if not values:
            return set()
    return values if flat.size >= VOXELS_A_VALUE * len(values) else set()


def few_in_volume(volume: DecodedVolume) -> set[int]:
    """Return the same of all channels of a volume together."""
    return few_whole_numbers(volume.stored, volume.header.slope, volume.header.intercept)


def as_labels_do(values: Collection[int]) -> bool:
    """Return whether values are like those of a label: background and something else."""
    return len(values) > 1 and 0 in values


def as_classes_are(values: Collection[int]) -> bool:
    """Return whether values are like those of a label and numbered like classes: `LARGEST_CLASS` at most, or 255."""
    return as_labels_do(values) and (max(values) <= LARGEST_CLASS or set(values) == {0, 255})


def told_of(stored: NDArray[np.generic], slope: float, intercept: float, channel: str) -> str | None:
    """Return a message that a channel looks like a label; None if it does not.

    Parameters
    ----------
    stored, slope, intercept
        As for `few_whole_numbers`.
    channel
        Its name, or empty.
    """
    values = few_whole_numbers(stored, slope, intercept)
    if not as_labels_do(values):
        return None
    return f"holds only {in_words(values)}, as labels do" + (f", in the channel {channel!r}" if channel else "")


def in_words(values: Collection[int]) -> str:
    """Return the first few of many values, and their number."""
    shown = ", ".join(map(str, sorted(values)[:_SHOWN]))
    return shown + (f" … ({len(values)} values)" if len(values) > _SHOWN else "")


def _unique(stored: NDArray[np.generic], slope: float, intercept: float) -> set[int]:
    found, _ = np.unique(stored, return_counts=True)  # without counts, numpy loads its masked arrays
    if found.size > MOST_VALUES:
        return set()
    values = found.astype(np.float64) * slope + intercept
    whole = np.isfinite(values).all() and (values == np.rint(values)).all() and (values >= 0).all()
    return {int(value) for value in values} if whole else set()
