"""The scores of an evaluation by name: which there are, in which unit, and which of two values is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .dice import Scores
from .measuring import Surfaces
from .scoring import Evaluation
from .surface_scores import SurfaceScore


@dataclass(frozen=True)
class Metric:
    """A score of a class in a case.

    Parameters
    ----------
    key
        Its name in JSON.
    title
        Its name for people, with its unit.
    higher_is_better
        Whether the better of two values is the higher one.
    digits
        How many decimals people read.
    """

    key: str
    title: str
    higher_is_better: bool
    digits: int = 4

    def shown(self, value: float) -> str:
        """Return a value as text."""
        return f"{value:.{self.digits}f}"


DICE = Metric("dice", "Dice", True)

_OF_SURFACES: dict[str, Callable[[SurfaceScore], float]] = {
    "hd95": lambda score: math.nan if math.isinf(score.hd95) else score.hd95,
    "nsd": lambda score: score.nsd,
    "abs_volume_error": lambda score: abs(score.volume_error),
    "abs_volume_error_percent": lambda score: abs(score.volume_error_percent),
    "volume_error": lambda score: score.volume_error,
    "volume_error_percent": lambda score: score.volume_error_percent,
}


def metrics_of(found: Evaluation) -> tuple[Metric, ...]:
    """Return the scores that an evaluation has: Dice, and those of surfaces if they were measured."""
    return (DICE,) if found.surfaces is None else (DICE, *surface_metrics(found.surfaces))


def surface_metrics(surfaces: Surfaces) -> tuple[Metric, ...]:
    """Return the scores of surfaces and volumes."""
    unit = surfaces.unit
    return (
        Metric("hd95", f"HD95 {unit.length}", False, 2),
        Metric("nsd", surfaces.nsd_title, True),
        Metric("abs_volume_error", f"abs. volume error {unit.volume}", False, 2),
        Metric("abs_volume_error_percent", "abs. volume error %", False, 1),
    )


def scores_of(found: Evaluation, key: str) -> Scores:
    """Return a score by its key; NaN where it is undefined, so that the case does not count in a mean.

    That is: neither side has the class; for distances, one side lacks it; for percents, the reference lacks it.
    """
    if key == DICE.key or found.surfaces is None:
        return Scores(found.cases)
    of = _OF_SURFACES[key]
    cases = found.surfaces.cases
    return Scores({case: {name: of(score) for name, score in scores.items()} for case, scores in cases.items()})
