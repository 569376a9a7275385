"""Process one case of a stress test in a worker: write its inputs under every condition, and score predictions.

Rotations and shifts are those of `segconv.augment`, so that augmentation can cover what the test finds.
Voxels that a rotation moves off the grid, and voxels of the ignore label, are not scored, neither in
predictions nor in the ceiling. Arrays are ``(z, y, x)``, or ``(y, x)`` for pictures.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import reading
from ...augment.hu_shift import apply as shift_hu
from ...augment.rotation import plan_turn, turned
from ...augment.spec import PLANES, Transform
from ...errors import SegconvError, naming
from ...image import raster
from ...image.geometry import Geometry, Volume
from ...image.opened import encode, read_bytes, read_image, read_label
from ...image.resample import LINEAR, NEAREST
from ...review.scores.dice import score
from ...review.scores.robustness import Condition
from ...work import fsops
from ...work.writing import writing
from .plan import StressCase


@dataclass(frozen=True)
class ScoredCase:
    """Dice of one case, one entry per condition.

    Parameters
    ----------
    case
        Its identifier.
    models
        Model → class → Dice of its prediction.
    expected
        The same for its prediction of the untouched case, rotated forth and back.
    ceilings
        Class → Dice of perfect predictions.
    kept
        Foreground voxels that stay on the grid.
    foreground
        All foreground voxels.
    """

    case: str
    models: list[dict[str, dict[str, float]]]
    expected: list[dict[str, dict[str, float]]]
    ceilings: list[dict[str, float]]
    kept: list[int]
    foreground: int


def _angles(condition: Condition, sign: int = 1) -> Transform:
    x, y, z = (sign * condition.angle_deg if condition.plane == plane else 0.0 for plane in PLANES)
    return Transform((x, y, z))


def _changed(image: Volume, condition: Condition, *, is_ct: bool) -> NDArray[Any]:
    """Return an image under a condition, transformed as in an augmented dataset."""
    air = image.array.min(axis=tuple(range(image.geometry.dimension)))
    moved = turned(plan_turn(image.geometry, _angles(condition)), image.array, LINEAR, air)
    return shift_hu(moved, condition.shift_hu, float(air)) if is_ct and condition.shift_hu else moved


def _turned(label: NDArray[Any], geometry: Geometry, condition: Condition, *, back: bool = False) -> NDArray[Any]:
    """Return a label or mask rotated like its image, or back; voxels from outside the grid are 0."""
    return turned(plan_turn(geometry, _angles(condition, -1 if back else 1)), label, NEAREST, 0)


def write_inputs(task: StressCase) -> str:
    """Write a case under every condition, in a worker."""
    for channel, path in enumerate(task.images):
        with naming(str(path)):
            image = read_image(read_bytes(str(path)), task.ending)
            if task.ending in raster.ENDINGS and image.geometry.dimension > 2:
                raise SegconvError("is a picture with several pages, which is not turned", code="SC094")
        for number, condition in enumerate(task.conditions):
            array = _changed(image, condition, is_ct=channel in task.ct_channels)
            target = task.inputs / task.input_name(number, channel)
            with writing(target):
                fsops.write_new(target, b"".join(encode(array, image.geometry, task.ending)))
    return task.case


def score_case(task: StressCase) -> ScoredCase:
    """Rotate the predictions of a case back and score them, in a worker."""
    with naming(str(task.label)):
        reference = _narrow(read_label(read_bytes(str(task.label)), task.ending))
    with naming(str(task.images[0])):
        geometry = read_image(read_bytes(str(task.images[0])), task.ending).geometry
    scored = np.ones(reference.shape, bool) if task.ignore is None else reference != task.ignore
    foreground = np.isin(reference, [value for values in task.classes.values() for value in values])
    found = ScoredCase(task.case, [], [], [], [], int(foreground.sum()))
    first: dict[str, NDArray[Any]] = {}
    for number, condition in enumerate(task.conditions):
        turn = functools.partial(_turned, geometry=geometry, condition=condition)
        stays = turn(turn(np.ones(reference.shape, np.uint8)), back=True).astype(bool)
        inside = stays & scored

        def against_reference(label: NDArray[Any], inside: NDArray[Any] = inside) -> dict[str, float]:
            return score(label[inside], reference[inside], task.classes)

        predictions = {
            name: _prediction(task.outputs(model) / task.output_name(number), task.ending, reference.shape)
            for model, name in enumerate(task.models)
        }
        first = first or predictions
        found.ceilings.append(against_reference(turn(turn(reference), back=True)))
        found.kept.append(int((foreground & stays).sum()))
        found.models.append({name: against_reference(turn(label, back=True)) for name, label in predictions.items()})
        # Predictions of the untouched case, also rotated: voxels that stay may be easier or harder than the others, and
        # thin structures lose more in a rotation.
        found.expected.append({name: against_reference(turn(turn(label), back=True)) for name, label in first.items()})
    return found


def _prediction(path: Path, ending: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a prediction in the shape of its reference."""
    if not reading.is_file(path):
        raise SegconvError("does not exist: nothing was predicted", code="SC101", file=str(path))
    with naming(str(path)):
        prediction = _narrow(read_label(read_bytes(str(path)), ending))
        if prediction.shape != shape:
            raise SegconvError(f"has the shape {prediction.shape}, its reference {shape}", code="SC082")
    return prediction


def _narrow(label: Volume) -> NDArray[Any]:
    """Return label values in the smallest type that holds them."""
    array: NDArray[Any] = np.ascontiguousarray(label.array)
    return array.astype(np.uint8 if not array.size or array.max() < 256 else np.uint16)
