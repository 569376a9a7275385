"""A perceptual hash: images that look alike have hashes that differ in few bits.

An image is averaged over a coarse grid in canonical axis order; each bit is the sign of one of its lowest spatial
frequencies, by the discrete cosine transform. Another compression, resolution or scale of values changes few signs, and
so does weak noise. After C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, for
images in 2D and 3D.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .geometry import Volume
from .orientation import ras_order
from .voxels import LARGEST

WORD_BITS = 32
LEAST_BITS = 128
"""Shorter hashes of unlike images differ in too few bits."""
BINS = {2: 32, 3: 16}
"""Number of axes along which an image extends → largest size of the coarse grid along each."""
WAVES = {2: 16, 3: 8}
"""Likewise, highest number of frequencies along each: 256 and 512 bits."""
_FORM = re.compile(r"([1-9]\d?(?:x[1-9]\d?){1,2}):([0-9a-f]+)", re.ASCII)
_SIZES = 8
"""Number of sizes whose weights are kept for the next image."""
_SLIGHT = 1e-9
"""Relative to the largest: smaller frequencies are due to rounding."""


def perceptual_hash(volume: Volume) -> str | None:
    """Return the hash of an image; None if it is blank or too small.

    Returns
    -------
    hash
        Number of frequencies along z, y and x, and the bits as hexadecimal digits: ``8x8x8:…``. Only hashes with equal
        numbers can be compared.
    """
    extents = sum(size > 1 for size in volume.geometry.size)
    if extents not in BINS:
        return None
    coarse = _coarse(volume, BINS[extents])
    if volume.geometry.dimension == 3:
        coarse = ras_order(volume.geometry).array(coarse)
    waves = _frequencies(coarse, WAVES[extents])
    mean, waves.flat[0] = abs(float(waves.flat[0])), 0.0
    largest = float(np.abs(waves).max())
    if waves.size < LEAST_BITS or largest <= _SLIGHT * mean:
        return None
    bits = (waves > _SLIGHT * largest).ravel()
    return f"{'x'.join(map(str, waves.shape))}:{_packed(bits).hex()}"


def is_perceptual_hash(text: str) -> bool:
    """Return whether a text has the form of a hash."""
    match = _FORM.fullmatch(text)
    return match is not None and len(match[2]) == 2 * WORD_BITS // 8 * _words(math.prod(map(int, match[1].split("x"))))


def _coarse(volume: Volume, most: int) -> NDArray[np.float64]:
    """Return the image averaged over a grid of at most so many voxels along each axis, plane by plane."""
    shape = volume.geometry.array_shape
    averages = [_averages(size, min(size, most)) for size in shape]
    coarse = np.zeros([len(average) for average in averages])
    if len(shape) == 2:
        return _in_plane(volume.array, volume.components, averages)
    for z, plane in enumerate(volume.array):
        coarse += averages[0][:, z, None, None] * _in_plane(plane, volume.components, averages[1:])
    return coarse


def _in_plane(plane: NDArray[np.generic], components: int, averages: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    values = plane.astype(np.float64)
    if plane.dtype.kind == "f":
        values = np.nan_to_num(values, nan=0.0, posinf=LARGEST, neginf=-LARGEST)
    if components > 1:
        values = values.mean(axis=-1)
    if plane.dtype.kind == "f":
        values = np.clip(values, -LARGEST, LARGEST)
    down, across = averages
    averaged: NDArray[np.float64] = down @ values @ across.T
    return averaged


@lru_cache(maxsize=_SIZES)
def _averages(size: int, bins: int) -> NDArray[np.float64]:
    """Return the part that each voxel has in each bin, ``(bins, size)``."""
    edges = np.linspace(0, size, bins + 1)
    voxels = np.arange(size)
    overlap: NDArray[np.float64] = np.minimum(edges[1:, None], voxels + 1) - np.maximum(edges[:-1, None], voxels)
    return np.maximum(overlap, 0) * (bins / size)


def _frequencies(coarse: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Return the lowest frequencies along every axis, by the discrete cosine transform of type II."""
    found = coarse
    for axis, size in enumerate(coarse.shape):
        found = np.moveaxis(np.tensordot(_waves(size, min(size, most)), found, axes=(1, axis)), 0, axis)
    return found


@lru_cache(maxsize=_SIZES)
def _waves(size: int, number: int) -> NDArray[np.float64]:
    """Return the cosines of the lowest frequencies, ``(number, size)``."""
    waves: NDArray[np.float64] = np.cos(np.pi / size * np.outer(np.arange(number), np.arange(size) + 0.5))
    return waves


def _packed(bits: NDArray[np.bool_]) -> bytes:
    """Return bits as words; each word gets frequencies of every height, as the lowest are alike in many images."""
    words = _words(len(bits))
    padded = np.zeros(words * WORD_BITS, dtype=bool)
    padded[: len(bits)] = bits
    return np.packbits(padded.reshape(WORD_BITS, words).T).tobytes()


def _words(bits: int) -> int:
    return -(-bits // WORD_BITS)
