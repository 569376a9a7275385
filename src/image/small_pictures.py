"""Small pictures for a page: shrunk, and encoded as WebP, which browsers show and which takes the fewest bytes.

Source of the format: RFC 9649.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LARGEST = 16383
"""Most pixels of a side of a WebP."""

_EFFORT = 4
"""Of 0 to 6: more takes several times as long for a few percent of the bytes."""


def lossy(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Return a WebP that looks the same.

    Parameters
    ----------
    pixels
        ``(row, column)`` in grey, or ``(row, column, 3)``.
    quality
        0 to 100.
    """
    return _encoded(pixels, quality=quality)


def lossless(pixels: NDArray[np.uint8]) -> bytes:
    """Return a WebP with every value of ``(row, column, 4)`` that is not transparent."""
    return _encoded(pixels, lossless=True, quality=50)


def _encoded(pixels: NDArray[np.uint8], **how: Any) -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(target, "WEBP", method=_EFFORT, **how)
    return target.getvalue()


def resized(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture ``(row, column[, 3])`` in another size: means where it shrinks, smooth where it grows."""
    if pixels.shape[:2] == (height, width):
        return pixels
    grows = width > pixels.shape[1] or height > pixels.shape[0]
    how = Image.Resampling.BICUBIC if grows else Image.Resampling.BOX
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), how))


def resized_labels(label: NDArray[Any], values: Iterable[int], width: int, height: int) -> NDArray[np.uint32]:
    """Return a label ``(row, column)`` in another size: the value that covers most of a pixel.

    A value that covers most of no pixel keeps the one that it covers best, so that small ones do not vanish.

    Parameters
    ----------
    values
        Those to keep, in any order; the rest becomes 0.
    """
    best = np.full((height, width), 127, dtype=np.uint8)
    made = np.zeros((height, width), dtype=np.uint32)
    lost: list[tuple[int, int]] = []
    for value in values:
        inside = np.where(label == value, np.uint8(255), np.uint8(0))
        covered = _shares(inside, width, height)
        most = covered > best
        if most.any():
            made[most], best[most] = value, covered[most]
        elif inside.any():
            lost.append((value, int(covered.argmax())))
    for value, place in lost:
        made.flat[place] = value
    return made


def _shares(inside: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return which part of each pixel is inside, 0 to 255."""
    if inside.shape == (height, width):
        return inside
    grows = width > inside.shape[1] or height > inside.shape[0]
    how = Image.Resampling.NEAREST if grows else Image.Resampling.BOX
    return np.asarray(Image.fromarray(inside).resize((width, height), how))
