"""Undeclared values that nearly equal one that occurs far more often: rounded or edited copies of it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from functools import partial

from ...dataset.labels import GRAY, TRANSPARENT
from .coding import distance

RARE = 20
"""A stray value has at most one pixel for this many of the value that it nearly equals."""
FARTHEST = 8
"""It is no further from that one, which is the most that an editor or a converter changes."""
NEAR = 20
"""It is this many times nearer to that one than other values are to one another."""
MOST_COMPARED = 64
"""With more values, none is compared: their order would take long, and they are no classes."""


def near_others(pixels: Mapping[int, int], coding: str) -> dict[int, int]:
    """Return each stray value, and the value that it nearly equals; nothing if classes are as near to one another.

    >>> near_others({0: 900, 254: 2, 255: 98}, "gray")
    {254: 255}
    >>> near_others({0: 900, 7: 98, 8: 2}, "gray")
    {}
    """
    if not 2 < len(pixels) <= MOST_COMPARED or (coding != GRAY and ground_of(pixels) not in pixels):
        return {}
    off = partial(distance, coding=coding)
    solid: list[int] = []
    strays: dict[int, int] = {}
    for value in sorted(pixels, key=lambda one: pixels[one], reverse=True):
        near = [one for one in solid if off(value, one) <= FARTHEST and pixels[value] * RARE <= pixels[one]]
        if near:
            strays[value] = min(near, key=partial(off, value))
        else:
            solid.append(value)
    apart = min(itertools.starmap(off, itertools.combinations(solid, 2)), default=0)
    return strays if max(itertools.starmap(off, strays.items()), default=0) * NEAR <= apart else {}


def ground_of(colours: Collection[int]) -> int:
    """Return the colour of background: transparent if it occurs, otherwise black."""
    return TRANSPARENT if TRANSPARENT in colours else 0
