"""The label system of a dataset as a report shows it: every value, and what is made of the values to learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ...dataset.labels import Labels
from ...dataset.lineage import TRAIN
from ...dataset.regions import value_names
from .facts import Case, Label, Target
from .small_planes import rgb


def labels_of(labels: Labels, cases: Sequence[Case]) -> tuple[Label, ...]:
    """Return every value, declared or found, with the training cases that hold it."""
    names = value_names(labels)
    voxels: Counter[int] = Counter()
    holding: Counter[int] = Counter()
    for case in cases:
        if case.split == TRAIN and case.voxels is not None:
            own = {int(value): number for value, number in case.voxels.items() if number}
            voxels.update(own)
            holding.update(own.keys())
    return tuple(
        Label(value, names.get(value, ""), _role(value, labels), colour_text(value), holding[value], voxels[value])
        for value in sorted({*names, *voxels})
    )


def targets_of(labels: Labels, cases: Sequence[Case]) -> tuple[Target, ...]:
    """Return every class or region that is learned, in the order of dataset.json."""
    names = value_names(labels)
    order = labels.regions_class_order
    return tuple(
        Target(
            name,
            values,
            tuple(names[value] for value in values),
            sum(holds(case, values) for case in cases if case.split == TRAIN),
            None if order is None or not labels.has_regions else (place + 1, order[place]),
        )
        for place, (name, values) in enumerate(labels.foreground.items())
    )


def holds(case: Case, values: Iterable[int]) -> bool:
    """Return whether the label of a case holds any of some values."""
    voxels = case.voxels or {}
    return any(voxels.get(str(value)) for value in values)


def colour_text(value: int) -> str:
    """Return the colour of a label as ``#rrggbb``; background has none."""
    return "" if value == 0 else "#{:02x}{:02x}{:02x}".format(*rgb(value))


def _role(value: int, labels: Labels) -> str:
    return "background" if value == 0 else "ignore" if value == labels.ignore else "class"
