"""What is in an array of voxels: finite or not, constant or not, which label values.

All functions walk along the first axis, so that no temporary is as large as the volume.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError

CHUNK_VOXELS = 1 << 20
FEW_VALUES = 8

LARGEST = float(np.finfo(np.float32).max)
"""Larger numbers are infinite to a network."""


def chunks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield flat views of a contiguous array, `CHUNK_VOXELS` at a time."""
    flat = array.reshape(-1)
    for start in range(0, flat.size, CHUNK_VOXELS):
        yield flat[start : start + CHUNK_VOXELS]


def value_range(array: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest value.

    Raises
    ------
    SegconvError
        ``SC055`` if a voxel is NaN or infinite, with its position and how many there are.
    """
    # NaN spreads through both, infinity is one of them: the extremes are the test.
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        bad = ~np.isfinite(array)
        number = int(bad.sum())
        what = "voxel is" if number == 1 else "voxels are"
        raise SegconvError(
            f"{number} {what} NaN or infinite, the first at {position(bad)}; expected finite numbers",
            code="SC055",
        )
    return low, high


def refuse_infinite_in_32_bits(low: float, high: float) -> None:
    """Raise ``SC055`` if the smallest or the largest value of an image is beyond `LARGEST`."""
    if max(-low, high) > LARGEST:
        reach = f"its values reach from {low:.3g} to {high:.3g}"
        raise SegconvError(f"{reach}; nnU-Net computes in 32 bits, where that is infinite", code="SC055")


def label_values(array: NDArray[Any]) -> dict[int, int]:
    """Return which values a label holds, and how many voxels have each, in the order of the values.

    Parameters
    ----------
    array
        Any shape; integers, or floats that stand for integers.

    Raises
    ------
    SegconvError
        ``SC055`` for NaN or infinity, ``SC071`` for fractions, ``SC072`` for negative values; each
        with the position of the first voxel.
    """
    try:
        low, high = value_range(array)
    except SegconvError as error:
        error.hint = "mend the label: such a voxel belongs to no class"  # what is put into images is no class either
        raise
    if array.dtype.kind == "f":
        for start, chunk in enumerate(chunks(array)):
            fractions = chunk != np.rint(chunk)
            if fractions.any():
                at = np.unravel_index(start * CHUNK_VOXELS + int(np.argmax(fractions)), array.shape)
                raise SegconvError(
                    f"holds the fraction {float(array[at]):g} at {_xyz(at)}; labels are whole numbers", code="SC071"
                )
    if low < 0:
        raise SegconvError(
            f"holds the negative value {low:g} at {position(array == low)}; labels begin at 0",
            code="SC072",
            hint="write another value in its place, such as 255: --map 255=background counts that as background then,"
            " and --labels NAME=VALUE,…,ignore=255 leaves it out of training",
        )
    # A comparison a value is a third of the time of a histogram, which widens every voxel to 64 bits.
    if high < FEW_VALUES:
        few = _counted(array, range(1, int(high) + 1))
        few[0] = array.size - sum(few.values())
        return {value: few[value] for value in sorted(few) if few[value]}
    ends = _counted(array, (int(low), int(high)))  # most masks have two values, such as 0 and 255
    if sum(ends.values()) == array.size:
        return ends
    if high < 1 << 16:
        counts = np.zeros(int(high) + 1, dtype=np.int64)
        for chunk in chunks(array):
            counts += np.bincount(chunk.astype(np.uint16, copy=False), minlength=counts.size)
        present = np.flatnonzero(counts)
        return {int(value): int(counts[value]) for value in present}
    values, numbers = np.unique(array, return_counts=True)
    return {int(value): int(number) for value, number in zip(values, numbers, strict=True)}


def _counted(array: NDArray[Any], values: Sequence[int]) -> dict[int, int]:
    """Return how many voxels have each of a few values."""
    counts = dict.fromkeys(values, 0)
    for chunk in chunks(array):
        for value in counts:
            counts[value] += int(np.count_nonzero(chunk == value))
    return counts


def position(mask: NDArray[Any]) -> tuple[int, ...]:
    """Return the index ``(x, y[, z])`` of the first voxel that is set in an array ``([z,] y, x)``."""
    return _xyz(np.unravel_index(int(np.argmax(mask)), mask.shape))


def remap(array: NDArray[Any], mapping: dict[int, int]) -> NDArray[Any]:
    """Return the label with each value replaced, in the smallest unsigned type that holds the new ones.

    Parameters
    ----------
    array
        Integer-valued, all of its values in `mapping`.
    mapping
        Value as found → value as written.
    """
    table = np.zeros(max(mapping) + 1, dtype=smallest_type(max(mapping.values())))
    for found, written in mapping.items():
        table[found] = written
    if array.dtype == np.uint8 and table.dtype == np.uint8 and array.flags.c_contiguous:
        # The table look-up of bytes takes a tenth of the time that numpy's takes.
        every = table.tobytes().ljust(256, b"\0")
        out = np.empty(array.shape, dtype=np.uint8)
        for part, chunk in zip(chunks(out), chunks(array), strict=True):
            part[:] = np.frombuffer(chunk.tobytes().translate(every), dtype=np.uint8)
        return out
    remapped: NDArray[Any] = table[array if array.dtype.kind in "iu" else array.astype(np.int64)]
    return remapped


def smallest_type(largest: int) -> np.dtype[Any]:
    """Return the smallest unsigned integer type that nnU-Net writes and that holds `largest`."""
    return np.dtype(np.uint8 if largest < 1 << 8 else np.uint16)


def _xyz(index: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in index)[::-1]


def saturated_value(value: float, dtype: np.dtype[Any]) -> float:
    """Return a value, or the nearest one that a floating-point type holds."""
    limits = np.finfo(dtype)
    return float(min(max(value, float(limits.min)), float(limits.max)))
