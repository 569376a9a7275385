"""Read an image and segmentations of it, in any form, and draw them, in a worker."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import RGB, value_text
from ..dataset.lineage import PREDICTION
from ..review.pictures.case_picture import CasePicture, Colour, drawn
from ..review.pictures.label_colours import colour_of
from ..review.scores.case_masks import ScoredCase
from ..review.scores.declared import GROUND, Texts
from ..review.scores.found import LabelUnit
from ..review.scores.opened_label import COLOURS, Label, Masks, open_unit
from .viewed_case import Read, ReadCase, ViewTask, other_size, read_case

IGNORE = "ignore"


@dataclass(frozen=True)
class PairTask:
    """What a worker needs to draw an image with its segmentation.

    Parameters
    ----------
    image
        What reads and draws the image.
    label
        Files of its segmentation.
    names
        Value or colour, as text → name, as far as it is declared.
    numbers
        Class → the value that it is drawn with, of masks of classes, and of classes that were scored.
    scored
        A prediction to draw over the segmentation, and its classes; or None.
    title
        Above the picture; the case if empty.
    """

    image: ViewTask
    label: LabelUnit
    names: Mapping[str, str]
    numbers: Mapping[str, int]
    scored: ScoredCase | None = None
    title: str = ""

    @property
    def case(self) -> str:
        """Name of the pair."""
        return self.image.case

    @property
    def split(self) -> str:
        """It is in no dataset."""
        return PREDICTION

    def picture(self, read: Read) -> NDArray[np.uint8]:
        """Return the picture, ``(row, column, 3)``.

        Raises
        ------
        SegconvError
            ``SC082`` if image and segmentation differ in size; what reading the files raises.
        """
        found = read_case(self.image, read)
        label = _opened(self.label, found, read)
        if self.scored is None:
            layer = _layer_of(label, self)
            shown = replace(found, label=layer.array)
        else:
            layer = self._classes_of(label, self.scored, 1)
            predicted = self._classes_of(_opened(self.scored.pair[0] or self.label, found, read), self.scored, 0)
            array, ignore = self._with_ignored(layer.array, label, self.scored)
            shown = replace(found, label=array, prediction=predicted.array, ignore=ignore)
            names = {**layer.names, **predicted.names, **({} if ignore is None else {ignore: IGNORE})}
            layer = Layer(layer.array, names, {value: colour_of(value) for value in names})
        look = self.image.look
        planes, window = shown.planes(), shown.window(look)
        title = self.title or self.case
        return drawn(CasePicture(title, planes, window, layer.names, look.style, colours=layer.colours))

    def _classes_of(self, found: Label | Masks, scored: ScoredCase, side: int) -> Layer:
        """Return a segmentation with a value for each class that was scored."""
        if isinstance(found, Masks):
            masks = {name: found.open(name).array > 0 for name in found.names if name in self.numbers}
        else:
            masks = {name: _holds(found, texts[side]) for name, texts in scored.values.items()}
        return _painted(masks, self.numbers)

    def _with_ignored(
        self, array: NDArray[Any], label: Label | Masks, scored: ScoredCase
    ) -> tuple[NDArray[Any], int | None]:
        """Return the label with a value where it is not scored, and that value; None if all of it is."""
        if isinstance(label, Masks) or not scored.ignore:
            return array, None
        ignore = max(self.numbers.values()) + 1
        return np.where(_holds(label, scored.ignore), ignore, array), ignore


@dataclass(frozen=True)
class Layer:
    """One value per voxel, as it is drawn.

    Parameters
    ----------
    array
        ``(z, y, x)`` or ``(y, x)``; 0 is background.
    names
        Value → name, of those that occur.
    colours
        Value → colour, where the values are not those of the files, or are colours.
    """

    array: NDArray[Any]
    names: Mapping[int, str]
    colours: Mapping[int, Colour] = field(default_factory=dict)


def _opened(unit: LabelUnit, image: ReadCase, read: Read) -> Label | Masks:
    """Open a segmentation; refuse one of another size than the image."""
    for file in unit.files:
        read(Path(os.path.realpath(file)))  # so that the run records it
    found = open_unit(unit)
    shape = found.open(found.names[0]).array.shape if isinstance(found, Masks) else found.array.shape
    if shape != image.geometry.array_shape:
        raise other_size(unit.shown, shape[::-1], image.geometry.size, "the image")
    return found


def _layer_of(found: Label | Masks, task: PairTask) -> Layer:
    """Return a segmentation with the values that it holds, or with a value for each mask."""
    if isinstance(found, Masks):
        numbers = task.numbers or {name: number for number, name in enumerate(found.names, start=1)}
        return _painted({name: found.open(name).array > 0 for name in found.names}, numbers)
    texts = {value: text for value in found.counts if (text := _text(found, value)) not in GROUND}
    array = np.where(np.isin(found.array, [*texts]), found.array, 0)
    names = {value: task.names.get(text, found.names.get(value, "")) for value, text in texts.items()}
    return _in_own_colours(array, texts, names) if found.kind == COLOURS else Layer(array, names)


def _in_own_colours(array: NDArray[Any], texts: Mapping[int, str], names: Mapping[int, str]) -> Layer:
    named = {value: f"{text} {names[value]}".strip() for value, text in texts.items()}
    return Layer(array, named, {value: _colour(value) for value in texts})


def _painted(masks: Mapping[str, NDArray[np.bool_]], numbers: Mapping[str, int]) -> Layer:
    """Return masks as one array; where they overlap, the class with the higher number is drawn."""
    array = np.zeros(next(iter(masks.values())).shape, dtype=np.uint16)
    for name in sorted(masks, key=numbers.__getitem__):
        array[masks[name]] = numbers[name]
    return Layer(array, {numbers[name]: name for name, mask in masks.items() if mask.any()})


def _holds(label: Label, texts: Texts) -> NDArray[np.bool_]:
    """Return where a label has one of some values, which are indices or colours in a palette."""
    values = [value for value in label.counts if {label.text(value), _text(label, value)} & texts]
    return np.isin(label.array, values)


def _text(label: Label, value: int) -> str:
    """Return a value as text; of an index its colour."""
    return value_text(label.palette[value], RGB) if value in label.palette else label.text(value)


def _colour(code: int) -> Colour:
    return (code >> 16 & 255) / 255, (code >> 8 & 255) / 255, (code & 255) / 255
