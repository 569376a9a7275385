"""A case in few voxels, for a 3D viewer."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...image import opened
from ...image.geometry import Geometry
from ..pictures.windows import Window, windowed
from .decoded_case import DecodedCase, values_in
from .picture_facts import LABEL_LAYER, Volume

MOST_SIDE = 112
"""Voxels along an axis at most."""

MOST_LABELS = 255
"""Labels that a volume of 8 bits can tell apart."""

_LEVEL = 6
_ENDING = ".nii"


def volume_of(name: str, case: DecodedCase, window: Window | None, voxels: int) -> Volume:
    """Return a volume with fewer voxels, in 8 bits: black and white are those of the window.

    Parameters
    ----------
    name
        The case.
    window
        By default, percentiles of the image.
    voxels
        At most: no axis gets more of them than a cube would have.
    """
    side = min(MOST_SIDE, round(voxels ** (1 / 3)))
    factors = [-(-size // side) for size in case.geometry.size]
    geometry = _coarser(case.geometry, factors)
    grey = case.channels[case.drawn or 0]
    shades = _means(windowed(grey, window or case.window) * np.float32(255), factors)
    image = np.rint(shades).astype(np.uint8)
    values = values_in({LABEL_LAYER: case.label})[:MOST_LABELS]
    label = "" if case.label is None else _encoded(_coarse_label(case.label, values, factors), geometry)
    return Volume(name, _encoded(image, geometry), label, values)


def _coarser(geometry: Geometry, factors: Sequence[int]) -> Geometry:
    """Return the grid of blocks of voxels; the last ones may be cut off."""
    size = tuple(own // factor for own, factor in zip(geometry.size, factors, strict=True))
    spacing = tuple(own * factor for own, factor in zip(geometry.spacing_mm, factors, strict=True))
    centre = geometry.to_physical(np.array([(factor - 1) / 2 for factor in factors]))
    return replace(geometry, size=size, spacing_mm=spacing, origin_mm=tuple(float(v) for v in centre))


def _blocks(array: NDArray[Any], factors: Sequence[int]) -> NDArray[Any]:
    """Return ``(z, y, x)`` as ``(z, block, y, block, x, block)``, without what is left at the ends."""
    along = tuple(factors[::-1])
    whole = array[tuple(slice(size // factor * factor) for size, factor in zip(array.shape, along, strict=True))]
    shape = [n for size, factor in zip(whole.shape, along, strict=True) for n in (size // factor, factor)]
    return whole.reshape(shape)


def _means(array: NDArray[np.float32], factors: Sequence[int]) -> NDArray[np.float32]:
    means: NDArray[np.float32] = _blocks(array, factors).mean(axis=(1, 3, 5), dtype=np.float32)
    return means


def _coarse_label(label: NDArray[Any], values: Sequence[int], factors: Sequence[int]) -> NDArray[np.uint8]:
    """Return a label in blocks, as the index of its value from 1; the rarest value in a block wins, not to be lost."""
    counts = [int((label == value).sum()) for value in values]
    order = sorted(range(len(values)), key=lambda index: -counts[index])
    ranked = np.zeros(label.shape, dtype=np.uint8)
    for rank, index in enumerate(order, start=1):
        ranked[label == values[index]] = rank
    back = np.array([0, *(index + 1 for index in order)], dtype=np.uint8)
    chosen: NDArray[np.uint8] = back[_blocks(ranked, factors).max(axis=(1, 3, 5))]
    return chosen


def _encoded(array: NDArray[np.uint8], geometry: Geometry) -> str:
    pieces = opened.encode(np.ascontiguousarray(array), geometry, _ENDING)
    return base64.b64encode(gzip.compress(b"".join(map(bytes, pieces)), _LEVEL, mtime=0)).decode("ascii")
