"""Measure distances between the surfaces of scored classes, and their volumes: open both labels of a case again."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...errors import Cure, Finding, SegconvError, naming, refuse_if_any
from ...image.geometry import Geometry
from ...words import some_of
from ...work.backends import THREADS
from ...work.held import AGAIN
from ...work.readers import ONE, Readers
from .case_masks import ScoredCase, masks_of
from .dice import Overlap
from .surface_scores import Pool, SurfaceScore, surface_score
from .surfaces import Mask

TOLERANCE_MM = 1.0
"""Usual tolerance of the surface Dice."""

Tolerance = float | Mapping[str, float]
"""Of all classes, or class → its own."""

MOST_OFF = 1e-3
"""Largest relative difference between a spacing that the user gives and that of a file."""

_WORTH_PROCESSES = 1 << 27
"""Voxels times classes from which processes are faster, although they take a second to start: distance transforms
hold the interpreter's lock."""

_BYTES_OF_VOXEL = 20
"""Memory for a voxel of two masks, their surfaces, and the nearest point of the other surface in each direction."""


@dataclass(frozen=True)
class Unit:
    """The units of distances and of volumes."""

    length: str
    volume: str


PIXELS = Unit("px", "px")
MM = Unit("mm", "ml")
MM_2D = Unit("mm", "mm²")


@dataclass(frozen=True)
class Surfaces:
    """Distances and volumes of a set of predictions.

    Parameters
    ----------
    tolerances
        Class → tolerance of its surface Dice.
    unit
        Of distances and volumes: pixels where neither files nor the user say how large these are.
    cases
        Case → class → scores.
    pools
        Class → all cases taken together.
    """

    tolerances: Mapping[str, float]
    unit: Unit
    cases: dict[str, dict[str, SurfaceScore]]
    pools: dict[str, Pool]

    @property
    def nsd_title(self) -> str:
        """Name of the surface Dice, with its tolerance if all classes have the same."""
        common = set(self.tolerances.values())
        return f"NSD {common.pop():g} {self.unit.length}" if len(common) == 1 else "NSD"


def measured(
    cases: Mapping[str, ScoredCase],
    *,
    tolerance: Tolerance = TOLERANCE_MM,
    spacing_mm: Sequence[float] | None = None,
    readers: Readers = ONE,
) -> Surfaces:
    """Return distances and volumes of all cases; memory does not grow with their number.

    Parameters
    ----------
    cases
        Name → case.
    tolerance
        Distance up to which surfaces count as the same, in mm, or in pixels where nothing says how large they are;
        or class → distance, and `TOLERANCE_MM` for other classes.
    spacing_mm
        ``(x, y)`` or ``(x, y, z)``, for labels that do not hold it.
    readers
        Workers.

    Raises
    ------
    SegconvError
        ``SC001`` for a tolerance or spacing that is negative, or the tolerance of an unknown class.
    Refused
        ``SC130`` if only some of the labels have a spacing, or another one than `spacing_mm`; ``SC062`` for
        labels that changed since they were scored; what reading raises.
    """
    classes = dict.fromkeys(name for case in cases.values() for name in case.overlaps)
    tolerances = _of_classes(tolerance, classes)
    if spacing_mm is not None and not all(0 < size < math.inf for size in spacing_mm):
        raise SegconvError(f"spacing {tuple(spacing_mm)}: expected positive numbers")
    measure = partial(_measured, tolerances=tolerances, spacing_mm=tuple(spacing_mm) if spacing_mm else None)
    found = _Collected(tolerances)
    errors: list[Finding] = []
    reading = _suited(readers, cases).over(list(cases.items()), measure, files=_files_of, decoded=_decoded)
    for (name, case), result in reading:
        if isinstance(result, SegconvError):
            errors += result.findings
        else:
            found.add(name, case.pair[1].shown, *result)
    refuse_if_any(dict.fromkeys(errors))
    return found.surfaces()


def _of_classes(tolerance: Tolerance, classes: Collection[str]) -> dict[str, float]:
    """Return class → tolerance."""
    if isinstance(tolerance, Mapping):
        unknown = [name for name in tolerance if name not in classes]
        if unknown:
            message = f"tolerance of {unknown[0]!r}: no class has this name"
            raise SegconvError(message, hint=f"there are {some_of(classes)}")
        found = {name: float(tolerance.get(name, TOLERANCE_MM)) for name in classes}
    else:
        found = dict.fromkeys(classes, float(tolerance))
    for one in found.values():
        if not 0 <= one < math.inf:
            raise SegconvError(f"tolerance {one}: expected a distance, 0 or more")
    return found


class _Collected:
    """Gathers the scores of cases; their distances are pooled at once and not kept."""

    def __init__(self, tolerances: Mapping[str, float]) -> None:
        self._tolerances = tolerances
        self._cases: dict[str, dict[str, SurfaceScore]] = {}
        self._files: dict[Unit, str] = {}
        self._pools = {name: Pool() for name in tolerances}

    def add(self, name: str, file: str, scores: Mapping[str, SurfaceScore], unit: Unit) -> None:
        """Add a case."""
        if scores:
            self._files.setdefault(unit, file)
        for of, score in scores.items():
            self._pools[of].add(score)
        self._cases[name] = {of: replace(score, steps={}) for of, score in scores.items()}

    def surfaces(self) -> Surfaces:
        """Return all of them; raises ``SC130`` if they are in several units."""
        if len(self._files) > 1:
            raise _different_units(self._files)
        return Surfaces(self._tolerances, next(iter(self._files), PIXELS), self._cases, self._pools)


def _different_units(units: Mapping[Unit, str]) -> SegconvError:
    (unit, file), (other, another) = list(units.items())[:2]
    message = f"distances would be in {_in_words(other)}, those of {file} in {_in_words(unit)}: they cannot be compared"
    return SegconvError(message, code="SC130", file=another, cures=(Cure.of("give_spacing", spacing="X,Y,Z"),))


def _in_words(unit: Unit) -> str:
    return "pixels" if unit == PIXELS else f"{unit.length} and {unit.volume}"


def _suited(readers: Readers, cases: Mapping[str, ScoredCase]) -> Readers:
    """Return workers that are fast for so many voxels."""
    if readers.jobs == 1 or len(cases) == 1 or readers.backend != THREADS:
        return readers
    voxels = sum(case.decoded_bytes * len(case.overlaps) for case in cases.values()) // 2
    return replace(readers, backend=None) if voxels > _WORTH_PROCESSES else readers


def _files_of(item: tuple[str, ScoredCase]) -> list[str]:
    return item[1].files


def _decoded(item: tuple[str, ScoredCase]) -> int:
    """Return the memory of a case, in units of what `work.memory` takes for the decoded size of a file."""
    return item[1].decoded_bytes * _BYTES_OF_VOXEL // 8


def _measured(
    item: tuple[str, ScoredCase], tolerances: Mapping[str, float], spacing_mm: tuple[float, ...] | None
) -> tuple[dict[str, SurfaceScore], Unit]:
    """Return class → scores of a case, and their unit; runs in a worker."""
    case = item[1]
    scores: dict[str, SurfaceScore] = {}
    unit = PIXELS
    with naming(case.pair[1].shown):
        for name, prediction, reference, grid in masks_of(case):
            spacing, unit = _spacing(reference, grid, spacing_mm)
            voxel = math.prod(spacing) / (1000 if unit == MM else 1)
            score = surface_score(prediction, reference, spacing, voxel, tolerances[name])
            both = int(np.count_nonzero(prediction & reference))
            if Overlap(both, score.predicted, score.reference) != case.overlaps[name]:
                raise SegconvError(f"changed while it was scored: {name} is not the same", code="SC062", hint=AGAIN)
            scores[name] = score
    return scores, unit


def _spacing(mask: Mask, grid: Geometry | None, given_mm: tuple[float, ...] | None) -> tuple[tuple[float, ...], Unit]:
    """Return the spacing of an array, in its order of axes, and the unit."""
    own = grid.spacing_mm if grid is not None else None
    if own is None and given_mm is None:
        return (1.0,) * mask.ndim, PIXELS
    if own is not None and given_mm is not None:
        _refuse_contradiction(own, given_mm)
    spacing = own or (given_mm or ())[: mask.ndim]
    if len(spacing) != mask.ndim:
        message = f"has {mask.ndim} axes, but the spacing that was given has {len(spacing)}"
        raise SegconvError(message, code="SC130", cures=(Cure.of("give_spacing", spacing="X,Y,Z"),))
    return spacing[::-1], MM if mask.ndim == 3 else MM_2D


def _refuse_contradiction(own: tuple[float, ...], given_mm: tuple[float, ...]) -> None:
    both = min(len(own), len(given_mm))
    if not np.allclose(given_mm[:both], own[:both], rtol=MOST_OFF, atol=0):
        held, given = ("×".join(f"{size:.4g}" for size in sizes) for sizes in (own, given_mm))
        raise SegconvError(f"holds a spacing of {held} mm, but {given} mm was given", code="SC130", hint="give none")
