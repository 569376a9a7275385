"""Examine arrays of voxels: finite or not, constant or not, and which label values.

All functions iterate along the first axis, so that no temporary is as large as the volume.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Cure, SegconvError

CHUNK_VOXELS = 1 << 20
FEW_VALUES = 8

_SMALL = 1 << 12
"""Up to so many voxels of 8 bits, one histogram takes less time than asking for the range first."""

MOST_VALUES = 4096
"""Most different values of a label; no set of labels has as many, images and numbered objects soon have more."""

_LONGEST_TABLE = 1 << 24
"""Larger values are looked up in a sorted list, as a table up to them would take as much memory as a volume."""

_FEW_WRITTEN = 6
"""Up to so many values, comparing with each is faster than a table."""

MOSTLY = 0.9
"""Fraction of the voxels of a smoothed mask that keep their value."""

SHARES = (0.005, *(step / 20 for step in range(1, 20)), 0.995)
"""Quantiles of the values of an image: half a percent, twentieths, and all but half a percent."""

SAMPLED_VOXELS = 1 << 16
"""Number of voxels, spread over the image, that quantiles are taken of; that takes a few milliseconds."""

LARGEST = float(np.finfo(np.float32).max)
"""Larger numbers are infinite for a network, which computes in 32 bits."""


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
        ``SC055`` if a voxel is NaN or infinite, with its position and the number of such voxels.
    """
    # NaN propagates to both, and infinity is one of them, so testing the extremes suffices.
    # In parts, because the second look at a part finds it in the cache.
    ends = [(part.min(), part.max()) for part in (chunks(array) if array.flags.c_contiguous else [array])]
    low, high = float(np.min([low for low, _ in ends])), float(np.max([high for _, high in ends]))
    if array.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        bad = ~np.isfinite(array)
        number = int(bad.sum())
        what = "voxel is" if number == 1 else "voxels are"
        raise SegconvError(
            f"{number} {what} NaN or infinite, the first at {position(bad)}; expected finite numbers",
            code="SC055",
        )
    return low, high


def shares_of(array: NDArray[Any]) -> tuple[float, ...]:
    """Return the quantiles `SHARES` of an image, from a deterministic sample of its voxels.

    Parameters
    ----------
    array
        ``(z, y, x)``, finite.
    """
    step = max(1, math.ceil((array.size / SAMPLED_VOXELS) ** (1 / array.ndim)))
    sample = array[(slice(step // 2, None, step),) * array.ndim]
    if not sample.size:  # an axis shorter than the step
        sample = array
    places = [min(int(share * sample.size), sample.size - 1) for share in SHARES]
    return tuple(map(float, np.partition(sample, places, axis=None)[places]))


def refuse_infinite_in_32_bits(low: float, high: float) -> None:
    """Raise ``SC055`` if the smallest or the largest value of an image is beyond `LARGEST`."""
    if max(-low, high) > LARGEST:
        reach = f"its values reach from {low:.3g} to {high:.3g}"
        raise SegconvError(
            f"{reach}; nnU-Net computes in 32 bits, where that is infinite",
            code="SC055",
            hint="correct the slope in its header, or divide its values",
        )


def label_values(array: NDArray[Any], most: int = MOST_VALUES) -> dict[int, int]:
    """Return value → number of voxels of a label, in the order of the values.

    Parameters
    ----------
    array
        Any shape; integers, or floats with integer values.
    most
        Maximum number of different values.

    Raises
    ------
    SegconvError
        ``SC055`` for NaN or infinity, ``SC071`` for fractions, ``SC072`` for negative values; each
        with the position of the first voxel. ``SC078`` for more values than `most`.
    """
    if array.dtype == np.uint8 and 0 < array.size <= _SMALL and most > np.iinfo(np.uint8).max:
        return dict(_counts_of(array.reshape(-1)))
    try:
        low, high = value_range(array)
    except SegconvError as error:
        # The replacement value of such voxels in images is not a class either.
        error.advise("correct the label: such a voxel belongs to no class")
        raise
    if array.dtype.kind == "f":
        _refuse_fractions(array)
    if low < 0:
        raise SegconvError(
            f"holds the negative value {low:g} at {position(array == low)}; labels begin at 0",
            code="SC072",
            hint="write another value in its place, such as 255, and say then whether that is background or left out of"
            " training",
        )
    # One comparison per value takes a third of the time of a histogram, which converts every voxel to 64 bits.
    if high < FEW_VALUES:
        few = _counted(array, range(1, int(high) + 1))
        few[0] = array.size - sum(few.values())
        return {value: few[value] for value in sorted(few) if few[value]}
    ends = _counted(array, (int(low), int(high)))  # most masks have two values, such as 0 and 255
    if sum(ends.values()) == array.size:
        return ends
    return _histogram(array, int(high), most) if high < 1 << 16 else tally(array, most)


def _refuse_fractions(array: NDArray[Any]) -> None:
    for start, chunk in enumerate(chunks(array)):
        fractions = chunk != np.rint(chunk)
        if fractions.any():
            at = np.unravel_index(start * CHUNK_VOXELS + int(np.argmax(fractions)), array.shape)
            raise SegconvError(
                f"holds the fraction {float(array[at]):g} at {_xyz(at)}; labels are whole numbers", code="SC071"
            )


def _histogram(array: NDArray[Any], high: int, most: int) -> dict[int, int]:
    """Return value → number of voxels of an array of whole numbers from 0 to `high`; see `tally`."""
    counts = np.zeros(high + 1, dtype=np.int64)
    for chunk in chunks(array):
        counts += np.bincount(chunk.astype(np.uint16, copy=False), minlength=counts.size)
    present = np.flatnonzero(counts)
    if len(present) > most:
        raise _too_many(array, present, counts[present], most, "values")
    return {int(value): int(counts[value]) for value in present}


def tally(array: NDArray[Any], most: int = MOST_VALUES, what: str = "values") -> dict[int, int]:
    """Return value → number of voxels of an integer-valued array; stop once there are too many.

    Parameters
    ----------
    array
        Any shape.
    most
        Maximum number of different values.
    what
        Is counted: ``"values"`` or ``"colours"``.

    Raises
    ------
    SegconvError
        ``SC078`` for more values than `most`, with what the array looks like instead.
    """
    values, numbers = np.zeros(0, array.dtype), np.zeros(0, np.int64)
    for chunk in chunks(array):
        found, many = np.unique(chunk, return_counts=True)
        merged = np.union1d(values, found)
        totals = np.zeros(len(merged), np.int64)
        totals[np.searchsorted(merged, values)] += numbers
        totals[np.searchsorted(merged, found)] += many
        values, numbers = merged, totals
        if len(values) > most:
            raise _too_many(array, values, numbers, most, what)
    return {int(value): int(number) for value, number in zip(values, numbers, strict=True)}


def _too_many(array: NDArray[Any], values: NDArray[Any], numbers: NDArray[Any], most: int, what: str) -> SegconvError:
    """Return the error for an array that is not a label, with a guess of its kind by the values counted so far."""
    rare_to_often = np.argsort(numbers)
    ground, ink = sorted(int(value) for value in values[rare_to_often[-2:]])
    first = array.reshape(-1)[:CHUNK_VOXELS]
    inside = first[:-1] != values[rare_to_often[-1]]
    cures: list[Cure] = []
    if what == "values" and ground == 0 and int(numbers[rare_to_often[-2:]].sum()) > MOSTLY * int(numbers.sum()):
        seems = f": nearly all voxels are 0 or {ink}, as in a mask that was smoothed or resized"
        hint = "export the mask without smoothing"
        cures = [Cure.of("snap_smoothed", value=ink, distance=ink // 2)]
    elif 2 * np.count_nonzero((first[1:] == first[:-1])[inside]) > np.count_nonzero(inside):
        seems = ", as a map of numbered objects does, expected one per class"
        hint = "write one value per class instead of one per object: nnU-Net learns classes"
    else:
        seems = ", as an image does, expected one per class"
        hint = "check which of the files is the image, and which the label"
    return SegconvError(f"holds more than {most} different {what}{seems}", code="SC078", hint=hint, cures=cures)


def _counted(array: NDArray[Any], values: Sequence[int]) -> dict[int, int]:
    """Return value → number of voxels, for a few values."""
    counts = dict.fromkeys(values, 0)
    for chunk in chunks(array):
        for value in counts:
            counts[value] += int(np.count_nonzero(chunk == value))
    return counts


def border_counts(values: NDArray[Any]) -> dict[int, int]:
    """Return value → number of voxels in the outermost rows and columns, or in the six faces of a volume."""
    faces = [
        values[(slice(None),) * axis + (at,)].ravel()
        for axis, length in enumerate(values.shape)
        if length > 2 or values.ndim == 2  # a volume of one slice has the border of its slice
        for at in {0, length - 1}
    ]
    return dict(_counts_of(np.concatenate(faces))) if faces else {}


def _counts_of(values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield each value, in order, with how often it occurs."""
    if values.dtype == np.uint8:  # most masks; without sorting
        counts = np.bincount(values)
        (found,) = counts.nonzero()
        return zip(found.tolist(), counts[found].tolist(), strict=True)
    found, numbers = np.unique(values, return_counts=True)
    return zip(map(int, found), numbers.tolist(), strict=True)


def position(mask: NDArray[Any]) -> tuple[int, ...]:
    """Return the index ``(x, y[, z])`` of the first voxel set in an array ``([z,] y, x)``."""
    return _xyz(np.unravel_index(int(np.argmax(mask)), mask.shape))


def remap(array: NDArray[Any], mapping: dict[int, int]) -> NDArray[Any]:
    """Return the label with each value replaced, in the smallest unsigned type that holds the new ones.

    Parameters
    ----------
    array
        Integer-valued; all values are in `mapping`.
    mapping
        Old value → new value.
    """
    if max(mapping) >= _LONGEST_TABLE:
        return _searched(array, mapping)
    if sum(map(bool, mapping.values())) <= _FEW_WRITTEN and max(mapping.values()) < 1 << 8 and array.flags.c_contiguous:
        return _compared(array, mapping)
    table = np.zeros(max(mapping) + 1, dtype=smallest_type(max(mapping.values())))
    for found, written in mapping.items():
        table[found] = written
    if array.dtype == np.uint8 and table.dtype == np.uint8 and array.flags.c_contiguous:
        return _translated(array, table)
    remapped: NDArray[Any] = table[array if array.dtype.kind in "iu" else array.astype(np.int64)]
    return remapped


def _compared(array: NDArray[Any], mapping: dict[int, int]) -> NDArray[Any]:
    """Compare with each value that does not become 0."""
    out = np.zeros(array.shape, np.uint8)
    for part, chunk in zip(chunks(out), chunks(array), strict=True):
        for found, written in mapping.items():
            if written:
                part |= (chunk == found).view(np.uint8) * np.uint8(written)
    return out


def _searched(array: NDArray[Any], mapping: dict[int, int]) -> NDArray[Any]:
    """Look values up in a sorted list."""
    largest = np.iinfo(array.dtype).max if array.dtype.kind in "iu" else np.inf
    ordered = [value for value in sorted(mapping) if value <= largest]  # the others cannot occur
    new = np.array([mapping[value] for value in ordered], smallest_type(max(mapping.values())))
    return np.asarray(new[np.searchsorted(np.array(ordered, array.dtype), array)])


def _translated(array: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Map bytes with `bytes.translate`, which takes a tenth of the time of numpy's look-up."""
    every = table[:256].tobytes().ljust(256, b"\0")  # larger values are of other files, with 16 bits
    out = np.empty(array.shape, dtype=np.uint8)
    for part, chunk in zip(chunks(out), chunks(array), strict=True):
        part[:] = np.frombuffer(chunk.tobytes().translate(every), dtype=np.uint8)
    return out


def smallest_type(largest: int) -> np.dtype[Any]:
    """Return the smallest unsigned integer type that holds `largest`: 8 or 16 bits for what nnU-Net writes."""
    return np.min_scalar_type(largest)


def _xyz(index: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in index)[::-1]


def saturated_value(value: float, dtype: np.dtype[Any]) -> float:
    """Return a value, or the nearest one that a floating-point type holds."""
    limits = np.finfo(dtype)
    return float(min(max(value, float(limits.min)), float(limits.max)))
