"""How often each value occurs in a channel: in all voxels, and in those of each label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .distributions import edges_of, plain
from .facts import INTENSITY, Distribution, Label
from .intensities import Sample

BINS = 64
ENDS = (0.1, 99.9)
"""Percentiles within which values are shown: a few extreme voxels would squeeze all others into one bin."""

MOST_LABELS = 12
"""Labels with a curve of their own, those in most cases first."""

LEAST_VOXELS = 200
"""Fewest sampled voxels of a label that a curve is drawn from."""


def intensity_curves(
    channels: Sequence[str], samples: Sequence[Sample], labels: Sequence[Label]
) -> Iterator[Distribution]:
    """Yield the distribution of the values of each channel, then that of each label in it.

    Parameters
    ----------
    channels
        Their names.
    samples
        Voxels of each training case.
    labels
        Labels of the dataset.
    """
    fit = [sample for sample in samples if len(sample.values) == len(channels)]
    if not fit:
        return
    held = sorted((label for label in labels if label.role == "class" and label.cases), key=lambda one: -one.cases)
    curves = sorted(held[:MOST_LABELS], key=lambda one: one.value)
    for number, name in enumerate(channels):
        values = np.concatenate([sample.values[number] for sample in fit])
        edges = _edges(values)
        note = f"estimated from {max(len(sample.values[number]) for sample in fit):,} voxels of each training case"
        yield _curve(f"intensity-{number}", f"{name}: all voxels", values, edges, note=note)
        for label in curves:
            inside = inside_of(fit, number, [label.value])
            if inside.size >= LEAST_VOXELS:
                key, title = f"intensity-{number}-label-{label.value}", f"{name}: {label.name}"
                yield _curve(key, title, inside, edges, note=note, colour=label.colour)


def inside_values(samples: Sequence[Sample], number: int, learned: Sequence[int]) -> Mapping[str, float]:
    """Return mean, spread and percentiles of a channel inside the learned labels; nothing if no voxel is known.

    Source: ``foreground_intensity_properties_per_channel`` of the fingerprint of nnunetv2 2.8.
    """
    values = inside_of([sample for sample in samples if len(sample.values) > number], number, learned)
    if not values.size:
        return {}
    low, median, high = np.percentile(values, (0.5, 50, 99.5))
    found = {
        "mean": values.mean(dtype=np.float64),
        "std": values.std(dtype=np.float64),
        "percentile_00_5": low,
        "median": median,
        "percentile_99_5": high,
    }
    return {name: float(f"{value:.6g}") for name, value in found.items()}


def inside_of(samples: Sequence[Sample], number: int, values: Sequence[int]) -> NDArray[np.float32]:
    """Return the sampled values of a channel in voxels of some labels."""
    inside = [sample.values[number][np.isin(sample.labels, values)] for sample in samples if sample.labels is not None]
    return np.concatenate(inside) if inside else np.zeros(0, np.float32)


def _edges(values: NDArray[np.float32]) -> NDArray[np.float64]:
    low, high = np.percentile(values, ENDS)
    return edges_of(values[(values >= low) & (values <= high)].astype(np.float64), BINS, BINS)


def _curve(
    key: str, title: str, values: NDArray[np.float32], edges: NDArray[np.float64], *, note: str, colour: str = ""
) -> Distribution:
    """Return parts of all values, those beyond the edges included, from 0 to 1."""
    counts, _ = np.histogram(values, edges)
    parts = plain(counts / max(1, values.size))
    return Distribution(
        key, title, "", INTENSITY, plain(edges), parts, of="part of the voxels", note=note, colour=colour
    )
