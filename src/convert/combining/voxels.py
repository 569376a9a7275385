"""Unite masks into a label map, block by block."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from ...image.voxels import chunks, label_values, smallest_type


class Union:
    """A label map that grows mask by mask; the first mask that holds a voxel keeps it.

    Parameters
    ----------
    shape
        Of every mask, ``(z, y, x)``.
    values
        How many values the masks have at most.

    Attributes
    ----------
    array
        The label map.
    counts
        Value → number of its voxels.
    overlaps
        ``(value that has it, value of a later mask)`` → number of voxels that both want.
    """

    def __init__(self, shape: tuple[int, ...], values: int) -> None:
        self.array: NDArray[Any] = np.zeros(shape, smallest_type(values))
        self.counts: Counter[int] = Counter()
        self.overlaps: Counter[tuple[int, int]] = Counter()

    def add(self, mask: NDArray[Any], value: int) -> None:
        """Give a value to the voxels of a mask that have none yet.

        Parameters
        ----------
        mask
            Background is 0, and all else one value.

        Raises
        ------
        SegconvError
            ``SC078`` if it has several values; what `label_values` raises.
        """
        if mask.dtype.kind != "u":
            label_values(mask)  # proves that there are no fractions, no negative values, and no NaN
        inside = int(mask.max(initial=0))
        if not inside:
            return
        for own, part in zip(chunks(self.array), chunks(mask), strict=True):
            if not part.max():
                continue
            on = part == inside
            if np.count_nonzero(on) != np.count_nonzero(part):
                raise _several_values(mask)
            self._give(own, on, value)

    def _give(self, own: NDArray[Any], on: NDArray[np.bool_], value: int) -> None:
        if own.max():
            taken = on & (own != 0)
            for other, number in zip(*np.unique(own[taken], return_counts=True), strict=True):
                if other != value:
                    self.overlaps[int(other), value] += int(number)
            on &= ~taken
        np.copyto(own, value, where=on)
        self.counts[value] += int(np.count_nonzero(on))


def _several_values(mask: NDArray[Any]) -> SegconvError:
    found = sorted(label_values(mask))
    return SegconvError(
        f"holds the values {', '.join(map(str, found[:6]))}{' …' if len(found) > 6 else ''},"
        " expected a mask: 0 and one other value",
        code="SC078",
        hint="give the folder of masks of one class each, or files that hold all classes",
    )
