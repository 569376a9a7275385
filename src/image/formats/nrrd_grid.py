"""Find the grid and the channel axis in a NRRD header, as in ITK's reader."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from ..geometry import Geometry, grid_of
from ..read_options import ReadOptions
from .nrrd_fields import Fields

# Signs of x and y that turn a frame into LPS.
_SPACES = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1, 1, 1)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1, -1, 1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1, -1, 1)),
}
_UNKNOWN_SPACES = ("scanner-xyz", "3d-right-handed", "3d-left-handed")
"""Frames that are not the patient's; ITK takes their numbers for LPS."""

_MM_PER_UNIT = {
    **dict.fromkeys(("mm", "millimeter", "millimetre", "", "???", "none"), 1.0),
    **dict.fromkeys(("m", "meter", "metre"), 1000.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(
        ("um", "\N{MICRO SIGN}m", "\N{GREEK SMALL LETTER MU}m", "micron", "micrometer", "micrometre"), 1e-3
    ),
}
"""The format prescribes no names; who names none means mm."""

_SPATIAL_KINDS = ("domain", "space")
_UNSAID_KINDS = ("???", "none")
_CHANNEL_KINDS = (
    *("list", "vector", "covariant-vector", "normal", "point", "time", "scalar", "stub", *_UNSAID_KINDS),
    *("2-vector", "3-vector", "4-vector", "3-gradient", "3-normal"),
)
_COLOUR_KINDS = ("rgb-color", "rgba-color", "hsv-color", "xyz-color", "3-color", "4-color")

Oddities = list[tuple[str, str]]


def channel_axis(fields: Fields, sizes: list[int]) -> int | None:
    """Return which axis, counted from the fastest, holds channels; None if all are spatial.

    Raises
    ------
    SegconvError
        ``SC053`` if the fields contradict each other; ``SC056`` for colours and other kinds of voxels.
    """
    n = len(sizes)
    if not 2 <= n <= 4:
        raise SegconvError(f"declares {n} dimensions, expected 2 to 4", code="SC053")
    kinds = _kinds(fields, n)
    outside = _without_direction(fields, kinds, n) if fields.get("space directions") is not None else _by_kind(kinds, n)
    if len(outside) > 1 or n - len(outside) not in (2, 3):
        raise SegconvError(
            f"has {n - len(outside)} axes in space and {len(outside)} others, expected 2 or 3 and at most 1",
            code="SC053",
        )
    if outside and outside[0] not in (0, n - 1):
        raise SegconvError("its channels are neither its first nor its last axis", code="SC053")
    return outside[0] if outside else None


def _without_direction(fields: Fields, kinds: list[str], n: int) -> list[int]:
    """Return the axes without a direction; refuse a channel axis with one."""
    rows = _rows(fields, n)
    for axis, kind in enumerate(kinds):
        if rows[axis] is not None and kind not in (*_SPATIAL_KINDS, *_UNSAID_KINDS):
            raise SegconvError(f"gives axis {axis}, a {kind}, a direction in space", code="SC053")
    return [axis for axis, row in enumerate(rows) if row is None]


def _by_kind(kinds: list[str], n: int) -> list[int]:
    """Return the non-spatial axes by their kinds; the last of four axes if the header does not say."""
    if n < 4 and set(kinds) <= set(_UNSAID_KINDS):
        return []
    return [axis for axis, kind in enumerate(kinds) if kind not in _SPATIAL_KINDS] or ([3] if n == 4 else [])


def _kinds(fields: Fields, n: int) -> list[str]:
    """Return the kind of each axis in lower case, empty if not declared; refuse kinds that are not channels."""
    kinds = [str(kind).lower() for kind in fields.get("kinds", [])]
    if kinds and len(kinds) != n:
        raise SegconvError(f"declares {n} dimensions and {len(kinds)} kinds", code="SC053")
    for kind in kinds:
        if kind in _COLOUR_KINDS:
            raise SegconvError(f"has colour voxels ({kind})", code="SC056", hint="export one grey channel")
        if kind not in (*_SPATIAL_KINDS, *_CHANNEL_KINDS):
            raise SegconvError(f"has voxels of the kind {kind!r}", code="SC056")
    return kinds


def _rows(fields: Fields, n: int) -> list[NDArray[np.float64] | None]:
    """Return the step along each axis, None for non-spatial axes."""
    rows: list[NDArray[np.float64] | None] = fields.required("space directions")
    if len(rows) != n:
        raise SegconvError(f"declares {n} dimensions and {len(rows)} space directions", code="SC053")
    return rows


def spatial(
    fields: Fields, sizes: list[int], channels: int | None, how: ReadOptions
) -> tuple[Geometry, tuple[tuple[str, str], ...]]:
    """Return the grid as ITK reads it, and its oddities.

    Parameters
    ----------
    sizes
        Lengths of all axes, the fastest first.
    channels
        Result of `channel_axis`.

    Raises
    ------
    SegconvError
        ``SC053`` if the fields contradict each other; ``SC057`` if the grid is not usable.
    """
    axes = [axis for axis in range(len(sizes)) if axis != channels]
    size = [sizes[axis] for axis in axes]
    oddities: Oddities = []
    if len(size) == 2:
        oddities.append(("SC093", "is a picture of two dimensions; taken as one slice"))
        size.append(1)
    if fields.get("space directions") is None:
        return _unplaced(fields, axes, size, oddities), tuple(oddities)
    signs = _signs(fields, oddities)
    steps, origin = _steps_and_origin(fields, len(sizes), oddities)
    lengths = [math.hypot(*step) for step in steps]
    _refuse_not_above_0(lengths, "its axes have the steps")
    cosines = [step / length * signs for step, length in zip(steps, lengths, strict=True)]
    if len(cosines) == 2:
        cosines.append(np.cross(cosines[0], cosines[1]))
        lengths.append(1.0)
    origin_mm = tuple((origin * signs).tolist())
    grid = grid_of(tuple(size), tuple(lengths), origin_mm, np.stack(cosines, axis=1), oddities, how)
    return grid, tuple(oddities)


def _refuse_not_above_0(lengths: list[float], what: str) -> None:
    if not all(math.isfinite(length) and length > 0 for length in lengths):
        raise SegconvError(f"{what} {tuple(lengths)} mm, expected numbers above 0", code="SC057")


def _steps_and_origin(
    fields: Fields, n: int, oddities: Oddities
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the step along each spatial axis and the origin, in mm and three dimensions."""
    scale = _mm_per_unit(fields.get("space units", []), oddities)
    steps = [row * scale for row in _rows(fields, n) if row is not None]
    origin = np.asarray(fields.get("space origin", np.zeros(len(steps[0]))), dtype=np.float64) * scale
    if origin.shape != steps[0].shape:
        raise SegconvError("space directions and space origin differ in length", code="SC053")
    if len(origin) == 2 and len(steps) == 2:
        return [np.append(step, 0.0) for step in steps], np.append(origin, 0.0)
    if len(origin) != 3:
        raise SegconvError(f"is in a space of {len(origin)} dimensions, expected 3", code="SC053")
    return steps, origin


def _signs(fields: Fields, oddities: Oddities) -> NDArray[np.float64]:
    space = fields.get("space")
    name = str(space).lower()
    if space is not None and name in _SPACES:
        return np.array(_SPACES[name], dtype=np.float64)
    if space is not None and name not in _UNKNOWN_SPACES:
        raise SegconvError(
            f"is in the space {space!r}, expected left-posterior-superior or another of a patient's",
            code="SC057",
            hint="save the file again in the space left-posterior-superior",
        )
    if fields.get("space dimension") == 2:
        return np.ones(3)  # no named space is two-dimensional
    what = "names no space" if space is None else f"lies in the space {space!r}, which is not a patient's"
    oddities.append(("SC092", f"{what}; taken for left-posterior-superior, as SimpleITK reads it"))
    return np.ones(3)


def _unplaced(fields: Fields, axes: list[int], size: list[int], oddities: Oddities) -> Geometry:
    """Return the grid of a file with at most spacings: along the axes, at the origin, as ITK reads it."""
    for name in ("space origin", "space", "space dimension", "axis mins", "axis maxs"):
        if fields.get(name) is not None:
            raise SegconvError(
                f"has the field {name!r} but no space directions", code="SC057", hint="save the file again as NRRD"
            )
    steps = fields.get("spacings")
    if steps is None:
        oddities.append(("SC092", "has neither space directions nor spacings; a spacing of 1 mm was taken"))
        return Geometry.plain(size)
    if len(steps) <= max(axes):
        raise SegconvError(f"has {len(steps)} spacings for {max(axes) + 1} axes", code="SC053")
    units = fields.get("units", [""] * len(steps))
    scale = _mm_per_unit([units[axis] for axis in axes if axis < len(units)], oddities)
    spacing = [float(steps[axis]) * scale for axis in axes]
    _refuse_not_above_0(spacing, "has the spacings")
    oddities.append(("SC092", "has no space directions; the grid is taken to lie along the LPS axes"))
    return Geometry.plain(size, (*spacing, *[1.0] * (3 - len(spacing))))


def _mm_per_unit(units: Sequence[Any], oddities: Oddities) -> float:
    """Return the factor from the header's unit to mm."""
    names = sorted({str(unit).strip('" ').lower() for unit in units})
    factors = {_MM_PER_UNIT.get(name) for name in names} or {1.0}
    factor = factors.pop()
    if factor is None or factors:
        odd = next((name for name in names if name not in _MM_PER_UNIT), " and ".join(names))
        raise SegconvError(
            f"measures lengths in {odd}, expected mm", code="SC057", hint="save the file again with lengths in mm"
        )
    if factor != 1.0:
        oddities.append(("SC092", f"lengths are in {names[0]}; converted to mm"))
    return factor
