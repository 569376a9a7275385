"""Stack slices from separate files into one volume, in the order of their numbers, without gaps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from .geometry import Geometry

_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return the key for natural sorting: ``slice2`` before ``slice10``, ignoring case."""
    pieces = _DIGITS.split(name)
    return tuple((0, int(piece), piece) if number % 2 else (1, 0, piece.lower()) for number, piece in enumerate(pieces))


def numbers_of(names: Sequence[str]) -> list[int] | None:
    """Return for each name the one number in which names differ; None if they differ in anything else."""
    split = [_DIGITS.split(name) for name in names]
    if not split or len({tuple(pieces[::2]) for pieces in split}) > 1:
        return None
    varying = _varying(split)
    return [int(pieces[varying[0]]) for pieces in split] if len(varying) == 1 else None


def ordered(names: Sequence[str]) -> list[int]:
    """Return the order of slices as indices into `names`; refuse missing ones.

    The number of a slice is the only run of digits in which the names differ.

    Parameters
    ----------
    names
        File names of one volume, without folder and ending.

    Raises
    ------
    SegconvError
        ``SC087`` if a number is missing or repeated, or if the names differ in more than one number,
        so that the order is uncertain.
    """
    if len(names) < 2:
        return list(range(len(names)))
    numbers = numbers_of(names)
    if numbers is None:
        raise _unordered(names)
    order = sorted(range(len(names)), key=numbers.__getitem__)
    for before, after in pairwise(order):
        gap = numbers[after] - numbers[before]
        if gap == 0:
            raise SegconvError(f"{names[before]!r} and {names[after]!r} are both slice {numbers[after]}", code="SC087")
        if gap > 1:
            missing = f"slice {numbers[before] + 1}" + (f" to {numbers[after] - 1}" if gap > 2 else "")
            raise SegconvError(
                f"{missing} is missing: {names[after]!r} follows {names[before]!r}",
                code="SC087",
                hint="add the missing slices, or number the others without a gap",
            )
    return order


def _unordered(names: Sequence[str]) -> SegconvError:
    """Return the error for names that do not differ in one number."""
    split = [_DIGITS.split(name) for name in names]
    odd = next((n for n, pieces in zip(names, split, strict=True) if pieces[::2] != split[0][::2]), None)
    if odd is not None:
        return SegconvError(
            f"slices are named in two ways, {names[0]!r} and {odd!r}",
            code="SC087",
            hint="give the slices of one volume names that differ only in their number",
        )
    return SegconvError(
        f"slice names such as {names[0]!r} differ in {len(_varying(split))} numbers, expected 1",
        code="SC087",
        hint="put the slices of each volume into a folder of its own",
    )


def _varying(split: Sequence[Sequence[str]]) -> list[int]:
    """Return the positions at which the numbers differ, for names split at their numbers."""
    return [at for at in range(1, len(split[0]), 2) if len({int(pieces[at]) for pieces in split}) > 1]


def assemble(slices: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Stack slices ``(y, x)``, in order, to a volume ``(z, y, x)``.

    Raises
    ------
    SegconvError
        ``SC082`` if they differ in size; ``SC084`` if they differ in type or have colours.
    """
    first = slices[0]
    for number, one in enumerate(slices):
        if one.ndim != 2:
            raise SegconvError(f"slice {number + 1} has the shape {one.shape}, expected (y, x)", code="SC084")
        if one.shape != first.shape:
            raise SegconvError(f"slice {number + 1} has the shape {one.shape}, the first {first.shape}", code="SC082")
        if one.dtype != first.dtype:
            raise SegconvError(f"slice {number + 1} is of type {one.dtype}, the first of {first.dtype}", code="SC084")
    return np.stack(slices)


def geometry_of(volume: NDArray[Any], spacing_mm: Sequence[float]) -> Geometry:
    """Return the grid of a volume ``(z, y, x)`` at the origin, along the axes; the spacing is ``(x, y, z)``."""
    return Geometry.plain(volume.shape[::-1], spacing_mm)
