"""Find values that a snap would absorb although they are labels of their own rather than blended edges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW_VALUES = 8
"""With more undeclared values than this, a mask was smoothed or compressed, and any of them may fill a patch."""
FEWEST_VOXELS = 20
"""Fewer voxels, apart from other labels, are specks."""
APART = 0.9
"""A value is not an edge if at least this part of its voxels touches no other label."""


def whole_labels(
    values: NDArray[Any], counts: Mapping[int, int], unknown: Collection[int], landing: Mapping[int, int]
) -> list[int]:
    """Return the undeclared values that would merge a complete label into another.

    These are all of them, if everything in a file would become one label. Otherwise they are those that join a declared
    value or one with more voxels, and fill a patch of 3×3 or touch no other label, as no blended edge does.

    Parameters
    ----------
    values
        One label file, ``(y, x)`` or ``(z, y, x)``.
    counts
        Every value in it → number of voxels.
    unknown
        Its undeclared values.
    landing
        Every value in it → the label that it would become.
    """
    if len(landing) > 1 and len(set(landing.values())) == 1:
        return sorted(unknown)
    if len(unknown) > FEW_VALUES or values.ndim < 2:
        return []
    stems: dict[int, int] = {}  # label → the value that it is, or that most of it is
    for value in sorted(landing, key=lambda value: (value in unknown, -counts[value])):
        stems.setdefault(landing[value], value)
    joining = [value for value in unknown if stems[landing[value]] != value]
    return sorted(value for value in joining if _is_whole(values, value, landing))


def fills_a_patch(where: NDArray[np.bool_]) -> bool:
    """Return whether voxels fill a patch of 5×5 somewhere, which no edge blurred by compression does."""
    found = where
    for axis in (-1, -1, -2, -2):
        found = _all_of_three(found, axis)
    return bool(found.any())


def _is_whole(values: NDArray[Any], value: int, landing: Mapping[int, int]) -> bool:
    own = values == value
    if _all_of_three(_all_of_three(own, -1), -2).any():
        return True
    number = int(own.sum())
    if number < FEWEST_VOXELS:
        return False
    others = np.isin(values, [other for other, label in landing.items() if label != landing[value]])
    touched = own & _any_of_three(_any_of_three(others, -1), -2)
    return 1 - int(touched.sum()) / number >= APART


def _all_of_three(where: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Return the voxels that are set together with the next two along an axis."""
    moved = np.moveaxis(where, axis, 0)
    return np.moveaxis(moved[:-2] & moved[1:-1] & moved[2:], 0, axis)


def _any_of_three(where: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Return the voxels that are set, or whose previous or next voxel along an axis is."""
    moved = np.moveaxis(where, axis, 0)
    found = moved.copy()
    found[1:] |= moved[:-1]
    found[:-1] |= moved[1:]
    return np.moveaxis(found, 0, axis)
