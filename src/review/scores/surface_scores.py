"""Distances, surface Dice and volumes of one class in one case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .surfaces import (
    Mask,
    Spacing,
    border_voxels,
    closely_cropped,
    corner_codes,
    distances,
    element_sizes,
    is_surface,
    percentile,
)

SHARE = 95.0
"""Percentile of the distances, which a few voxels far away do not change."""

STEP = 1e-3
"""Distances are rounded to this when those of all cases are pooled, so that memory does not grow with the cases."""

_EQUAL = 1e-9
"""A distance that exceeds the tolerance by less is equal to it: 3 × 0.1 mm is no more than 0.3 mm."""


@dataclass(frozen=True)
class SurfaceScore:
    """Scores of a class in a case, beyond their overlap.

    Parameters
    ----------
    predicted, reference
        Voxels of the class in each.
    voxel
        Volume of a voxel in ml, or 1 where nothing says how large it is.
    hd95
        95th percentile of the distances from the border voxels of each to the other, pooled; in mm, or in pixels
        where nothing says how large they are. Infinite if only one side has the class, NaN if neither has.
    within, surface
        Size of the surface elements of both sides that are within the tolerance of the other, and of all.
    tolerance
        Distance up to which surfaces count as the same.
    steps
        Distance in units of `STEP` → number of border voxels of both sides; empty unless both have the class.
    """

    predicted: int
    reference: int
    voxel: float
    hd95: float = math.nan
    within: float = 0.0
    surface: float = 0.0
    tolerance: float = 1.0
    steps: Mapping[int, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def nsd(self) -> float:
        """Surface Dice at the tolerance: NaN if neither side has the class, 0 if only one has.

        Source: S. Nikolov et al., https://doi.org/10.2196/26151.
        """
        return self.within / self.surface if self.surface else math.nan

    @property
    def volume_error(self) -> float:
        """Predicted minus reference volume; NaN if neither side has the class."""
        if not self.predicted and not self.reference:
            return math.nan
        return (self.predicted - self.reference) * self.voxel

    @property
    def volume_error_percent(self) -> float:
        """The same in percent of the reference; NaN if the reference does not have the class."""
        return 100 * (self.predicted - self.reference) / self.reference if self.reference else math.nan


def surface_score(
    prediction: Mask, reference: Mask, spacing: Spacing, voxel: float, tolerance: float = 1.0
) -> SurfaceScore:
    """Return the scores of two masks of one shape.

    Parameters
    ----------
    prediction, reference
        ``(z, y, x)`` or ``(y, x)``. A volume of a single slice is treated as a picture.
    spacing
        In the order of the axes, in mm.
    voxel
        Volume of a voxel in ml.
    tolerance
        Distance in mm up to which surfaces count as the same.
    """
    voxels = int(prediction.sum()), int(reference.sum())
    if not any(voxels):
        return SurfaceScore(0, 0, voxel, tolerance=tolerance)
    prediction, reference, spacing = _without_flat_axis(prediction, reference, spacing)
    masks = closely_cropped(prediction, reference)
    pooled = _distances(masks, spacing) if all(voxels) else []
    within, surface = _elements(masks, spacing, tolerance)
    return SurfaceScore(
        *voxels,
        voxel,
        percentile(pooled, SHARE) if pooled else math.inf,
        within,
        surface,
        tolerance,
        _steps(pooled),
    )


def _without_flat_axis(prediction: Mask, reference: Mask, spacing: Spacing) -> tuple[Mask, Mask, Spacing]:
    """Return volumes of a single slice as pictures: both faces of the slice would be surface."""
    flat = next((axis for axis, length in enumerate(prediction.shape) if length == 1), None)
    if flat is None or prediction.ndim < 3:
        return prediction, reference, spacing
    rest = tuple(size for axis, size in enumerate(spacing) if axis != flat)
    return prediction.squeeze(flat), reference.squeeze(flat), rest


def _distances(masks: tuple[Mask, ...], spacing: Spacing) -> list[NDArray[np.float64]]:
    """Return the distances from prediction to reference and back."""
    mine, its = map(border_voxels, masks)
    return [distances(mine, its, spacing), distances(its, mine, spacing)]


def _elements(masks: tuple[Mask, ...], spacing: Spacing, tolerance: float) -> tuple[float, float]:
    """Return the size of the surface elements of both masks within the tolerance of the other's, and of all."""
    codes = [corner_codes(mask) for mask in masks]
    surfaces = [is_surface(code, len(spacing)) for code in codes]
    sizes = [element_sizes(spacing)[code[found]] for code, found in zip(codes, surfaces, strict=True)]
    surface = float(sum(size.sum() for size in sizes))
    if not all(map(len, sizes)):
        return 0.0, surface
    within = 0.0
    for one, other, size in zip(surfaces, reversed(surfaces), sizes, strict=True):
        within += float(size[distances(one, other, spacing) <= tolerance + _EQUAL].sum())
    return within, surface


def _steps(pooled: list[NDArray[np.float64]]) -> dict[int, int]:
    if not pooled:
        return {}
    steps, counts = np.unique(np.rint(np.concatenate(pooled) / STEP).astype(np.int64), return_counts=True)
    return dict(zip(steps.tolist(), counts.tolist(), strict=True))


@dataclass
class Pool:
    """All cases of a class taken together, as if they were one.

    Parameters
    ----------
    cases
        Number of cases in which a side has the class.
    apart
        Number of cases among these in which only one side has it, so that there are no distances.
    """

    cases: int = 0
    apart: int = 0
    _within: float = 0.0
    _surface: float = 0.0
    _predicted: float = 0.0
    _reference: float = 0.0
    _steps: dict[int, int] = field(default_factory=dict, repr=False)

    def add(self, score: SurfaceScore) -> None:
        """Add a case."""
        self.cases += bool(score.predicted or score.reference)
        self.apart += math.isinf(score.hd95)
        self._within += score.within
        self._surface += score.surface
        self._predicted += score.predicted * score.voxel
        self._reference += score.reference * score.voxel
        for step, number in score.steps.items():
            self._steps[step] = self._steps.get(step, 0) + number

    @property
    def hd95(self) -> float:
        """95th percentile of the distances of all cases in which both sides have the class, exact to `STEP` / 2."""
        if not self._steps:
            return math.nan
        steps = np.array(sorted(self._steps))
        ends = np.cumsum([self._steps[step] for step in steps.tolist()])
        rank = SHARE / 100 * (int(ends[-1]) - 1)
        low, high = (int(steps[np.searchsorted(ends, at, side="right")]) for at in (math.floor(rank), math.ceil(rank)))
        return (low + (rank - math.floor(rank)) * (high - low)) * STEP

    @property
    def nsd(self) -> float:
        """Surface Dice of all cases; a surface without counterpart is outside the tolerance."""
        return self._within / self._surface if self._surface else math.nan

    @property
    def volume_error(self) -> float:
        """Sum of the predicted minus that of the reference volumes."""
        return self._predicted - self._reference if self.cases else math.nan

    @property
    def volume_error_percent(self) -> float:
        """The same in percent of the reference volumes."""
        return 100 * (self._predicted - self._reference) / self._reference if self._reference else math.nan

    def as_json(self) -> dict[str, Any]:
        """Return all of it; there is no NaN."""
        found = {name: getattr(self, name) for name in ("hd95", "nsd", "volume_error", "volume_error_percent")}
        known = {name: None if math.isnan(value) else value for name, value in found.items()}
        return {**known, "cases": self.cases, "cases_without_distance": self.apart}
