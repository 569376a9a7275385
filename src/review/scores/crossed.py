"""Count pairs of values of predictions and references: a sparse confusion matrix."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from .dice import Overlap

OVERLAPS = 0.5
"""Dice above which a value of the predictions is taken for one of the references."""


class Crossed:
    """Pairs of values, and the number of voxels of each.

    Parameters
    ----------
    pairs
        Value of the predictions and of the references → number of voxels.
    ignore
        Values of the references whose voxels do not count.
    """

    def __init__(self, pairs: Mapping[tuple[str, str], int], ignore: Collection[str] = ()) -> None:
        self._met: dict[str, dict[str, int]] = {}
        self._back: dict[str, dict[str, int]] = {}
        self._predicted: Counter[str] = Counter()
        self._reference: Counter[str] = Counter()
        for (mine, its), number in pairs.items():
            if its not in ignore:
                self._met.setdefault(mine, {})[its] = number
                self._back.setdefault(its, {})[mine] = number
                self._predicted[mine] += number
                self._reference[its] += number

    def overlap(self, mine: Collection[str], its: Collection[str]) -> Overlap:
        """Return the overlap of given values of the predictions with given values of the references."""
        both = sum(n for text in mine for other, n in self._met.get(text, {}).items() if other in its)
        predicted = sum(self._predicted[text] for text in mine)
        return Overlap(both, predicted, sum(self._reference[text] for text in its))

    def best(self, predicted: str, wanted: Collection[str]) -> str | None:
        """Return the reference value that a predicted value overlaps with most, by `OVERLAPS` or more."""
        met = (text for text in self._met.get(predicted, {}) if text in wanted)
        found = {text: self.overlap({predicted}, {text}).dice for text in met}
        best = max(found, key=lambda text: -1.0 if math.isnan(found[text]) else found[text], default=None)
        return best if best is not None and found[best] >= OVERLAPS else None

    def on(self, its: Iterable[str]) -> set[str]:
        """Return the values predicted where references hold one of these values."""
        return {mine for text in its for mine in self._back.get(text, {})}

    def part_of(self, its: Collection[str], rest: Collection[str]) -> float:
        """Return the fraction of given reference values that was not predicted as background."""
        total = sum(self._reference[text] for text in its)
        other = sum(n for text in its for mine, n in self._back.get(text, {}).items() if mine not in rest)
        return other / total if total else 0.0
