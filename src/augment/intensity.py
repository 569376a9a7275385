"""Shifts of grey values that leave air where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image.resample import saturated


def shift_hu(array: NDArray[Any], shift: float, air: float) -> NDArray[Any]:
    """Return an image with `shift` added to every voxel that is not air.

    Parameters
    ----------
    array
        Any shape; values in HU.
    shift
        In HU.
    air
        The floor: voxels at or below it are padding or air and stay as they are; no other voxel is
        shifted below it.

    Returns
    -------
    array
        Of the same type: computed in floating point, rounded half to even, clipped, never wrapped.
    """
    working = array.astype(np.float64 if array.dtype.itemsize > 2 and array.dtype != np.float32 else np.float32)
    body = array > air
    working[body] = np.maximum(working[body] + working.dtype.type(shift), air)
    return saturated(working, array.dtype)
