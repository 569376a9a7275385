"""How much a model depends on pose and grey values: Dice along a ladder of conditions, and what would help."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .dice import Scores

LEAST_KEPT = 0.5
"""If less of the foreground than this stays on the grid, a drop shows the cut, not the model."""

LEAST_DICE = 0.5
"""Below this Dice of the untouched cases a class is too poor to judge, and so is a model with no class above it.

There, prediction and reference differ in more than twice the voxels that they share (``FP + FN > 2 TP``): what a
rotation changes is mostly errors, which come and go by chance, not what the model has found.
"""

TOO_POOR = "too poor to judge"

_DIGITS = 4


@dataclass(frozen=True)
class Condition:
    """A change to a case before prediction.

    Parameters
    ----------
    plane
        Plane of the rotation; empty if there is none.
    angle_deg
        Its angle.
    shift_hu
        Value added to CT channels.
    """

    plane: str = ""
    angle_deg: float = 0.0
    shift_hu: float = 0.0

    @property
    def name(self) -> str:
        """``axial 30°``, ``-50 HU`` or ``untouched``."""
        if self.plane:
            return f"{self.plane} {self.angle_deg:g}°"
        return f"{self.shift_hu:+g} HU" if self.shift_hu else "untouched"


@dataclass(frozen=True)
class Measured:
    """The results under one condition.

    Parameters
    ----------
    condition
        The condition.
    scores
        Model → Dice of its predictions, rotated back, over the voxels that stayed on the grid.
    expected
        Model → Dice of its predictions of the untouched cases, rotated forth and back, over the same voxels: its
        score if it depends on neither pose nor shift.
    ceiling
        Dice of the reference rotated forth and back, over the same voxels: the score of a perfect model.
    kept
        Fraction of the foreground of all references that stayed on the grid.
    """

    condition: Condition
    scores: dict[str, Scores]
    expected: dict[str, Scores]
    ceiling: Scores
    kept: float


@dataclass(frozen=True)
class Advice:
    """The smallest augmentation whose range covers every drop of a model.

    Parameters
    ----------
    model
        Its name.
    rotate_range_deg
        Angles are drawn from ± this; None if no rotation made the score drop.
    planes
        Planes in which the score dropped.
    from_deg
        Smallest angle at which the score dropped.
    hu_shift
        Smallest and largest magnitude of the shifts at which the score dropped; None if at none.
    unjudged
        Conditions that cannot be judged: their ceiling is too low, or too little stays on the grid.
    too_poor
        Class → Dice of the untouched cases, of classes that are too poor to judge.
    judged
        Whether any class can be judged.
    """

    model: str
    rotate_range_deg: float | None
    planes: tuple[str, ...]
    from_deg: float | None
    hu_shift: tuple[float, float] | None
    unjudged: tuple[str, ...]
    too_poor: dict[str, float] = field(default_factory=dict)
    judged: bool = True

    @property
    def needed(self) -> bool:
        """Whether any score dropped."""
        return self.rotate_range_deg is not None or self.hu_shift is not None


@dataclass(frozen=True)
class Robustness:
    """All measurements.

    Parameters
    ----------
    dataset
        Name of the folder.
    cases
        Cases that were predicted.
    models
        Their names, in the order in which they are compared.
    classes
        Names of classes and regions.
    measured
        One entry per condition; the first is untouched.
    tolerance
        Fraction of the expected score that may be lost before it counts as a drop. If the ceiling itself
        loses more, a condition is not judged.
    """

    dataset: str
    cases: tuple[str, ...]
    models: tuple[str, ...]
    classes: tuple[str, ...]
    measured: tuple[Measured, ...]
    tolerance: float

    def judged(self, found: Measured) -> bool:
        """Return whether a drop under this condition can be attributed to a model."""
        return found.ceiling.mean >= 1 - self.tolerance and found.kept >= LEAST_KEPT

    def too_poor(self, model: str) -> dict[str, float]:
        """Return class → Dice of the untouched cases, of the classes of a model that has less than `LEAST_DICE`."""
        untouched = self.measured[0].scores[model].classes
        return {name: dice for name, dice in untouched.items() if dice < LEAST_DICE}

    def is_too_poor(self, model: str) -> bool:
        """Return whether a model has no class that can be judged."""
        poor = self.too_poor(model)
        untouched = self.measured[0].scores[model].classes
        return bool(poor) and all(name in poor for name, dice in untouched.items() if not math.isnan(dice))

    def dropped(self, model: str, found: Measured) -> bool:
        """Return whether a model loses more than is tolerated, beyond the loss from rotating labels forth and back.

        Only the mean over the classes that can be judged counts.
        """
        poor = self.too_poor(model)
        bar = found.expected[model].mean_without(poor) * (1 - self.tolerance)
        return self.judged(found) and found.scores[model].mean_without(poor) < bar

    def advice(self, model: str) -> Advice:
        """Return the augmentation that would cover the drops of a model."""
        drops = [found.condition for found in self.measured if self.dropped(model, found)]
        turned = [condition for condition in drops if condition.plane]
        angles = [_shortest(condition.angle_deg) for condition in turned]
        shifts = [abs(condition.shift_hu) for condition in drops if condition.shift_hu]
        return Advice(
            model,
            max(angles, default=None),
            tuple(dict.fromkeys(condition.plane for condition in turned)),
            min(angles, default=None),
            (min(shifts), max(shifts)) if shifts else None,
            tuple(found.condition.name for found in self.measured if not self.judged(found)),
            self.too_poor(model),
            not self.is_too_poor(model),
        )

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return columns and rows for people: one row per condition and model."""
        columns = ["condition", "model", *self.classes, "mean", "expected", "ceiling", "kept", ""]
        rows = []
        for found in self.measured:
            for model in self.models:
                scores = found.scores[model]
                rows.append(
                    [
                        found.condition.name,
                        model,
                        *(f"{scores.classes.get(name, math.nan):.3f}" for name in self.classes),
                        f"{scores.mean:.3f}",
                        f"{found.expected[model].mean:.3f}",
                        f"{found.ceiling.mean:.3f}",
                        f"{found.kept:.2f}",
                        self._verdict(model, found),
                    ]
                )
        return columns, rows

    def _verdict(self, model: str, found: Measured) -> str:
        if self.is_too_poor(model):
            return TOO_POOR
        return "not judged" if not self.judged(found) else "drop" if self.dropped(model, found) else ""

    def as_csv(self) -> bytes:
        """Return a table for other programs, with one row per condition, model, class and case."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = ["plane", "angle_deg", "shift_hu", "model", "case", "class"]
        writer.writerow([*columns, "dice", "expected", "ceiling", "kept", "judgement"])
        for found in self.measured:
            at = [found.condition.plane, f"{found.condition.angle_deg:g}", f"{found.condition.shift_hu:g}"]
            for model in self.models:
                poor = self.too_poor(model)
                for case, scores in found.scores[model].cases.items():
                    for name, dice in scores.items():
                        others = [of.cases[case][name] for of in (found.expected[model], found.ceiling)]
                        known = ["" if math.isnan(value) else f"{value:.6f}" for value in (dice, *others)]
                        judgement = TOO_POOR if name in poor else ""
                        writer.writerow([*at, model, case, name, *known, f"{found.kept:.6f}", judgement])
        return text.getvalue().encode()

    def as_json(self) -> dict[str, Any]:
        """Return all of it for JSON, which has no NaN."""
        return {
            "dataset": self.dataset,
            "cases": list(self.cases),
            "models": list(self.models),
            "classes": list(self.classes),
            "tolerance": self.tolerance,
            "least_dice": LEAST_DICE,
            "too_poor": {
                model: {name: _known(dice) for name, dice in self.too_poor(model).items()} for model in self.models
            },
            "conditions": [
                {
                    "plane": found.condition.plane,
                    "angle_deg": found.condition.angle_deg,
                    "shift_hu": found.condition.shift_hu,
                    "kept": _known(found.kept),
                    "judged": self.judged(found),
                    "ceiling": _scores(found.ceiling),
                    "models": {
                        model: {
                            **_scores(scores),
                            "expected": _known(found.expected[model].mean),
                            "dropped": self.dropped(model, found),
                        }
                        for model, scores in found.scores.items()
                    },
                }
                for found in self.measured
            ],
            "advice": [_advice(self.advice(model)) for model in self.models],
        }


def series(found: Sequence[Measured], plane: str) -> list[Measured]:
    """Return the conditions of a curve in order, untouched included: of a plane by angle, or without one by shift."""
    chosen = [m for m in found if m.condition.plane == plane and (plane or m.condition.shift_hu)]
    return sorted([found[0], *chosen], key=lambda m: m.condition.angle_deg if plane else m.condition.shift_hu)


def _shortest(angle_deg: float) -> float:
    """Return the size of the smallest turn to the same pose, 0 to 180°: a turn by 270° is one by -90°."""
    return min(angle_deg % 360, -angle_deg % 360)


def _scores(scores: Scores) -> dict[str, Any]:
    return {
        "mean": _known(scores.mean),
        "classes": {name: _known(value) for name, value in scores.classes.items()},
        "cases": {case: {n: _known(v) for n, v in found.items()} for case, found in scores.cases.items()},
    }


def _advice(advice: Advice) -> dict[str, Any]:
    return {
        "model": advice.model,
        "rotate_range_deg": advice.rotate_range_deg,
        "planes": list(advice.planes),
        "from_deg": advice.from_deg,
        "hu_shift": list(advice.hu_shift) if advice.hu_shift is not None else None,
        "unjudged": list(advice.unjudged),
        "too_poor": {name: _known(dice) for name, dice in advice.too_poor.items()},
        "judged": advice.judged,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, _DIGITS + 2)
