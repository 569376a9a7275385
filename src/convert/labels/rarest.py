"""Judge undeclared values by their number of pixels: which is rarest, and whether masks were smoothed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...dataset.labels import GRAY, IGNORE, value_text
from ...errors import SegconvError
from ...words import count_of, some_of
from .choices import by_value, counted, declaring, numbered
from .coding import distance
from .mask_facts import VOID, MaskFacts, in_words
from .near_values import ground_of, near_others
from .set_values import is_alone

EXPORT = "export the masks without smoothing"

SHOWN = 3
"""Values that nearly equal others, as a message shows them at most."""
FEW_VALUES = 8
BLURRED = 0.9
"""A mask with more than `FEW_VALUES` values has smoothed edges if two of them make up more than this."""
A_PLATEAU = 8
"""A value that occurs this many times as often as is usual is not an edge."""
MOSTLY_SOLID = 0.6
"""Part of all pixels that such values take together if the others are edges."""


@dataclass(frozen=True)
class Seen:
    """How often a value occurs in all masks, and the first file that holds it."""

    pixels: int
    file: str

    def __add__(self, other: Seen) -> Seen:
        return Seen(self.pixels + other.pixels, self.file)


def _tally_of(masks: Sequence[MaskFacts]) -> dict[int, Seen]:
    found: dict[int, Seen] = {}
    for mask in masks:
        for value, pixels in mask.counts.items():
            own = Seen(pixels, mask.file)
            found[value] = found[value] + own if value in found else own
    return found


def name_rarest(error: SegconvError, masks: Sequence[MaskFacts], coding: str) -> None:
    """Name the rarest undeclared value in an error: it is the one most likely to be a mistake."""
    found = _tally_of(masks)
    if not found:
        return
    rarest = min(found, key=lambda value: found[value].pixels)
    seen = found[rarest]
    error.file = seen.file
    error.message += (
        f"; the rarest is {value_text(rarest, coding)}, {count_of(seen.pixels, 'pixel')} in all, first here"
    )
    strays = near_others({value: seen.pixels for value, seen in found.items()}, coding)
    if strays and [cure.kind for cure in error.cures[:1]] == ["declare_labels"]:
        _name_strays(error, found, strays, coding)
        return
    if coding != GRAY:
        return
    if (ink := _smoothed(found)) is not None:
        error.message += f"; nearly all pixels are 0 or {ink}, as in a mask that was smoothed or resized"
        error.hint, error.cures = EXPORT, (declaring(numbered([0, ink]), snap=ink // 2),)
    elif plateaus := _plateaus(found):
        error.message += (
            f"; most pixels are {in_words(plateaus)}, as in masks that were smoothed or resized: an edge between"
            f" {plateaus[0]} and {plateaus[-1]} passes through {plateaus[1]}, so that the nearest value may be wrong"
        )
        error.hint, error.cures = EXPORT, ()
    elif classes := _classes_beside_void(found, masks):
        names = by_value(classes)
        error.cures = (
            declaring({**names, IGNORE: VOID}, f"{VOID} is unknown, and to be left out of training"),
            declaring({**names, f"class_{VOID}": VOID}, f"{VOID} is a class"),
        )


def _name_strays(error: SegconvError, found: Mapping[int, Seen], strays: Mapping[int, int], coding: str) -> None:
    """Offer to count values as those that they nearly equal."""
    named = by_value if coding == GRAY else partial(counted, ground=ground_of(found))
    stray, same = ((value_text(value, coding) for value in values) for values in (strays.keys(), strays.values()))
    pairs = [f"{one} is nearly {other}" for one, other in zip(stray, same, strict=True)]
    error.message += f"; {some_of(pairs, SHOWN)}, which occurs far more often"
    snap = max(distance(one, other, coding) for one, other in strays.items())
    error.cures = (
        declaring(
            named(sorted(found.keys() - strays.keys())), "they are the same", coding=coding, snap=math.ceil(snap)
        ),
        declaring(named(sorted(found)), "each is a class", coding=coding),
    )


def _classes_beside_void(found: Mapping[int, Seen], masks: Sequence[MaskFacts]) -> list[int]:
    """Return the classes of masks in which 255 takes less area than they do, as for unsure edges; otherwise nothing."""
    ground, *classes = sorted(found)
    if ground != 0 or len(classes) < 2 or classes.pop() != VOID or classes[-1] >= VOID // 2 or is_alone(VOID, masks):
        return []
    drawn = sum(found[value].pixels for value in classes)
    return classes if found[VOID].pixels < drawn else []  # what is drawn larger may well be a class


def _plateaus(found: Mapping[int, Seen]) -> list[int]:
    """Return the few values of nearly all pixels, if masks hold many more values between them; otherwise nothing."""
    usual = np.median([seen.pixels for seen in found.values()])
    often = sorted(value for value, seen in found.items() if seen.pixels >= A_PLATEAU * usual)
    if not 3 <= len(often) <= FEW_VALUES:
        return []
    between = [value for value in found.keys() - set(often) if often[0] < value < often[-1]]
    return often if len(between) > FEW_VALUES and _share(often, found) > MOSTLY_SOLID else []


def _smoothed(found: Mapping[int, Seen]) -> int | None:
    """Return the drawn value, if masks hold many values and nearly all pixels are 0 or that one."""
    if len(found) <= FEW_VALUES:
        return None
    often = sorted(found, key=lambda value: found[value].pixels, reverse=True)[:2]
    return max(often) if min(often) == 0 and _share(often, found) > BLURRED else None


def _share(values: Iterable[int], found: Mapping[int, Seen]) -> float:
    """Return the part of all pixels that have one of some values."""
    return sum(found[value].pixels for value in values) / sum(seen.pixels for seen in found.values())


def refuse_smoothed(masks: Sequence[MaskFacts]) -> None:
    """Refuse masks that hold every value up to the drawn one: each value would pass for a class."""
    found = _tally_of(masks)
    if found and _smoothed(found) == max(found):
        raise SegconvError(f"the label files hold {len(found)} values, none of them declared", code="SC074")
