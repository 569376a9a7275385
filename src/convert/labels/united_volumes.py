"""Unite numbered masks of one volume, one object each, into its label (``--unite-masks``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError


def union_of(masks: Sequence[NDArray[np.generic]], names: Sequence[str]) -> NDArray[np.generic]:
    """Return the union of masks on one grid, with the value that they share.

    Parameters
    ----------
    masks
        ``(z, y, x)``: 0 and one other value.
    names
        Their file names, for messages.

    Raises
    ------
    SegconvError
        ``SC078`` if one holds several values, or two hold different ones: united they would be classes.
    """
    held: dict[int, str] = {}
    union = np.zeros(masks[0].shape, np.result_type(*masks))
    for mask, name in zip(masks, names, strict=True):
        on = [value for value in np.unique(mask).tolist() if value]
        if len(on) > 1:
            raise SegconvError(
                f"is the mask of one object, but holds the values {', '.join(f'{value:g}' for value in on[:5])}",
                code="SC078",
                file=name,
                hint="expected 0 and one other value",
            )
        held |= {value: name for value in on if value not in held}
        if len(held) > 1:
            (one, other), (first, second) = held, held.values()
            raise SegconvError(
                f"holds {other:g} where {first} holds {one:g}: united they would be two classes",
                code="SC078",
                file=second,
                hint="give both one value, if both are of one class; otherwise merge them into one label map",
            )
        np.maximum(union, mask, out=union)
    return union


def parts_united(parts: Iterable[NDArray[np.generic]], names: Sequence[str]) -> Iterator[NDArray[np.generic]]:
    """Yield the union of the files of a label, to check it before planning."""
    masks = list(parts)
    if len({mask.shape for mask in masks}) == 1:
        yield union_of(masks, names)
    else:
        yield from masks  # of other sizes, which is reported when they are placed
