"""How often each value occurs in a channel: in all voxels, and in those of each label.

Where nnU-Net normalises each image by its own mean and spread, values of different images cannot be compared before
that, and the values after it are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...dataset.channels import is_ct, normalisation
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
    curves = _most_frequent(labels)
    note = f"estimated from {max(len(sample.values[0]) for sample in fit):,} voxels of each training case"
    for number, name in enumerate(channels):
        unit, own = _comparable(name, number, fit)
        values = np.concatenate([sample.values[0] for sample in own])
        axis = _Axis(f"intensity-{number}", name, unit, _edges(values), note)
        yield axis.curve("", "all voxels", values)
        for label in curves:
            inside = inside_of(own, 0, [label.value])
            if inside.size >= LEAST_VOXELS:
                yield axis.curve(f"-label-{label.value}", label.name, inside, label.colour)


def _most_frequent(labels: Sequence[Label]) -> list[Label]:
    """Return the classes in most cases, in the order of their values."""
    held = sorted((label for label in labels if label.role == "class" and label.cases), key=lambda one: -one.cases)
    return sorted(held[:MOST_LABELS], key=lambda one: one.value)


def _comparable(name: str, number: int, samples: Sequence[Sample]) -> tuple[str, list[Sample]]:
    """Return the unit of the values of a channel, and the channel such that values of different images compare."""
    own = [Sample((sample.values[number],), sample.labels) for sample in samples]
    if not is_z_scored(name):
        return "HU" if is_ct(name) else "", own
    return "standard deviations from the mean of the image", [
        Sample((_z_scores(sample.values[0]),), sample.labels) for sample in own
    ]


def is_z_scored(channel: str) -> bool:
    """Return whether nnU-Net shifts and scales each image by its own mean and spread, as for unknown names."""
    return normalisation(channel) == normalisation("")


def _z_scores(values: NDArray[np.float32]) -> NDArray[np.float32]:
    spread = float(values.std(dtype=np.float64))
    scores: NDArray[np.float32] = (values - np.float32(values.mean(dtype=np.float64))) / np.float32(spread or 1.0)
    return scores


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


class _Axis(NamedTuple):
    """What the curves of a channel have in common; `name` is that of the channel, and the rest as in `Distribution`."""

    key: str
    name: str
    unit: str
    edges: NDArray[np.float64]
    note: str

    def curve(self, key: str, of: str, values: NDArray[np.float32], colour: str = "") -> Distribution:
        """Return which part of some values, those beyond the edges included, is in each bin."""
        counts, _ = np.histogram(values, self.edges)
        parts = plain(counts / max(1, values.size))
        title, edges = f"{self.name}: {of}", plain(self.edges)
        return Distribution(
            self.key + key, title, self.unit, INTENSITY, edges, parts, "part of the voxels", self.note, colour
        )
