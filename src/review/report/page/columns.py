"""Columns of the table of cases: only those that say something about this dataset."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ....words import count_of
from ..facts import Case, Facts, Metric, Target
from .numbers import UNKNOWN, by_axis, figure

MOST_CLASSES = 6
"""How many classes get a column each; with more, the reader chooses one."""

MEAN, CHOSEN = "mean", "volume"
"""Keys of the mean score, by which cases are sorted at first, and of the volume of a class that readers choose."""

_KEPT = (MEAN, CHOSEN)
_ERROR = 1e6
"""An error weighs more than any number of warnings."""


@dataclass(frozen=True)
class Column:
    """A column.

    Parameters
    ----------
    key, title, unit
        Its name for the script and for people.
    text, value
        Cell of a case, and what it is sorted by: a number, or the text in lower case.
    numeric
        Whether values are numbers.
    flag
        Level of what the cell warns of; empty if it warns of nothing.
    """

    key: str
    title: str
    text: Callable[[Case], str]
    value: Callable[[Case], float | str | None]
    unit: str = ""
    numeric: bool = True
    flag: Callable[[Case], str] = lambda _: ""


def columns_of(facts: Facts) -> tuple[Column, ...]:
    """Return the columns after the picture and the name; none that says the same of all of several cases."""
    return tuple(column for column in _columns(facts) if column.key in _KEPT or _differs(column, facts.cases))


def _differs(column: Column, cases: Sequence[Case]) -> bool:
    texts = set(map(column.text, cases))
    return len(texts) > 1 or (len(cases) == 1 and texts != {UNKNOWN})


def _columns(facts: Facts) -> Iterator[Column]:
    if facts.scores is not None:
        yield from _score_columns(facts)
    yield Column("found", "Findings", _found, lambda case: case.errors * _ERROR + case.warnings, flag=_flag)
    yield _words("split", "Split", lambda case: case.split)
    yield Column("fold", "Fold", _fold, lambda case: case.folds[0] if case.folds else None)
    yield _words("patient", "Patient", lambda case: case.patient or "")
    yield Column("size", "Size", lambda case: _by_axis(case.size), _voxels)
    yield Column("spacing", "Spacing", lambda case: _by_axis(case.spacing_mm), _coarsest, "mm")
    yield _words("orientation", "Orientation", lambda case: case.orientation)
    yield from _label_columns(facts)
    yield Column("megabytes", "Files", lambda case: figure(case.megabytes), lambda case: case.megabytes, "MB")
    yield _words("parent", "Copy of", lambda case: case.parent or "")
    yield _words("transform", "Changed by", lambda case: case.transform)


def _words(key: str, title: str, of: Callable[[Case], str]) -> Column:
    return Column(key, title, lambda case: of(case) or UNKNOWN, lambda case: of(case).lower() or None, numeric=False)


def _score_columns(facts: Facts) -> Iterator[Column]:
    scores = facts.scores
    if scores is None or not scores.metrics:
        return
    metric = scores.metrics[0]
    yield _score_column(MEAN, f"Mean {metric.title}", metric, lambda case: case.mean)
    if 1 < len(scores.classes) <= MOST_CLASSES:
        yield from (_class_score_column(found.name, metric) for found in scores.classes)
    elif len(scores.classes) > 1:
        yield _worst_class_column(metric)


def _class_score_column(name: str, metric: Metric) -> Column:
    def of(case: Case) -> float | None:
        return case.scores.get(name, {}).get(metric.key)

    return _score_column(f"score:{name}", f"{metric.title} {name}", metric, of)


def _worst_class_column(metric: Metric) -> Column:
    def worst(case: Case) -> tuple[float, str] | None:
        scores = [(found[metric.key], name) for name, found in case.scores.items()]
        known = [(score, name) for score, name in scores if score is not None]
        return (min if metric.higher_is_better else max)(known, default=None)

    def text(case: Case) -> str:
        found = worst(case)
        return UNKNOWN if found is None else f"{found[0]:.{metric.digits}f} {found[1]}"

    def value(case: Case) -> float | None:
        found = worst(case)
        return None if found is None else found[0]

    return Column("worst", "Worst class", text, value)


def _score_column(key: str, title: str, metric: Metric, of: Callable[[Case], float | None]) -> Column:
    def shown(case: Case) -> str:
        score = of(case)
        return UNKNOWN if score is None else f"{score:.{metric.digits}f}"

    return Column(key, title, shown, of)


def _by_axis(values: Sequence[float] | None) -> str:
    return by_axis(values) if values else UNKNOWN


def _voxels(case: Case) -> int | None:
    return math.prod(case.size) if case.size else None


def _coarsest(case: Case) -> float | None:
    return max(case.spacing_mm) if case.spacing_mm else None


def _label_columns(facts: Facts) -> Iterator[Column]:
    targets = facts.targets
    if len(targets) > 1:
        yield Column("classes", "Classes", lambda case: figure(_classes(case, targets)), lambda c: _classes(c, targets))
    if len(targets) <= MOST_CLASSES:
        for target in targets:
            yield _volume_column(target, f"volume:{target.name}", pictures=facts.pictures)
    else:
        yield _volume_column(targets[0], CHOSEN, pictures=facts.pictures)


def _volume_column(target: Target, key: str, *, pictures: bool) -> Column:
    def of(case: Case) -> float | None:
        return volume_of(case, target.values, pictures=pictures)

    return Column(key, target.name, lambda case: _volume(of(case)), of, "px" if pictures else "ml")


def volume_of(case: Case, values: tuple[int, ...], *, pictures: bool) -> float | None:
    """Return the volume of label values in a case, in ml, or in pixels for pictures; None if it is not known."""
    if case.voxels is None:
        return None
    voxels = sum(case.voxels.get(str(value), 0) for value in values)
    if pictures:
        return voxels
    return None if case.voxel_ml is None else voxels * case.voxel_ml


def _volume(volume: float | None) -> str:
    return figure(volume) if volume else UNKNOWN if volume is None else "none"


def _classes(case: Case, targets: tuple[Target, ...]) -> float | None:
    voxels = case.voxels
    if voxels is None:
        return None
    return sum(any(voxels.get(str(value)) for value in target.values) for target in targets)


def _found(case: Case) -> str:
    parts = [count_of(case.errors, "error")] * bool(case.errors)
    parts += [count_of(case.warnings, "warning")] * bool(case.warnings)
    return ", ".join(parts) or UNKNOWN


def _flag(case: Case) -> str:
    return "error" if case.errors else "warning" if case.warnings else ""


def _fold(case: Case) -> str:
    return ", ".join(map(str, case.folds)) or UNKNOWN
