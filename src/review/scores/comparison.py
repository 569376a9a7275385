"""Compare two sets of predictions of the same cases: differences, and bootstrap intervals of their means.

Patients are drawn with replacement, each with all cases, as these are not independent. The draws are the same for
both sets and for all classes and scores, so each interval is that of a paired difference. Source: B. Efron,
R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile intervals).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
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
    patients
        Number of patients that are drawn; each case is its own where nothing names its patient.
    seed, resamples, confidence
        Of the intervals.
    """

    differences: tuple[Difference, ...]
    cases: tuple[str, ...]
    left_out: tuple[str, ...]
    patients: int
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
    cases, classes = _common(first.cases, second.cases), _common(first.classes, second.classes)
    if not cases or not classes:
        what = "class" if cases else "case"
        raise SegconvError(f"the two sets of predictions have no {what} in common", code="SC131")
    left_out = tuple(sorted(set(first.cases) ^ set(second.cases)))
    drawn = _Drawn([_patient(first, case) for case in cases], seed)
    found: list[Difference] = []
    for metric in metrics_of(first):
        mine, its = (_table(scores_of(of, metric.key), cases, classes) for of in (first, second))
        found += _differences(metric, classes, mine, its, drawn)
    return Comparison(tuple(found), cases, left_out, drawn.patients, seed)


def _common(first: Iterable[str], second: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in first if name in second)


def _patient(found: Evaluation, case: str) -> tuple[str, str]:
    """Return the patient of a case, or the case, which is not a patient of that name."""
    return ("patient", found.patients[case]) if case in found.patients else ("case", case)


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
            *_interval(means[:, at], drawn.among(used)),
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
        of_any = np.asarray(both.any(axis=1))
        interval = _interval(_mean_of_known(means), drawn.among(of_any))
        yield Difference(MEAN, metric, first, second, *interval, int(of_any.sum()))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan


def _mean_of_known(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over classes of each resample, of those classes that it has."""
    known = ~np.isnan(means)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.where(known, means, 0).sum(axis=1) / known.sum(axis=1)
    return found


def _interval(means: NDArray[np.float64], patients: int) -> tuple[float, float]:
    known = means[~np.isnan(means)]
    if patients < 2 or not known.size:
        return math.nan, math.nan
    rest = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [rest, 1 - rest])
    return float(low), float(high)


class _Drawn:
    """Patients drawn with replacement, `RESAMPLES` times, each with all cases.

    Parameters
    ----------
    patients
        Of each case.
    seed
        Of the draws.
    """

    def __init__(self, patients: Sequence[Hashable], seed: int) -> None:
        order = {patient: number for number, patient in enumerate(dict.fromkeys(patients))}
        self.patients = len(order)
        self._of_case = np.array([order[patient] for patient in patients])
        self._seed = seed

    def among(self, used: NDArray[np.bool_]) -> int:
        """Return the number of patients of some cases."""
        return len(np.unique(self._of_case[used]))

    def means(self, values: NDArray[np.float64], counts: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the mean of each column over each draw, ``(resample, class)``; NaN if no drawn case counts.

        Parameters
        ----------
        values, counts
            ``(case, class)``: values, 0 where they do not count, and whether they count.
        """
        sums, numbers = self._by_patient(values), self._by_patient(counts.astype(float))
        random = np.random.default_rng(self._seed)
        even = np.full(self.patients, 1 / self.patients)
        found = []
        for start in range(0, RESAMPLES, _AT_ONCE):
            times = random.multinomial(self.patients, even, size=min(_AT_ONCE, RESAMPLES - start)).astype(float)
            with np.errstate(invalid="ignore"):
                found.append(_product(times, sums) / _product(times, numbers))
        return np.concatenate(found)

    def _by_patient(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.zeros((self.patients, table.shape[1]))
        np.add.at(sums, self._of_case, table)
        return sums


def _product(times: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of each column over each draw.

    Column by column, and without BLAS, so that no rounding depends on other classes or on the number of threads.
    """
    columns = (np.ascontiguousarray(column) for column in table.T)
    return np.stack([np.einsum("rc,c->r", times, column, optimize=False) for column in columns], axis=1)
