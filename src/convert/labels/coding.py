"""Turn label values of the source into those of the dataset: look them up, snap them on request, never guess."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.label_table import LabelTable
from ...dataset.labels import GRAY, RGB, value_text
from ...errors import Cure, SegconvError
from ...image.voxels import MOST_VALUES, label_values, position, remap, smallest_type, tally
from ...words import count_of

MOST_MAPPED = 4
"""Most values of one label that a cure maps."""

SHOWN_VALUES = 5

MOST_SNAPPED = 1 << 16
"""Different values allowed in a label that is snapped: blended edges have many."""

FARTHEST_OF_LOSSY = 48
"""An area of a lossy label farther than this from the declared values did not come from compression."""

OF_COLOUR = 1.1
"""Tolerance for edges in colour, which leave the line between two colours where compression blurs colour more."""

MOST_PAIRED = 256
"""With more colours than this, pairs of colours are not compared."""


@dataclass(frozen=True)
class Coding:
    """How the labels of a source are coded.

    Parameters
    ----------
    table
        The source values, and what is written for each.
    snap
        Largest distance at which an undeclared value takes the nearest declared one. For grey values it is their
        difference; for colours the Euclidean distance of red, green and blue, each weighted by alpha, and of alpha
        itself. An edge blended into transparency thus goes to its class where it is more than half opaque.
    """

    table: LabelTable
    snap: int = 0

    @property
    def forward(self) -> Mapping[int, int]:
        """Value or colour as found → value as written."""
        return self.table.forward

    @property
    def kind(self) -> str:
        """`GRAY` or `RGB`."""
        return self.table.coding

    def counts(self, values: NDArray[Any]) -> dict[int, int]:
        """Return value → number of voxels; grey values must be integers and not negative."""
        most = MOST_SNAPPED if self.snap else MOST_VALUES
        return label_values(values, most) if self.kind == GRAY else tally(values, most, "colours")

    def settle(self, values: NDArray[Any]) -> tuple[dict[int, int], dict[int, int]]:
        """Find the values in a label, and the declared value for each.

        Returns
        -------
        counts
            Value as found → number of voxels.
        snapped
            Undeclared value → the declared value that it takes.

        Raises
        ------
        SegconvError
            ``SC070`` for an undeclared value that is too far from every declared one; the message gives its number of
            voxels, the position of the first, and the nearest declared value. Also for values that are near enough but
            are labels of their own: see `whole_labels`.
        """
        counts, nearest = self._settled(values)
        if nearest and (whole := self._whole(values, counts, nearest)):
            raise self._refusal_of_whole(values, counts, whole, nearest)
        return counts, nearest

    def settle_lossy(self, values: NDArray[Any]) -> tuple[dict[int, int], dict[int, int]]:
        """Do what `settle` does for a lossy label: values near a declared one are not labels of their own."""
        from .whole_labels import fills_a_patch

        counts, nearest = self._settled(values)
        far = [value for value in nearest if self.distance(value, nearest[value]) > FARTHEST_OF_LOSSY]
        if far and fills_a_patch(np.isin(values, far)):
            raise self._refusal_of_whole(values, counts, sorted(far, key=lambda value: -counts[value]), nearest)
        return counts, nearest

    def _settled(self, values: NDArray[Any]) -> tuple[dict[int, int], dict[int, int]]:
        counts = self.counts(values)
        unknown = [value for value in counts if value not in self.forward]
        nearest = {value: self._nearest(value) for value in unknown}
        too_far = [
            value
            for value in unknown
            if self.distance(value, nearest[value]) > self.snap or self._tie(value, nearest[value]) is not None
        ]
        if too_far:
            raise self._refusal(values, counts, too_far, nearest)
        return counts, nearest

    def _whole(self, values: NDArray[Any], counts: Mapping[int, int], nearest: Mapping[int, int]) -> list[int]:
        from .whole_labels import whole_labels

        landing = {value: self.forward[nearest.get(value, value)] for value in counts}
        return whole_labels(values, counts, nearest, landing)

    def apply(self, values: NDArray[Any], snapped: Mapping[int, int]) -> NDArray[Any]:
        """Return the label in the dataset's values; `settle` must have accepted the values."""
        table = {**self.forward, **{value: self.forward[near] for value, near in snapped.items()}}
        if self.kind == GRAY:
            return remap(values, table)
        codes = np.array(sorted(table), dtype=np.uint32)
        written = np.array([table[int(code)] for code in codes], dtype=smallest_type(max(table.values())))
        out: NDArray[Any] = written[np.searchsorted(codes, values)]
        return out

    def _nearest(self, value: int) -> int:
        return min(self.forward, key=lambda declared: (self.distance(value, declared), declared))

    def _tie(self, value: int, nearest: int) -> int | None:
        """Return another declared value that is equally near but means another label, or None."""
        distance = self.distance(value, nearest)
        return next(
            (
                other
                for other, written in self.forward.items()
                if written != self.forward[nearest] and self.distance(value, other) == distance
            ),
            None,
        )

    def distance(self, one: int, other: int) -> float:
        """Return how far apart two values or colours are; see `snap`."""
        return distance(one, other, self.kind)

    def _farthest_blend(self) -> float:
        """Return how far from the nearest declared value a blended edge can be; values beyond that are not edges."""
        declared = sorted(self.forward)
        if self.kind != GRAY and len(declared) > MOST_PAIRED:
            return math.inf
        if self.kind == GRAY:
            return max((other - one for one, other in itertools.pairwise(declared)), default=0) / 2
        most = max((self.distance(one, other) for one, other in itertools.combinations(declared, 2)), default=0)
        return most / 2 * OF_COLOUR

    def _refusal_of_whole(
        self, values: NDArray[Any], counts: Mapping[int, int], whole: list[int], nearest: Mapping[int, int]
    ) -> SegconvError:
        first = whole[0]
        text, target = value_text(first, self.kind), value_text(nearest[first], self.kind)
        unit = "voxel" if values.ndim == 3 else "pixel"
        return SegconvError(
            f"holds {text} in {count_of(counts[first], unit)}, the first at {position(values == first)}, which are not"
            f" an edge: the nearest within {self.snap} would put a whole label into that of {target}",
            code="SC070",
            cures=(*self._mapping(whole), Cure.of("declare_labels")),
        )

    def _mapping(self, values: Sequence[int]) -> tuple[Cure, ...]:
        """Return the cure that maps all of some values; none if they are too many to be typed."""
        texts = [value_text(value, self.kind) for value in values]
        return (
            (Cure.of("map_value", value=texts[0] if len(texts) == 1 else texts),) if len(texts) <= MOST_MAPPED else ()
        )

    def _refusal(
        self, values: NDArray[Any], counts: Mapping[int, int], unknown: list[int], nearest: Mapping[int, int]
    ) -> SegconvError:
        def text(value: int) -> str:
            return value_text(value, self.kind)

        first = unknown[0]
        what = "colour" if self.kind == RGB else "value"
        others = ", ".join(f"{text(value)} ({counts[value]})" for value in unknown[1 : SHOWN_VALUES + 1])
        more = f"; {count_of(len(unknown) - 1, f'more such {what}')}: {others}" if unknown[1:] else ""
        declared = ", ".join(map(text, sorted(self.forward)[:20]))
        distance = self.distance(first, nearest[first])
        farthest = max(self.distance(value, nearest[value]) for value in unknown)
        unit = "voxel" if values.ndim == 3 else "pixel"
        tie = self._tie(first, nearest[first])
        near = text(nearest[first]) if tie is None else f"{text(nearest[first])}, and {text(tie)} is as near"
        whole = self._whole(values, counts, nearest)
        blends = farthest <= self._farthest_blend()
        cures = [*self._mapping(unknown), Cure.of("declare_labels")]
        if tie is None and not whole and blends:
            cures.insert(-1, Cure.of("take_nearest", snap=math.ceil(farthest)))
        return SegconvError(
            f"holds the {what} {text(first)} in {count_of(counts[first], unit)}, the first at"
            f" {position(values == first)}{more}; declared are {declared}, the nearest is {near}, {distance:.3g} away",
            code="SC070",
            cures=tuple(cures),
        )


def distance(one: int, other: int, coding: str) -> float:
    """Return how far apart two values or colours are; see `Coding.snap`."""
    if coding == GRAY:
        return abs(one - other)
    # Stay with integers up to the square root, so that equal distances compare equal.
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(_seen(one), _seen(other), strict=True))) / 255


def _seen(colour: int) -> list[int]:
    """Return red, green and blue times alpha, and alpha times 255."""
    alpha = 255 - (colour >> 24)
    return [alpha * part for part in (colour >> 16 & 255, colour >> 8 & 255, colour & 255, 255)]
