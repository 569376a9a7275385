"""Sample the parameters of each copy: a pure function of the seed, the case and the copy."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np

from .grey import GREY
from .spec import AXES, IMAGE, PLANES, AugmentSpec, Transform


def copies(spec: AugmentSpec, case: str) -> dict[str, Transform]:
    """Return the copies of a case: identifier → parameters.

    The same seed, case, plane, angle and copy number give the same parameters, whatever the order or the
    number of workers; adding copies, planes or angles does not change the others.
    """
    return _fixed(spec, case) if spec.angles_deg else _drawn(spec, case)


def _axes(spec: AugmentSpec) -> tuple[str, ...]:
    """Return the axes that an angle can be about, in order."""
    return AXES if spec.frame == IMAGE else PLANES


def _fixed(spec: AugmentSpec, case: str) -> dict[str, Transform]:
    """Return the copies of each angle in each plane."""
    made = {}
    for plane, angle, number in itertools.product(spec.planes, spec.angles_deg, range(spec.copies)):
        turn = f"{plane}{_angle_name(angle)}"
        name = f"{case}_{turn}" + (f"_{number + 1:02d}" if spec.copies > 1 else "")
        x, y, z = (angle if plane == other else 0.0 for other in _axes(spec))
        made[name] = Transform((x, y, z), _grey(spec, _random(spec, case, number, turn)), spec.frame)
    return made


def _drawn(spec: AugmentSpec, case: str) -> dict[str, Transform]:
    """Return the copies with random angles."""
    made = {}
    for number in range(spec.copies):
        random = _random(spec, case, number)
        drawn = random.uniform(-1, 1, size=3) * (spec.rotate_range_deg or 0.0)
        angles = zip(_axes(spec), drawn, strict=True)
        x, y, z = (float(angle) if plane in spec.planes else 0.0 for plane, angle in angles)
        made[f"{case}_aug{number + 1:02d}"] = Transform((x, y, z), _grey(spec, random), spec.frame)
    return made


def _random(spec: AugmentSpec, case: str, copy: int, turn: str = "") -> np.random.Generator:
    entropy = [spec.seed, _number(case), copy, *([_number(turn)] if turn else [])]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _grey(spec: AugmentSpec, random: np.random.Generator) -> dict[str, float]:
    asked = [one for one in GREY if one.name in spec.grey]
    return {one.name: one.transformation.draw(spec.grey[one.name], random) for one in asked}


def _angle_name(angle: float) -> str:
    """Return ``030``, ``m030`` or ``022.5``: safe in a case identifier, and unique per angle."""
    whole, point, fraction = np.format_float_positional(abs(angle), trim="-").partition(".")
    return f"{'m' if angle < 0 else ''}{whole:0>3}{point}{fraction}"
