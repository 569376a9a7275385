"""Turn the values of an image into the grey or the colours of a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Window = tuple[float, float]
"""Values that are drawn black and white."""

LUNG, BONE, SOFT = "lung", "bone", "soft"
CT_WINDOWS: dict[str, Window] = {LUNG: (-1350.0, 150.0), BONE: (-500.0, 1300.0), SOFT: (-160.0, 240.0)}
"""Name → window in HU: the usual levels -600, 400 and 40 with the widths 1500, 1800 and 400."""

_SOFT_HU = (-300.0, 250.0)
"""Between air and bone: fat, water, organs with contrast medium."""

SHARES = (0.5, 99.5)
"""Percentiles of the values above the smallest one that are drawn black and white."""

SAMPLES = 1 << 20
"""Most values that percentiles are estimated from."""

DARK = 170
"""A picture of 8 bits in colour whose brightest pixels stay below this is brightened."""


def window_of(image: NDArray[Any]) -> Window:
    """Return a window that a few extreme voxels do not change.

    Parameters
    ----------
    image
        Grey values, of any shape. Voxels of the smallest value are usually padding, and do not count.
    """
    values = _sample(image)
    if not values.size:
        return 0.0, 1.0
    least, most = float(values.min()), float(values.max())
    if least == most:
        return least - 1.0, most + 1.0  # a constant image is drawn grey
    low, high = (float(v) for v in np.percentile(values[values > least], SHARES))
    return (low, high) if low < high else (least, most)


def ct_window_of(values: NDArray[Any]) -> Window:
    """Return the usual window of what some voxels of a CT are, by their median.

    Parameters
    ----------
    values
        In HU, of any shape, at least one.
    """
    median = float(np.median(values))
    return CT_WINDOWS[LUNG if median < _SOFT_HU[0] else BONE if median > _SOFT_HU[1] else SOFT]


def colour_window_of(image: NDArray[Any]) -> Window:
    """Return the window of a picture in colour, which starts at 0, so that hues stay.

    Parameters
    ----------
    image
        ``(…, 3)``. Pictures of 8 bits are shown as they are, unless they are dark.
    """
    values = _sample(image)
    high = float(np.percentile(values, SHARES[1])) if values.size else 0.0
    if image.dtype == np.uint8 and not 0 < high < DARK:
        return 0.0, 255.0
    return 0.0, high if high > 0 else max(1.0, float(values.max(initial=0)))


def windowed(image: NDArray[Any], window: Window) -> NDArray[np.float32]:
    """Return an image from 0, black, to 1, white; what is not a number is black."""
    low, high = window
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = (image.astype(np.float64) - low) / (high - low)
    return np.clip(np.nan_to_num(scaled, nan=0.0), 0.0, 1.0).astype(np.float32)


def _sample(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return finite values at regular distances."""
    flat = image.reshape(-1)
    values = flat[:: -(-flat.size // SAMPLES) or 1].astype(np.float64)
    return values[np.isfinite(values)]
