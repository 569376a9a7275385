"""Open the labels of a scored case again, as one mask per class on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from ...image.geometry import Geometry
from ...work.held import AGAIN
from .declared import Texts
from .dice import Overlap
from .found import LabelUnit
from .on_reference import on_one_box, on_reference
from .opened_label import Label, Masks, open_unit
from .surfaces import Mask

Pair = tuple[LabelUnit | None, LabelUnit]
"""Prediction, or None if it is missing, and reference."""


@dataclass(frozen=True)
class ScoredCase:
    """A case, and what was scored in it.

    Parameters
    ----------
    pair
        Its files.
    overlaps
        Class → overlap.
    values
        Class → its values as stored in prediction and reference; empty for masks of classes.
    ignore
        Values of the reference whose voxels do not count.
    """

    pair: Pair
    overlaps: Mapping[str, Overlap]
    values: Mapping[str, tuple[Texts, Texts]] = field(default_factory=dict)
    ignore: Texts = frozenset()

    @property
    def files(self) -> list[str]:
        """All files of both sides."""
        return [file for unit in self.pair if unit is not None for file in unit.files]

    @property
    def decoded_bytes(self) -> int:
        """Decoded size of both sides."""
        return sum(unit.decoded_bytes for unit in self.pair if unit is not None)


def masks_of(case: ScoredCase) -> Iterator[tuple[str, Mask, Mask, Geometry | None]]:
    """Yield class, mask in prediction and in reference, and the grid of both."""
    unit, its = case.pair
    reference = open_unit(its)
    prediction = None if unit is None else open_unit(unit)
    if isinstance(reference, Masks):
        predictions = prediction if isinstance(prediction, Masks) else Masks(())
        for name in case.overlaps:
            yield (name, *_of_class(name, predictions, reference, its.shown))
        return
    placed = on_reference(prediction, reference, its.shown)[0] if isinstance(prediction, Label) else None
    counts = ~_of_values(reference, case.ignore)
    for name, (mine, wanted) in case.values.items():
        predicted = np.zeros_like(counts) if placed is None else _of_values(placed, mine) & counts
        yield name, predicted, _of_values(reference, wanted) & counts, reference.grid


def _of_values(label: Label, texts: Texts) -> Mask:
    values = [value for value in label.counts if label.text(value) in texts]
    array: NDArray[Any] = label.array
    if len(values) == 1:
        return np.asarray(array == values[0])
    return np.isin(array, values) if values else np.zeros(array.shape, dtype=bool)


def _of_class(name: str, prediction: Masks, reference: Masks, file: str) -> tuple[Mask, Mask, Geometry | None]:
    """Return two masks of a class on one grid, and that; a missing mask is empty."""
    mine, its = _opened(name, prediction), _opened(name, reference)
    in_boxes = prediction.segmentation is not None or reference.segmentation is not None
    if mine is not None and its is not None:
        mine, its = _placed(mine, its, file, in_boxes=in_boxes)
    shown = its or mine
    if shown is None:
        raise SegconvError(f"has no mask of {name} on either side", code="SC062", hint=AGAIN)
    none = np.zeros(shown.array.shape, dtype=bool)
    masks = [none if one is None else one.array != 0 for one in (mine, its)]
    if in_boxes:  # the box that 3D Slicer cuts out may be a single slice of a volume
        masks = [np.pad(mask, 1) for mask in masks]
    return masks[0], masks[1], shown.grid


def _opened(name: str, masks: Masks) -> Label | None:
    return masks.open(name) if name in masks.names else None


def _placed(mine: Label, its: Label, file: str, *, in_boxes: bool) -> tuple[Label, Label]:
    """Return two masks of a class on one grid."""
    if in_boxes:
        return on_one_box(mine, its, file)[:2]
    return on_reference(mine, its, file)[0], its
