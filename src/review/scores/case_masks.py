"""Open the labels of a scored case again, as one mask per class on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

Box = tuple[slice, ...]

_MOST_BOXES = 1 << 16
"""Largest value up to which boxes of values are found; colours are larger."""


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
    """Yield class, mask in prediction and in reference, and the grid of their label.

    Masks are cut to what both need, with a margin of a voxel inside the label.
    """
    unit, its = case.pair
    reference = open_unit(its)
    prediction = None if unit is None else open_unit(unit)
    if isinstance(reference, Masks):
        predictions = prediction if isinstance(prediction, Masks) else Masks(())
        for name in case.overlaps:
            yield (name, *_of_class(name, predictions, reference, its.shown))
    else:
        placed = on_reference(prediction, reference, its.shown)[0] if isinstance(prediction, Label) else None
        yield from _of_labels(case, placed, reference)


def _of_labels(
    case: ScoredCase, prediction: Label | None, reference: Label
) -> Iterator[tuple[str, Mask, Mask, Geometry | None]]:
    """Yield what `masks_of` does, for labels on one grid; a missing prediction is empty."""
    predicted = None if prediction is None else _Values(prediction)
    wanted = _Values(reference)
    for name, (mine, its) in case.values.items():
        boxes = [wanted.box(its), None if predicted is None else predicted.box(mine)]
        box = _union(boxes, reference.array.shape)
        counts = ~wanted.mask(case.ignore, box)
        none = np.zeros_like(counts)
        yield (
            name,
            none if predicted is None else predicted.mask(mine, box) & counts,
            wanted.mask(its, box) & counts,
            reference.grid,
        )


class _Values:
    """The values of a label: where they are, and their masks."""

    def __init__(self, label: Label) -> None:
        from scipy import ndimage

        self._label = label
        self._boxes: list[Box | None] | None = None
        if max(label.counts, default=0) <= _MOST_BOXES:
            whole = label.array if label.array.dtype.kind in "iu" else label.array.astype(np.int32)
            self._boxes = ndimage.find_objects(whole)

    def box(self, texts: Texts) -> Box | None:
        """Return a box that holds all voxels of some values; None without any."""
        found = [self._box(value) for value in self._values(texts)]
        return _union(found, self._label.array.shape, margin=0) if found else None

    def mask(self, texts: Texts, box: Box) -> Mask:
        """Return the mask of some values in a box."""
        values = self._values(texts)
        array: NDArray[Any] = self._label.array[box]
        if len(values) == 1:
            return np.asarray(array == values[0])
        return np.isin(array, values) if values else np.zeros(array.shape, dtype=bool)

    def _values(self, texts: Texts) -> list[int]:
        return [value for value in self._label.counts if self._label.text(value) in texts]

    def _box(self, value: int) -> Box:
        found = self._boxes[value - 1] if self._boxes is not None and value else None
        return found or tuple(slice(0, length) for length in self._label.array.shape)


def _union(boxes: Sequence[Box | None], shape: tuple[int, ...], margin: int = 1) -> Box:
    """Return the smallest box that holds all boxes and a margin within the shape; a single voxel without any box."""
    known = [box for box in boxes if box is not None]
    if not known:
        return tuple(slice(0, 1) for _ in shape)
    return tuple(
        slice(max(min(one.start for one in along) - margin, 0), min(max(one.stop for one in along) + margin, length))
        for along, length in zip(zip(*known, strict=True), shape, strict=True)
    )


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
