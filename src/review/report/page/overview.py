"""What the first screen says of a dataset."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ....words import count_of, some_of
from ..facts import Channel, Facts, Scores
from ..folds import Folds
from .numbers import by_axis, figure, percent, span

_LISTED = 4
_LOWEST = 3
_GIGABYTE = 1000.0


@dataclass(frozen=True)
class Entry:
    """A fact with its name, details in smaller letters, and ``error`` or ``warning`` if it is bad news."""

    name: str
    text: str
    more: str = ""
    level: str = ""


@dataclass(frozen=True)
class Overview:
    """What the first screen says.

    Parameters
    ----------
    sentence
        Below the name.
    entries
        The facts.
    scored, lowest
        Number of cases with scores, and the means of the classes, or of the worst ones.
    copies
        A sentence on augmented copies.
    """

    sentence: str
    entries: tuple[Entry, ...]
    scored: int
    lowest: str
    copies: str


def overview_of(facts: Facts) -> Overview:
    """Return what the first screen says."""
    scored = sum(bool(case.scores) for case in facts.cases)
    lowest = _lowest(facts.scores) if facts.scores else ""
    return Overview(_sentence(facts), tuple(_entries(facts)), scored, lowest, _copies(facts))


def _sentence(facts: Facts) -> str:
    what = "picture" if facts.pictures else "volume"
    what = what if facts.train + facts.test == 1 else f"{what}s"
    classes = sum(label.role == "class" for label in facts.labels)
    return " · ".join(
        [
            f"{facts.train:,} training" + (f" and {facts.test:,} test" if facts.test else "") + f" {what}",
            f"{count_of(len(facts.channels), 'channel')}: {some_of((c.name for c in facts.channels), _LISTED)}",
            count_of(classes, "class", "classes"),
        ]
    )


def _folds(folds: Folds) -> Entry:
    text = f"{len(folds.folds)}: {folds.verdict}"
    if folds.misfits:
        text += f"; {count_of(len(folds.misfits), 'misfit')}"
    return Entry("Folds", text, level="error" if folds.leaks else "warning" if folds.misfits else "")


def _copies(facts: Facts) -> str:
    copies = [case for case in facts.cases if case.parent is not None]
    originals = len({case.parent for case in copies})
    validating = sum(bool(case.folds) for case in copies)
    whether = "none of them validates" if not validating else f"{validating:,} of them validate"
    return f"{count_of(len(copies), 'copy', 'copies')} of {count_of(originals, 'case')}; {whether}."


def _entries(facts: Facts) -> Iterable[Entry]:
    yield Entry("Patients", facts.patients)
    if facts.copies:
        yield Entry("Copies", f"{facts.copies:,} of the training cases are copies of others")
    if facts.unlabelled:
        yield Entry("Unlabelled", f"{count_of(facts.unlabelled, 'training case')} without a readable label")
    yield from _grids(facts)
    yield from _channels(facts.channels)
    if facts.folds is not None:
        yield _folds(facts.folds)
    yield Entry("Files", f"{facts.ending}, {_size(sum(case.megabytes for case in facts.cases))}", facts.origin)


def _size(megabytes: float) -> str:
    return f"{figure(megabytes)} MB" if megabytes < _GIGABYTE else f"{figure(megabytes / _GIGABYTE)} GB"


def _channels(channels: Sequence[Channel]) -> Iterable[Entry]:
    """Yield each normalisation with its channels."""
    alike: dict[str, list[Channel]] = {}
    for channel in channels:
        alike.setdefault(channel.normalised_by, []).append(channel)
    for normalised_by, group in alike.items():
        names = some_of((channel.name for channel in group), _LISTED)
        yield Entry(f"{'Channel' if len(group) == 1 else 'Channels'} {names}", normalised_by, _values(group))


def _values(channels: Iterable[Channel]) -> str:
    ends = [end for channel in channels for end in (channel.low, channel.high) if end is not None]
    return f"values {span(min(ends), max(ends))}" if ends else ""


def _grids(facts: Facts) -> Iterable[Entry]:
    if sizes := [case.size for case in facts.cases if case.size]:
        yield Entry("Size in pixels" if facts.pictures else "Size", *_axes(sizes))
    if spacings := [case.spacing_mm for case in facts.cases if case.spacing_mm]:
        text, more = _axes(spacings)
        yield Entry("Spacing", f"{text} mm", more)
    yield from _orientations(Counter(case.orientation for case in facts.cases if case.orientation))


def _axes(found: Sequence[Sequence[float]]) -> tuple[str, str]:
    """Return a size or spacing of all cases, or the median of each axis, which nnU-Net plans for, and the extremes."""
    different = {tuple(round(value, 4) for value in values) for values in found}
    if len(different) == 1:
        return by_axis(different.pop()), "in all cases"
    axes = list(zip(*found, strict=False))
    low, median, high = (by_axis([pick(axis) for axis in axes]) for pick in (min, statistics.median, max))
    return f"median {median}", f"{low} to {high}, {len(different):,} different"


def _orientations(counted: Counter[str]) -> Iterable[Entry]:
    if len(counted) == 1:
        yield Entry("Orientation", next(iter(counted)), "in all cases")
    elif counted:
        parts = [f"{name} in {percent(times, counted.total())}" for name, times in counted.most_common(_LISTED)]
        yield Entry("Orientation", ", ".join(parts))


def _lowest(scores: Scores) -> str:
    """Return the means of the first metric for each of several classes, or for the worst of many."""
    if len(scores.classes) == 1 or not scores.metrics:
        return ""
    metric = scores.metrics[0]
    means = [(found.metrics.get(metric.key, {}).get("mean"), found.name) for found in scores.classes]
    known = sorted([(mean, name) for mean, name in means if mean is not None], reverse=not metric.higher_is_better)
    texts = [f"{name} {mean:.{metric.digits}f}" for mean, name in known]
    return ", ".join(texts) if len(texts) <= _LOWEST else f"worst: {', '.join(texts[:_LOWEST])}"
