"""Dice: of two masks, of the classes of a case, and its means over cases and classes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Overlap:
    """The overlap of a class in two labels of one case, in voxels.

    Parameters
    ----------
    both
        Voxels in both prediction and reference.
    predicted, reference
        Voxels in each.
    """

    both: int
    predicted: int
    reference: int

    @property
    def dice(self) -> float:
        """``2 |P ∩ R| / (|P| + |R|)``; NaN if both are empty, as in nnU-Net.

        A class that neither occurs nor was predicted says nothing about the model. Source: Dice 1945,
        https://doi.org/10.2307/1932409.
        """
        size = self.predicted + self.reference
        return 2 * self.both / size if size else math.nan


@dataclass(frozen=True)
class Scores:
    """Dice of a set of predictions.

    Parameters
    ----------
    cases
        Case → class → Dice; NaN where neither prediction nor reference has the class.
    """

    cases: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def classes(self) -> dict[str, float]:
        """Class → mean over the cases that have it."""
        return {name: _mean(values) for name, values in self._by_class().items()}

    @property
    def counted(self) -> dict[str, int]:
        """Class → number of cases in its mean: those whose prediction or reference has it."""
        return {name: len(_known(values)) for name, values in self._by_class().items()}

    @property
    def mean(self) -> float:
        """Mean over the classes."""
        return _mean(self.classes.values())

    def mean_without(self, classes: Collection[str]) -> float:
        """Mean over the other classes."""
        return _mean(dice for name, dice in self.classes.items() if name not in classes)

    def case_mean(self, case: str) -> float:
        """Mean over the classes of a case."""
        return _mean(self.cases[case].values())

    def _by_class(self) -> dict[str, list[float]]:
        names = dict.fromkeys(name for scores in self.cases.values() for name in scores)
        return {name: [scores[name] for scores in self.cases.values() if name in scores] for name in names}


def dice(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Return the Dice of two masks of one shape; see `Overlap.dice`."""
    return Overlap(int((prediction & reference).sum()), int(prediction.sum()), int(reference.sum())).dice


def score(
    prediction: NDArray[Any], reference: NDArray[Any], classes: Mapping[str, tuple[int, ...]]
) -> dict[str, float]:
    """Return the Dice of each class or region.

    Parameters
    ----------
    prediction, reference
        Label values, of one shape.
    classes
        Name → its values.
    """
    return {name: dice(np.isin(prediction, values), np.isin(reference, values)) for name, values in classes.items()}


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _mean(values: Iterable[float]) -> float:
    """Return the mean of what is not NaN, with the rounding of nnU-Net's, which adds zeros for NaN."""
    found = np.array(list(values), dtype=float)
    return float(np.nanmean(found)) if not np.isnan(found).all() else math.nan
