"""Make one file of a copy, and choose the value of what a rotation brings in from outside the image.

That is the image's own smallest value, which in CT is air, or what the user says. Grey values of padding never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Cure, SegconvError
from ..image.geometry import Geometry
from ..image.resample import LINEAR
from ..image.voxels import refuse_infinite_in_32_bits, value_range
from .grey import grey_transform
from .rotation import Turn, outside, turned

_NONE: Mapping[str, float] = {}


def extremes(array: NDArray[Any], geometry: Geometry) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the smallest and the largest value of each component of an image.

    Parameters
    ----------
    array
        Array on `geometry`, components last.

    Raises
    ------
    SegconvError
        ``SC055`` for values that are not finite.
    """
    if array.dtype.kind == "f":
        try:
            refuse_infinite_in_32_bits(*value_range(array))
        except SegconvError as error:
            error.advise(cures=[Cure.of("repair_nonfinite")])
            raise
    spatial = tuple(range(geometry.dimension))
    return array.min(axis=spatial), array.max(axis=spatial)


def padded(
    turn: Turn,
    array: NDArray[Any],
    *,
    air: Any,
    grey: Mapping[str, float] = _NONE,
    pad_value: float | None = None,
    room: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Return one file of a copy, rotated and with changed grey values; what comes from outside is padding.

    Parameters
    ----------
    turn
        The rotation.
    array
        Array on ``turn.geometry``, components last; not modified.
    air
        Smallest value of each component: grey-value transforms leave it unchanged, and a rotation fills
        with it unless `pad_value` is given.
    grey
        Grey-value transform → its amount.
    pad_value
        Fill value of a rotation, instead of `air`.
    room
        As for `turned`.
    """
    if not grey:
        return turned(turn, array, LINEAR, air if pad_value is None else pad_value, room)
    moved = turned(turn, array, LINEAR, air, room)
    for name, amount in grey.items():
        moved = grey_transform(name).transformation.apply(moved, amount, float(np.min(air)))
    if pad_value is not None and turn.exact is None:
        moved[outside(turn)] = pad_value  # voxels from outside have no grey value to change
    return moved
