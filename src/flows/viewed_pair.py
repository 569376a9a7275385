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
from ..errors import naming
from ..image.grids import other_order
from ..review.pictures.case_picture import CasePicture, Colour, drawn
from ..review.pictures.label_colours import colour_of
from ..review.scores.case_masks import ScoredCase
from ..review.scores.declared import GROUND, Texts
from ..review.scores.found import LabelUnit
from ..review.scores.on_reference import on_one_box
from ..review.scores.opened_label import COLOURS, VALUES, Label, open_unit
from .viewed_case import Read, ReadCase, ViewTask, other_size, read_case

IGNORE = "ignore"


Arrays = Mapping[str, NDArray[np.bool_]]
"""Class → mask."""


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
    series
        Whether the image is a series of DICOM, and its files are slices.
    """

    image: ViewTask
    label: LabelUnit
    names: Mapping[str, str]
    numbers: Mapping[str, int]
    scored: ScoredCase | None = None
    title: str = ""
    series: bool = False

    @property
    def case(self) -> str:
        """Name of the pair."""
        return self.image.case

    def picture(self, read: Read) -> NDArray[np.uint8]:
        """Return the picture, ``(row, column, 3)``.

        Raises
        ------
        SegconvError
            ``SC082`` if image and segmentation differ in size; what reading the files raises.
        """
        found = _series(self.image, read) if self.series else read_case(self.image, read)
        label = _opened(self.label, found, read)
        if self.scored is None:
            layer = _layer_of(label, self, found.geometry.array_shape)
            shown = replace(found, label=layer.array)
        else:
            shown, layer = self._compared(found, label, self.scored, read)
        look = self.image.look
        planes, window = shown.planes(), shown.window(look)
        title = self.title or self.case
        return drawn(CasePicture(title, planes, window, layer.names, look.style, colours=layer.colours))

    def _compared(
        self, image: ReadCase, label: Label | Arrays, scored: ScoredCase, read: Read
    ) -> tuple[ReadCase, Layer]:
        """Return the case with label and prediction, and names and colours of both."""
        predicted = _opened(scored.pair[0] or self.label, image, read)
        mine, its = (self._classes_of(found, scored, side, image) for side, found in enumerate((predicted, label)))
        array, ignore = self._with_ignored(its.array, label, scored)
        names = {**its.names, **mine.names, **({} if ignore is None else {ignore: IGNORE})}
        shown = replace(image, label=array, prediction=mine.array, ignore=ignore)
        return shown, Layer(array, names, {value: colour_of(value) for value in names})

    def _classes_of(self, found: Label | Arrays, scored: ScoredCase, side: int, image: ReadCase) -> Layer:
        """Return a segmentation with a value for each class that was scored."""
        if isinstance(found, Label):
            masks = {name: _holds(found, texts[side]) for name, texts in scored.values.items()}
        else:
            masks = {name: mask for name, mask in found.items() if name in self.numbers}
        return _painted(masks, self.numbers, image.geometry.array_shape)

    def _with_ignored(
        self, array: NDArray[Any], label: Label | Arrays, scored: ScoredCase
    ) -> tuple[NDArray[Any], int | None]:
        """Return the label with a value where it is not scored, and that value; None if all of it is."""
        if not (isinstance(label, Label) and scored.ignore):
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


def _series(image: ViewTask, read: Read) -> ReadCase:
    from ..image.formats import dicom, dicom_folder  # bring SimpleITK

    for file in image.images:
        read(Path(file))  # so that the run records it
    folder = os.path.dirname(image.images[0])
    with naming(folder):
        volume = dicom.read_series(dicom_folder.one_series(folder))
    return ReadCase(volume.header, volume.values.reshape(volume.header.geometry.array_shape), None)


def _opened(unit: LabelUnit, image: ReadCase, read: Read) -> Label | Arrays:
    """Open a segmentation in the voxels of the image; masks of classes by their names."""
    for file in unit.files:
        read(Path(os.path.realpath(file)))  # so that the run records it
    found = open_unit(unit)
    if isinstance(found, Label):
        return _of_size(_in_order(found, image), image, unit)
    boxed = {name: _in_whole(found.open(name), image, unit.shown) for name in found.names}
    return {name: _of_size(label, image, unit).array > 0 for name, label in boxed.items()}


def _in_order(label: Label, image: ReadCase) -> Label:
    """Return a label with its voxels in the order of the image's, if both have the same points."""
    if label.grid is None or not image.header.placed:
        return label
    order = other_order(label.grid, image.geometry)
    return label if order is None else replace(label, array=order.array(label.array), grid=image.geometry)


def _in_whole(label: Label, image: ReadCase, file: str) -> Label:
    """Return a segment on the grid of the image: 3D Slicer stores only the box that it needs."""
    if label.grid is None or not image.header.placed:
        return label
    ones = np.ones(image.geometry.array_shape, np.uint8)
    return on_one_box(label, Label(ones, VALUES, {1: ones.size}, image.geometry), file)[0]


def _of_size(label: Label, image: ReadCase, unit: LabelUnit) -> Label:
    if label.array.shape != image.geometry.array_shape:
        raise other_size(unit.shown, label.array.shape[::-1], image.geometry.size, "the image")
    return label


def _layer_of(found: Label | Arrays, task: PairTask, shape: tuple[int, ...]) -> Layer:
    """Return a segmentation with the values that it holds, or with a value for each mask."""
    if not isinstance(found, Label):
        numbers = task.numbers or {name: number for number, name in enumerate(found, start=1)}
        return _painted(found, numbers, shape)
    texts = {value: text for value in found.counts if (text := _text(found, value)) not in GROUND}
    array = np.where(np.isin(found.array, [*texts]), found.array, 0)
    names = {value: task.names.get(text, found.names.get(value, "")) for value, text in texts.items()}
    return _in_own_colours(array, texts, names) if found.kind == COLOURS else Layer(array, names)


def _in_own_colours(array: NDArray[Any], texts: Mapping[int, str], names: Mapping[int, str]) -> Layer:
    named = {value: f"{text} {names[value]}".strip() for value, text in texts.items()}
    return Layer(array, named, {value: _colour(value) for value in texts})


def _painted(masks: Arrays, numbers: Mapping[str, int], shape: tuple[int, ...]) -> Layer:
    """Return masks as one array; where they overlap, the class with the higher number is drawn."""
    array = np.zeros(shape, dtype=np.uint16)
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
