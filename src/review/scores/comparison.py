"""Compare two sets of predictions of the same cases: differences, and bootstrap intervals of their means.

The cases are drawn with replacement, the same for both sets and for all classes and scores, so each interval is that
of a paired difference. Source: B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13
(percentile intervals).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from .dice import Scores
from .metrics import Metric, metrics_of, scores_of
from .scoring import Evaluation

RESAMPLES = 10_000
CONFIDENCE = 0.95

MEAN = ""
"""Name of the mean over classes, which no class has."""

_AT_ONCE = 500
"""Resamples in memory at the same time."""


@dataclass(frozen=True)
class Difference:
    """One score of a class in both sets, over the cases in which it counts in both.

    Parameters
    ----------
    name
        Of the class; `MEAN` for the mean over classes.
    metric
        The score.
    first, second
        Means of both sets.
    low, high
        Interval of the mean of first minus second; NaN for fewer than two cases.
    cases
        Number of cases.
    better, worse
        Number of cases in which the first set is better or worse.
    only_first, only_second
        Number of cases in which the score counts only in one set: for Dice, where neither the reference nor the
        other set has the class.
    """

    name: str
    metric: Metric
    first: float
    second: float
    low: float
    high: float
    cases: int
    better: int = 0
    worse: int = 0
    only_first: int = 0
    only_second: int = 0

    @property
    def difference(self) -> float:
        """First minus second."""
        return self.first - self.second

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` if the interval excludes 0, else empty."""
        if self.low <= 0 <= self.high or math.isnan(self.low):
            return ""
        return "better" if (self.low > 0) is self.metric.higher_is_better else "worse"

    def as_json(self) -> dict[str, Any]:
        """Return all of it for JSON, which has no NaN."""
        numbers = {
            "first": self.first,
            "second": self.second,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
        }
        known = {key: None if math.isnan(value) else value for key, value in numbers.items()}
        counts = {key: getattr(self, key) for key in ("cases", "better", "worse", "only_first", "only_second")}
        return {**known, **counts, "verdict": self.verdict or None}


@dataclass(frozen=True)
class Comparison:
    """Two sets of predictions of the same cases.

    Parameters
    ----------
    differences
        Per score, per class; the mean over classes last.
    cases
        Cases of both sets.
    left_out
        Cases of only one set.
    seed, resamples, confidence
        Of the intervals.
    """

    differences: tuple[Difference, ...]
    cases: tuple[str, ...]
    left_out: tuple[str, ...]
    seed: int
    resamples: int = RESAMPLES
    confidence: float = CONFIDENCE


def compare_evaluations(first: Evaluation, second: Evaluation, *, seed: int = 0) -> Comparison:
    """Return the differences between two evaluations against the same references.

    Parameters
    ----------
    first, second
        Evaluations; differences are first minus second.
    seed
        Of the intervals: the same seed gives the same intervals.

    Raises
    ------
    SegconvError
        ``SC131`` if they have no case or no class in common.
    """
    cases = tuple(case for case in first.cases if case in second.cases)
    classes = [name for name in first.classes if name in second.classes]
    if not cases or not classes:
        what = "class" if cases else "case"
        raise SegconvError(f"the two sets of predictions have no {what} in common", code="SC131")
    left_out = tuple(sorted(set(first.cases) ^ set(second.cases)))
    drawn = _Drawn(len(cases), seed)
    found: list[Difference] = []
    for metric in metrics_of(first):
        mine, its = (_table(scores_of(of, metric.key), cases, classes) for of in (first, second))
        found += _differences(metric, classes, mine, its, drawn)
    return Comparison(tuple(found), cases, left_out, seed)


def _table(scores: Scores, cases: Sequence[str], classes: Sequence[str]) -> NDArray[np.float64]:
    """Return a score as ``(case, class)``; NaN where it does not count."""
    return np.array([[scores.cases[case].get(name, math.nan) for name in classes] for case in cases], dtype=float)


def _differences(
    metric: Metric, classes: Sequence[str], mine: NDArray[np.float64], its: NDArray[np.float64], drawn: _Drawn
) -> Iterator[Difference]:
    counts, both = ~np.isnan(mine), ~(np.isnan(mine) | np.isnan(its))
    apart = np.where(both, mine - its, 0.0)
    sign = 1 if metric.higher_is_better else -1
    means = drawn.means(apart, both)
    for at, name in enumerate(classes):
        used = both[:, at]
        yield Difference(
            name,
            metric,
            _mean(mine[used, at]),
            _mean(its[used, at]),
            *_interval(means[:, at], int(used.sum())),
            int(used.sum()),
            int((sign * apart[:, at] > 0).sum()),
            int((sign * apart[:, at] < 0).sum()),
            int((counts[:, at] & ~used).sum()),
            int((~np.isnan(its[:, at]) & ~used).sum()),
        )
    known = both.any(axis=0)
    if known.any():
        first, second = (
            _mean(np.array([_mean(side[both[:, at], at]) for at in np.flatnonzero(known)])) for side in (mine, its)
        )
        cases = int(both.any(axis=1).sum())
        yield Difference(MEAN, metric, first, second, *_interval(_mean_of_known(means), cases), cases)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan


def _mean_of_known(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over classes of each resample, of those classes that it has."""
    known = ~np.isnan(means)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.where(known, means, 0).sum(axis=1) / known.sum(axis=1)
    return found


def _interval(means: NDArray[np.float64], cases: int) -> tuple[float, float]:
    known = means[~np.isnan(means)]
    if cases < 2 or not known.size:
        return math.nan, math.nan
    rest = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [rest, 1 - rest])
    return float(low), float(high)


class _Drawn:
    """Cases drawn with replacement, `RESAMPLES` times."""

    def __init__(self, cases: int, seed: int) -> None:
        self._cases = cases
        self._seed = seed

    def means(self, values: NDArray[np.float64], counts: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the mean of each column over each draw, ``(resample, class)``; NaN if no drawn case counts."""
        random = np.random.default_rng(self._seed)
        even = np.full(self._cases, 1 / self._cases)
        found = []
        for start in range(0, RESAMPLES, _AT_ONCE):
            times = random.multinomial(self._cases, even, size=min(_AT_ONCE, RESAMPLES - start)).astype(float)
            with np.errstate(invalid="ignore"):
                found.append(_product(times, values) / _product(times, counts.astype(float)))
        return np.concatenate(found)


def _product(times: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of each column over each draw.

    Column by column, and without BLAS, so that no rounding depends on other classes or on the number of threads.
    """
    columns = (np.ascontiguousarray(column) for column in table.T)
    return np.stack([np.einsum("rc,c->r", times, column, optimize=False) for column in columns], axis=1)
