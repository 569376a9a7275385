"""The colour of a label: a function of its value only, so it is the same in every slice, case and dataset."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

FIRST = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2")
"""Of the labels 1 to 7: the palette of Okabe and Ito without black, in which people with every common form of
colour blindness tell colours apart (https://jfly.uni-koeln.de/color/)."""

NUMBER = 255
"""How many colours there are; further labels start again."""

_STEPS = 24
_LIGHTNESS = (35.0, 92.0)
_LEAST_CHROMA = 22.0
"""Limits in CIELAB: neither lost on black or white, nor mistaken for the image's grey."""

_XYZ_OF_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""sRGB with the white point D65 (IEC 61966-2-1)."""


def colour_of(value: int) -> tuple[float, float, float]:
    """Return the colour of a label, as red, green and blue from 0 to 1.

    Parameters
    ----------
    value
        Value of the label, 1 or more.
    """
    red, green, blue = palette()[(value - 1) % NUMBER]
    return float(red), float(green), float(blue)


@functools.cache
def palette() -> NDArray[np.float64]:
    """Return all colours, ``(NUMBER, 3)``, red, green and blue from 0 to 1.

    Each colour after `FIRST` is the one of a regular grid that is farthest, in CIELAB, from all before it (Gonzalez
    1985, https://doi.org/10.1016/0304-3975(85)90224-5), so that the colours of any first n labels differ well.
    """
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, _STEPS)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = lab_of(grid)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    fit = (lab[:, 0] >= _LIGHTNESS[0]) & (lab[:, 0] <= _LIGHTNESS[1]) & (chroma >= _LEAST_CHROMA)
    grid, lab = grid[fit], lab[fit]
    found = [np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255 for text in FIRST]
    apart = np.min([np.linalg.norm(lab - lab_of(colour), axis=1) for colour in found], axis=0)
    while len(found) < NUMBER:
        farthest = int(apart.argmax())
        found.append(grid[farthest])
        apart = np.minimum(apart, np.linalg.norm(lab - lab[farthest], axis=1))
    return np.array(found)


def lab_of(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return colours ``(…, 3)``, given as sRGB from 0 to 1, in CIELAB under D65 (CIE 15:2004)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ_OF_RGB.T / _XYZ_OF_RGB.sum(axis=1)
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
