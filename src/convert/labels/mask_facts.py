"""Facts of one mask about the coding of its set: its values, where they are, and how its palette shows them.

A single value has no meaning by itself; it is judged over the facts of all masks of a set. `set_coding` judges
palettes and polarity; `set_values` judges which value is background and whether values are classes at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ...dataset.labels import GRAY, RGB, grey_of_colour, value_text
from ...image.mask_values import palette_codes
from ...image.picture import Picture

VOID = 255
"""Value of unclassified pixels in masks of VOC and Cityscapes."""


NOTHING: Mapping[int, Any] = MappingProxyType({})


def _nothing() -> Mapping[int, Any]:
    return NOTHING


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """Contents of one mask; small, because those of all masks are kept until the whole set is judged.

    Parameters
    ----------
    file
        Its name in messages.
    counts
        Value or colour → number of pixels or voxels.
    border
        The same at the border: the outermost rows and columns, or the six faces of a volume.
    palette
        Index in use → its colour; empty if the mask has no palette.
    white_is_zero
        Whether the mask says that its lowest value is white and its highest black; None if it does not say.
    names
        Value → name, if the file names its values.
    """

    file: str
    counts: Mapping[int, int]
    border: Mapping[int, int] = field(default_factory=_nothing)
    palette: Mapping[int, int] = field(default_factory=_nothing)
    white_is_zero: bool | None = False
    names: Mapping[int, str] = field(default_factory=_nothing)

    @property
    def foreground(self) -> frozenset[int]:
        """The values other than 0."""
        return frozenset(self.counts) - {0}


def values_of(masks: Iterable[MaskFacts]) -> set[int]:
    """Return all values or colours that masks hold."""
    return {value for mask in masks for value in mask.counts}


def palette_in_use(opened: Picture, counts: Iterable[int]) -> Mapping[int, int]:
    """Return index → colour for the indices in a mask; empty for a mask without a palette."""
    if opened.palette is None:
        return NOTHING
    codes = palette_codes(opened.palette)
    return {index: codes[index] for index in counts if index < len(codes)}


def white_is_zero(opened: Picture, counts: Iterable[int]) -> bool | None:
    """Return whether a mask says that 0 is white: MinIsWhite in a TIFF, or a palette from white down to black.

    None if it does not say, as with a palette of colours.
    """
    if opened.palette is None:
        return opened.header.white_is_zero
    greys = [grey_of_colour(code) for code in palette_codes(opened.palette)]
    used = [greys[index] for index in sorted(counts) if index < len(greys)]
    if len(used) < 2:
        used = greys[:2]
    distinct = {grey for grey in used if grey is not None}
    if len(used) < 2 or len(distinct) < len(used):
        return None
    return used == sorted(distinct, reverse=True)


def in_words(values: Iterable[int], coding: str = GRAY, most: int = 8) -> str:
    """Return values or colours as messages list them, cut after the first few."""
    listed = sorted(values) if coding != RGB else list(values)
    return ", ".join(value_text(value, coding) for value in listed[:most]) + (" …" if len(listed) > most else "")
