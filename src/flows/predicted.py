"""What predictions hold: how much of each label, which of them nothing but background, and a picture of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import Labels
from ..errors import Finding, SegconvError, warning
from ..image import opened
from ..image.geometry import Geometry, Volume
from ..review.pictures.overlay import Panel, montage
from ..work.backends import THREADS
from ..work.parallel import each
from .predicting import PREDICTIONS, Cases

DRAWN = 9
"""How many cases a picture shows at most."""

LIKE_TRAINING = "check that the images are like those that the model was trained on: their channels and their order,"
LIKE_TRAINING += " grey values, spacing and orientation"


@dataclass(frozen=True)
class LabelCount:
    """How much of a label was predicted.

    Parameters
    ----------
    name
        Class or region.
    voxels
        Number of voxels in all predictions.
    cases
        Number of predictions that hold it.
    """

    name: str
    voxels: int
    cases: int


@dataclass(frozen=True)
class Predicted:
    """What a set of predictions holds.

    Parameters
    ----------
    labels
        In the order in which the dataset declares them.
    foreground
        Case identifier → number of voxels that are not background.
    """

    labels: tuple[LabelCount, ...]
    foreground: Mapping[str, int]


def count_labels(cases: Cases, labels: Labels, *, jobs: int = 1) -> Predicted:
    """Count the voxels of each label in the finished predictions that segconv can read."""
    read = each(partial(_counts, cases), cases.images, jobs=jobs, backend=THREADS)
    counts = {case: found for case, found in read if found is not None}
    found = [_label_count(name, values, list(counts.values())) for name, values in labels.foreground.items()]
    foreground = {case: sum(n for value, n in counts[case].items() if value) for case in cases.images if case in counts}
    return Predicted(tuple(found), foreground)


def _label_count(name: str, values: Sequence[int], counts: Sequence[Mapping[int, int]]) -> LabelCount:
    voxels = [sum(found.get(value, 0) for value in values) for found in counts]
    return LabelCount(name, sum(voxels), sum(map(bool, voxels)))


def warn_of_background(cases: Cases, found: Predicted) -> list[Finding]:
    """Return a warning for each prediction that holds nothing but background; one for all, if all do."""
    empty = [case for case, voxels in found.foreground.items() if not voxels]
    if len(empty) > 1 and len(empty) == len(found.foreground):
        what = f"all {len(empty)} predictions hold nothing but background"
        return [warning("SC120", what, hint=LIKE_TRAINING)]
    what = "its prediction holds nothing but background"
    return [warning("SC120", what, file=cases.shown[case], hint=LIKE_TRAINING) for case in empty]


def draw_overlay(cases: Cases, found: Predicted, names: Mapping[str, str]) -> bytes:
    """Return a PNG of the cases with the most foreground: their first channel, with outlines of what was predicted.

    Parameters
    ----------
    names
        Case identifier → title.
    """
    fullest = sorted(found.foreground, key=lambda case: -found.foreground[case])[:DRAWN]
    return montage([_panel(cases, case, names[case]) for case in sorted(fullest, key=list(cases.images).index)])


def _counts(cases: Cases, case: str) -> tuple[str, dict[int, int] | None]:
    try:
        values, counts = np.unique(_prediction(cases, case), return_counts=True)
    except SegconvError:  # restoring it reports that; without restoring, another program may read it
        return case, None
    return case, dict(zip(map(int, values), map(int, counts), strict=True))


def _prediction(cases: Cases, case: str) -> NDArray[Any]:
    path = cases.work / PREDICTIONS / f"{case}{cases.ending}"
    return opened.read_label(opened.read_bytes(str(path)), path.name).array


def _panel(cases: Cases, case: str, title: str) -> Panel:
    """Return one slice of a case, that with the most foreground: nine whole volumes may not fit into memory."""
    path = cases.work / cases.images[case][0]
    image = opened.read_image(opened.read_bytes(str(path)), path.name)
    label = _prediction(cases, case)
    if image.geometry.dimension == 3 and label.ndim == 3:
        counts = (label > 0).sum(axis=(1, 2))
        at = int(counts.argmax()) if counts.any() else len(label) // 2
        grid = Geometry.plain((*label.shape[:0:-1], 1), image.geometry.spacing_mm)
        return Panel(title, Volume(image.array[at : at + 1].copy(), grid), label[at : at + 1].copy())
    return Panel(title, image, label)
