"""Count pairs of values of a prediction and its reference once; all overlap scores follow from the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import RGB, value_text
from ...errors import Finding, SegconvError, naming, warning
from ...image.voxels import chunks
from .dice import Overlap
from .found import LabelUnit
from .on_reference import on_one_box, on_reference
from .opened_label import MASKS, Label, Masks, open_unit

FEW_PAIRS = 1 << 16
"""Up to so many pairs of values all are counted; of more, those that occur."""

_LOOKED_UP = 1 << 16
_MANY = 64
_OF_IMAGES = ("SC055", "SC056", "SC071", "SC072", "SC073", "SC078")
"""Codes of a file that is not a label: fractions, negative or too many values, several values per voxel."""


@dataclass(frozen=True)
class Contents:
    """The contents of the label of one case.

    Parameters
    ----------
    file
        The file or folder.
    kind
        See `opened_label`.
    counts
        Value or colour as text → number of voxels.
    palette
        Index → colour.
    names
        Value → name, if the file's header names values.
    """

    file: str
    kind: str
    counts: Mapping[str, int]
    palette: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tally:
    """One case, counted.

    Parameters
    ----------
    case
        Its name.
    prediction, reference
        Contents of both; None for a missing prediction.
    together
        Value of the prediction and of the reference → number of voxels with both.
    masks
        For masks of classes instead: class → overlap.
    missing
        For masks: classes with a reference but without a prediction.
    absent
        For masks: classes with a prediction but without a reference.
    images
        Files among the masks of the reference that are not masks.
    findings
        Errors if the case cannot be counted, and warnings.
    """

    case: str
    prediction: Contents | None = None
    reference: Contents | None = None
    together: Mapping[tuple[str, str], int] = field(default_factory=dict)
    masks: Mapping[str, Overlap] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def held(self) -> list[Contents]:
        """Contents of its sides."""
        return [held for held in (self.prediction, self.reference) if held is not None]

    @property
    def kinds(self) -> set[str]:
        """Kinds of labels of its sides; see `opened_label`."""
        return {held.kind for held in self.held}

    @property
    def reference_values(self) -> list[str]:
        """Values of the reference, or classes of its masks."""
        return list(self.reference.counts) if self.reference is not None else []

    @property
    def predicted_masks(self) -> list[str]:
        """Classes with a mask in the prediction."""
        return list(self.prediction.counts) if self.prediction is not None else []

    @property
    def reference_masks(self) -> list[str]:
        """Classes with a mask in the reference, rather than an image of that name."""
        return [name for name in self.reference_values if name in self.masks and name not in self.absent]


def count_case(pair: tuple[LabelUnit | None, LabelUnit], wanted: Collection[str] | None = None) -> Tally:
    """Count one case in a worker; errors in its files become findings.

    Parameters
    ----------
    pair
        Prediction, or None if it is missing, and reference.
    wanted
        For masks of classes: classes that any reference has; None if unknown.
    """
    unit, its = pair
    try:
        with naming(its.shown):
            reference = open_unit(its)
        if unit is None:
            return _without_prediction(its, reference)
        with naming(unit.shown):
            prediction = open_unit(unit)
        if isinstance(prediction, Masks) and isinstance(reference, Masks):
            return _of_masks(unit, prediction, its, reference, wanted)
        if isinstance(prediction, Label) and isinstance(reference, Label):
            return _of_labels(unit, prediction, its, reference)
        return Tally(its.name, _held(unit, prediction), _held(its, reference))
    except SegconvError as error:
        return Tally(its.name, findings=error.findings)


def is_no_label(unit: LabelUnit, held: Collection[str]) -> bool:
    """Return whether a file cannot be a label, but is an image next to one: by its kind, or by too many values.

    Parameters
    ----------
    held
        Values that labels hold.
    """
    try:
        label = open_unit(unit)
    except SegconvError as error:
        return error.code in _OF_IMAGES
    return isinstance(label, Label) and len(label.counts) > _MANY and not {*map(label.text, label.counts)} <= {*held}


def _without_prediction(unit: LabelUnit, reference: Label | Masks) -> Tally:
    """Return the contents of a reference without a prediction."""
    held = _held(unit, reference)
    if not isinstance(reference, Masks):
        return Tally(unit.name, None, held)
    masks, images = _unpredicted(reference, reference.names)
    return Tally(unit.name, None, held, masks=masks, missing=tuple(masks), images=images)


def _unpredicted(reference: Masks, names: Iterable[str]) -> tuple[dict[str, Overlap], tuple[str, ...]]:
    """Return the overlaps of masks of a reference with an empty prediction, and the image files among them."""
    masks, images = {}, []
    for name in names:
        mask = _mask_or_none(reference, name)
        if mask is None:
            images.append(reference.files[name])
        else:
            masks[name] = Overlap(0, 0, mask.counts.get(1, 0))
    return masks, tuple(images)


def _mask_or_none(reference: Masks, name: str) -> Label | None:
    """Return one of the masks of a reference; None for an image among them."""
    try:
        return reference.open(name)
    except SegconvError as error:
        if error.code not in _OF_IMAGES:
            raise
        return None


def _of_labels(unit: LabelUnit, prediction: Label, its: LabelUnit, reference: Label) -> Tally:
    placed, findings = on_reference(prediction, reference, unit.shown)
    odd = [*_oddities(prediction, unit.shown), *_oddities(reference, its.shown), *findings]
    together = _together(placed, reference)
    return Tally(its.name, _held(unit, prediction), _held(its, reference), together, findings=tuple(odd))


def _of_masks(
    unit: LabelUnit, prediction: Masks, its: LabelUnit, reference: Masks, wanted: Collection[str] | None
) -> Tally:
    unpredicted, images = _unpredicted(reference, [name for name in reference.names if name not in prediction.names])
    masks = dict(unpredicted)
    findings: list[Finding] = []
    for name in reference.names:
        if name in prediction.names:
            masks[name], odd = _overlap(name, prediction, reference, prediction.files.get(name, unit.shown))
            findings += odd
    absent = [name for name in prediction.names if name not in reference.names]
    for name in absent:
        if wanted is None or name in wanted:
            masks[name] = Overlap(0, prediction.open(name).counts.get(1, 0), 0)
    return Tally(
        its.name,
        _held(unit, prediction),
        _held(its, reference),
        masks=masks,
        missing=tuple(unpredicted),
        absent=tuple(absent),
        images=images,
        findings=tuple(dict.fromkeys(findings)),
    )


def _overlap(name: str, prediction: Masks, reference: Masks, file: str) -> tuple[Overlap, list[Finding]]:
    """Return the overlap of two masks of a class, and the oddities of the first, which is in `file`."""
    mine, its = prediction.open(name), reference.open(name)
    odd = _oddities(mine, file)
    if prediction.segmentation is None and reference.segmentation is None:
        mine, found = on_reference(mine, its, file)
    else:
        mine, its, found = on_one_box(mine, its, file)
    both = int(np.count_nonzero(mine.array & its.array))
    return Overlap(both, mine.counts.get(1, 0), its.counts.get(1, 0)), [*odd, *found]


def _held(unit: LabelUnit, label: Label | Masks) -> Contents:
    if isinstance(label, Masks):
        return Contents(unit.shown, MASKS, dict.fromkeys(label.names, 0))
    palette = {str(index): value_text(colour, RGB) for index, colour in label.palette.items()}
    counts = {label.text(value): number for value, number in label.counts.items()}
    names = {str(value): name for value, name in label.names.items()}
    return Contents(unit.shown, label.kind, counts, palette, names)


def _oddities(label: Label, file: str) -> list[Finding]:
    return [warning(code, message, file=file) for code, message in label.oddities]


def _together(prediction: Label, reference: Label) -> dict[tuple[str, str], int]:
    """Return the number of voxels per pair of values; both arrays have one shape."""
    mine, its = list(prediction.counts), list(reference.counts)
    ranks = (_Ranks(mine), _Ranks(its))
    pieces = (chunks(np.ascontiguousarray(array)) for array in (prediction.array, reference.array))
    found: Counter[int] = Counter()
    for one, other in zip(*pieces, strict=True):
        pair = ranks[0](one) * len(its) + ranks[1](other)
        if len(mine) * len(its) <= FEW_PAIRS:
            counts = np.bincount(pair, minlength=len(mine) * len(its))
            there = np.flatnonzero(counts)
            found.update(dict(zip(there.tolist(), counts[there].tolist(), strict=True)))
        else:
            codes, numbers = np.unique(pair, return_counts=True)
            found.update(dict(zip(codes.tolist(), numbers.tolist(), strict=True)))
    return {
        (prediction.text(mine[code // len(its)]), reference.text(its[code % len(its)])): number
        for code, number in sorted(found.items())
    }


class _Ranks:
    """Turns voxels into the ranks of their values."""

    def __init__(self, values: list[int]) -> None:
        self._values = np.array(sorted(values))
        self._table: NDArray[Any] | None = None
        order = {value: rank for rank, value in enumerate(values)}
        self._ranks = np.array([order[value] for value in sorted(values)], dtype=np.intp)
        if values and max(values) < _LOOKED_UP:
            self._table = np.zeros(max(values) + 1, dtype=np.intp)
            self._table[self._values] = self._ranks

    def __call__(self, voxels: NDArray[Any]) -> NDArray[Any]:
        if self._table is not None:
            found: NDArray[Any] = self._table[voxels.astype(np.intp, copy=False)]
            return found
        return self._ranks[np.searchsorted(self._values, voxels)]
