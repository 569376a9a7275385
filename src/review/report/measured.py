"""Distributions over the cases of a dataset: geometry, labels, augmentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...dataset.lineage import TRAIN
from .distributions import distribution
from .facts import AUGMENTATION, GEOMETRY, LABELS, Case, Distribution, Label

AXES = ("x", "y", "z")


def geometry_of(cases: Sequence[Case]) -> Iterator[Distribution]:
    """Yield the distributions of size and spacing along each axis."""
    sizes = [case.size for case in cases if case.size is not None]
    spacings = [case.spacing_mm for case in cases if case.spacing_mm is not None]
    yield from _along_axes("size", "voxels" if spacings else "pixels", sizes)
    yield from _along_axes("spacing", "mm", spacings)


def _along_axes(what: str, unit: str, found: Sequence[Sequence[float]]) -> Iterator[Distribution]:
    for number, axis in enumerate(AXES):
        values = [along[number] for along in found if len(along) > number]
        yield from distribution(f"{what}-{axis}", f"{what} along {axis}", unit, GEOMETRY, values)


def volumes_of(cases: Sequence[Case], labels: Sequence[Label]) -> Iterator[Distribution]:
    """Yield the distribution of the volume of each label over the training cases that hold it."""
    training = [case for case in cases if case.split == TRAIN and case.voxels]
    in_ml = all(case.voxel_ml is not None for case in training)
    unit, title = ("ml", "volume") if in_ml else ("%", "part of the picture")
    for label in labels:
        if label.role != "background":
            found = list(filter(None, (_volume(case, label.value, in_ml=in_ml) for case in training)))
            key, name = f"volume-{label.value}", label.name or str(label.value)
            yield from distribution(key, f"{name}: {title}", unit, LABELS, found, colour=label.colour)


def _volume(case: Case, value: int, *, in_ml: bool) -> float:
    voxels = case.voxels or {}
    number = voxels.get(str(value), 0)
    factor = (case.voxel_ml or 0.0) if in_ml else 100 / max(1, sum(voxels.values()))
    return float(f"{number * factor:.6g}")


def changes_of(changes: Sequence[tuple[str, str, float]]) -> Iterator[Distribution]:
    """Yield the distribution of each kind of change that made augmented copies.

    Parameters
    ----------
    changes
        Title, unit and amount of each change of each copy.
    """
    for title, unit in dict.fromkeys((title, unit) for title, unit, _ in changes):
        amounts = [amount for *kind, amount in changes if kind == [title, unit]]
        yield from distribution(f"change-{title}", title, unit, AUGMENTATION, amounts)
