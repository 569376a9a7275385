"""Find values that number the objects in each mask, such as cells, rather than name classes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import BACKGROUND, IGNORE
from ...errors import SegconvError
from ...image.pieces import Extent
from .choices import ACCEPT, declaring
from .mask_facts import VOID, MaskFacts

FEWEST_OBJECTS = 3
"""Numbers that the fullest mask must hold if each mask counts from 1; two may be an organ and its tumour."""
MANY_OBJECTS = 8
"""The same if numbers are missing; so many classes are numbered alike in no two masks."""
CROWD = 20
"""The same if all masks hold equally many."""
WHOLE = 1.1
"""Pieces per number: an object splits in two where another covers it or the border cuts it."""

SAMPLED = 24
"""Masks to look at if all hold equally many numbers."""
COMPACT = 0.25
"""Least part of its bounding box that an object takes."""
APART = 0.6
"""Largest part of the variance of sizes and places between values: above it, a value says what it means."""
SCATTERED = 0.1
"""Standard deviation of places, as a part of the picture, above which objects may be anywhere."""


@dataclass(frozen=True)
class Look:
    """Functions that read masks again; both leave out one value, that of unclassified pixels.

    Parameters
    ----------
    pieces
        Counts the connected pieces of all masks.
    extents
        Yields the location of each value in the masks with these names.
    """

    pieces: Callable[[int], int]
    extents: Callable[[Sequence[str], int], Iterable[Mapping[int, Extent]]]


def refuse_numbered_objects(masks: Sequence[MaskFacts], look: Look) -> None:
    """Refuse values that number the objects of each mask (``SC078``): no network can learn what a number means.

    If all masks hold equally many, place and size of each value distinguish numbers from classes.
    """
    drawn, void = _numbers(masks)
    if not drawn:
        return
    if _may_be_numbers(drawn):
        if look.pieces(void) > WHOLE * sum(len(numbers) for _, numbers in drawn):
            return
    elif not _all_alike(drawn) or not _lie_anywhere(look, [mask for mask, _ in drawn], void):
        return
    raise _numbered(drawn, void)


def _numbered(drawn: Sequence[tuple[MaskFacts, frozenset[int]]], void: int) -> SegconvError:
    """Return the error for values that number objects."""
    fullest = max(drawn, key=lambda entry: len(entry[1]))
    least = min(drawn, key=lambda entry: len(entry[1]))
    one_class: dict[str, int | str] = {BACKGROUND: 0, "object": f"1-{void - 1 if void else ''}"}
    if void:
        one_class[IGNORE] = void
    if len(fullest[1]) == len(least[1]) < CROWD:
        what = (
            f"holds the values 1 to {len(least[1])}, as all masks do, each one connected piece, wherever it is and"
            " however large: they number objects, or are classes of which each mask shows one piece"
        )
    else:
        what = (
            f"holds {len(fullest[1])} values, {least[0].file} {len(least[1])}, each one connected piece: they number"
            " objects, or are classes of which some are missing"
        )
    return SegconvError(
        what,
        code="SC078",
        file=fullest[0].file,
        cures=(declaring(one_class, "they are objects of one class"), ACCEPT),
    )


def _numbers(masks: Sequence[MaskFacts]) -> tuple[list[tuple[MaskFacts, frozenset[int]]], int]:
    """Return the masks with values that may be numbers, and the value of the void between objects (0 if none)."""
    values = sorted(frozenset().union(*(mask.foreground for mask in masks)))
    void = VOID if len(values) > 2 and values[-1] == VOID and values[-2] < VOID // 2 else 0
    drawn = [(mask, mask.foreground - {void}) for mask in masks]
    return [(mask, numbers) for mask, numbers in drawn if numbers], void


def _may_be_numbers(drawn: Sequence[tuple[MaskFacts, frozenset[int]]]) -> bool:
    """Return whether the number of values differs and they count from 1 in each mask, or continue through all."""
    sizes = [len(numbers) for _, numbers in drawn]
    if min(sizes) >= CROWD:
        return True
    if min(sizes) == max(sizes):
        return False
    if all(max(numbers) == len(numbers) for _, numbers in drawn):
        return max(sizes) >= FEWEST_OBJECTS
    if all(len(numbers) >= max(numbers) / 2 for _, numbers in drawn):
        return max(sizes) >= MANY_OBJECTS
    return sum(sizes) >= max(MANY_OBJECTS, 2 * len(sizes)) and _each_once(drawn)


def _each_once(drawn: Sequence[tuple[MaskFacts, frozenset[int]]]) -> bool:
    return len(frozenset().union(*(numbers for _, numbers in drawn))) == sum(len(numbers) for _, numbers in drawn)


def _all_alike(drawn: Sequence[tuple[MaskFacts, frozenset[int]]]) -> bool:
    """Return whether there are several masks and each holds the same numbers from 1 on."""
    numbers = drawn[0][1]
    counted = max(numbers) == len(numbers) >= FEWEST_OBJECTS
    return counted and len(drawn) * len(numbers) >= MANY_OBJECTS and all(own == numbers for _, own in drawn[1:])


def _lie_anywhere(look: Look, masks: Sequence[MaskFacts], void: int) -> bool:
    """Return whether each value is one compact piece whose place and size do not reveal its value.

    Objects are often numbered by row, column or size; an order that only reflects this does not count.
    """
    found = _compact(look.extents([mask.file for mask in masks[:: -(-len(masks) // SAMPLED)]], void))
    if len(found) < 2 or len({len(own) for own in found}) > 1:
        return False
    centres = np.array([[extent.centre for extent in own] for own in found])
    centres -= centres.mean(axis=1, keepdims=True)  # objects in a row move with their picture
    places = [centres[..., axis] for axis in _axes_of_places(found, centres.shape[-1])]
    looks = [*places, *_sizes_unless_sorted(found)]
    return any(place.std() >= SCATTERED for place in places) and max(map(_part_between, looks), default=1) < APART


def _sizes_unless_sorted(found: Sequence[Sequence[Extent]]) -> list[NDArray[np.float64]]:
    """Return the sizes of ``(mask, value)`` as logarithms; nothing if they rise, or fall, in all masks."""
    sizes = np.log([[extent.size for extent in own] for own in found])
    steps = np.diff(sizes, axis=1)
    return [] if (steps >= 0).all() or (steps <= 0).all() else [sizes]


def _compact(read: Iterable[Mapping[int, Extent]]) -> list[list[Extent]]:
    """Return the location of each value per mask, in order; nothing if one is not a compact piece."""
    found: list[list[Extent]] = []
    for extents in read:
        if any(extent.pieces > 1 or extent.filled < COMPACT for extent in extents.values()):
            return []
        found.append([extents[value] for value in sorted(extents)])
    return found


def _axes_of_places(found: Sequence[Sequence[Extent]], number: int) -> list[int]:
    """Return the axes along which places may distinguish values; leave out those along which all masks count."""
    counted = {
        axis
        for order, axis in ((0, 0), (1, number - 1))
        if all(one.first[order] < other.first[order] for own in found for one, other in itertools.pairwise(own))
    }
    return [axis for axis in range(number) if axis not in counted]


def _part_between(values: NDArray[np.float64]) -> float:
    """Return the part of the variance of ``(mask, value)`` between the values, from 0 to 1."""
    total = float(((values - values.mean()) ** 2).sum())
    between = len(values) * float(((values.mean(axis=0) - values.mean()) ** 2).sum())
    return between / total if total > 0 else 0.0
