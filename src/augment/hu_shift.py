"""Shift grey values but keep the floor: padding, or air as stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.channels import is_ct
from ..errors import Cure, SegconvError
from ..image.resample import saturated
from ..image.voxels import chunks
from .grey import Limits

NEEDS = "a channel named CT"

LARGEST_SHIFT_HU = 65_535.0
"""HU are kept in 16 bits, so that no shift is larger."""

suits = is_ct


def refuse_unfit(limits: Limits) -> None:
    """Refuse limits that are not valid magnitudes of a shift."""
    low, high = limits
    if not (0 <= low <= high and 0 < high <= LARGEST_SHIFT_HU):
        raise SegconvError(f"the HU shift {low:g}:{high:g} is not a range of magnitudes", cures=(Cure.of("shift_hu"),))


def draw(limits: Limits, random: np.random.Generator) -> float:
    """Return a shift in HU: its magnitude uniform within the limits, its sign random."""
    magnitude = random.uniform(*limits)
    return float(magnitude if random.random() < 0.5 else -magnitude)


def apply(array: NDArray[Any], shift: float, air: float) -> NDArray[Any]:
    """Return an image with `shift` added to every voxel except air.

    Parameters
    ----------
    array
        Any shape; values in HU.
    shift
        In HU.
    air
        The floor: voxels at or below it are padding or air and stay unchanged; no other voxel is
        shifted below it.

    Returns
    -------
    array
        Of the same type: computed in floating point, rounded half to even, clipped, never wrapped.
    """
    array = np.ascontiguousarray(array)
    if array.dtype.kind in "iu" and array.dtype.itemsize <= 2:
        # Few enough values to shift all of them beforehand.
        unsigned = np.dtype(f"u{array.dtype.itemsize}")
        every = np.arange(1 << 8 * array.dtype.itemsize, dtype=unsigned).view(array.dtype)
        table: NDArray[Any] = _shifted(every, shift, air)
        return np.asarray(table[array.view(unsigned)])
    out = np.empty_like(array)
    for part, chunk in zip(chunks(out), chunks(array), strict=True):
        part[:] = _shifted(chunk, shift, air)
    return out


def _shifted(array: NDArray[Any], shift: float, air: float) -> NDArray[Any]:
    wide = array.dtype.itemsize > 2 and array.dtype != np.float32
    working: NDArray[Any] = array.astype(np.float64 if wide else np.float32)
    body = array > air
    working[body] = np.maximum(working[body] + working.dtype.type(shift), air)
    return saturated(working, array.dtype)
