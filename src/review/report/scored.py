"""The scores of predictions as a report shows them: of each class, of each case, the worst first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ..scores.dice import Scores as CaseScores
from ..scores.metrics import metrics_of, scores_of
from ..scores.scoring import Evaluation
from .distributions import plain
from .facts import SCORES, ClassScores, Distribution, Metric, Scores

BINS = 20
_QUARTILES = {"least": 0, "quartile_1": 25, "median": 50, "quartile_3": 75, "most": 100}


def scores_as_facts(found: Evaluation, predictions: str, notes: tuple[str, ...]) -> Scores:
    """Return the scores of an evaluation.

    Parameters
    ----------
    predictions
        Their folder.
    notes
        What people should know besides the evaluation's own notes.
    """
    metrics = metrics_of(found)
    by_metric = {metric.key: scores_of(found, metric.key) for metric in metrics}
    names = list(by_metric[metrics[0].key].classes)
    counted = by_metric[metrics[0].key].counted
    return Scores(
        predictions,
        tuple(Metric(one.key, one.title, one.higher_is_better, one.digits) for one in metrics),
        tuple(
            ClassScores(name, counted[name], {key: _summary(_of_class(of, name)) for key, of in by_metric.items()})
            for name in names
        ),
        known(found.mean),
        tuple(sorted(found.cases, key=lambda case: (rank(found, case), case))),
        (*notes, *found.notes),
    )


def scores_of_cases(found: Evaluation) -> dict[str, Mapping[str, Mapping[str, float | None]]]:
    """Return case → class → key of a metric → score, None where it is undefined."""
    by_metric = {metric.key: scores_of(found, metric.key).cases for metric in metrics_of(found)}
    return {
        case: {name: {key: known(of[case][name]) for key, of in by_metric.items()} for name in scores}
        for case, scores in found.cases.items()
    }


def score_distributions(found: Evaluation) -> Iterator[Distribution]:
    """Yield the distribution of each metric of each class over the cases."""
    for metric in metrics_of(found):
        scores = scores_of(found, metric.key)
        for name in scores.classes:
            values = np.array(_of_class(scores, name))
            if values.size:
                ends = (0.0, 1.0) if metric.key in ("dice", "nsd") else (0.0, float(values.max()) or 1.0)
                counts, edges = np.histogram(values, BINS, ends)
                key, title = f"score-{metric.key}-{name}", f"{name}: {metric.title}"
                yield Distribution(key, title, "", SCORES, plain(edges), tuple(float(count) for count in counts))


def known(value: float) -> float | None:
    """Return a number, or None if it is not finite."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _of_class(scores: CaseScores, name: str) -> list[float]:
    found = (of[name] for of in scores.cases.values() if name in of)
    return [value for value in found if math.isfinite(value)]


def _summary(values: list[float]) -> dict[str, float | None]:
    if not values:
        return dict.fromkeys(("mean", "std", *_QUARTILES))
    quartiles = zip(_QUARTILES, np.percentile(values, list(_QUARTILES.values())), strict=True)
    found = {"mean": np.mean(values), "std": np.std(values), **dict(quartiles)}
    return {name: known(float(value)) for name, value in found.items()}


def rank(found: Evaluation | None, case: str) -> float:
    """Return what sorts a case: its mean Dice; after all others if it has none."""
    mean = math.nan if found is None or case not in found.cases else found.case_mean(case)
    return math.inf if math.isnan(mean) else mean
