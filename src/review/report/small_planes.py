"""Draw planes in few pixels: the image in grey or colour, and the labels over it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...image.small_pictures import resized, resized_labels
from ..pictures.label_colours import colour_of
from ..pictures.planes import Plane
from ..pictures.windows import Window, windowed

Size = tuple[int, int]
"""Width and height in pixels."""

_FILLED = 90
_SOLID = 255
"""Opacity of the inside of a label, and of its outline."""

_FINER = 3
"""How many times finer than it is shown an image is kept at least, before it is shrunk by means."""

WRONG = (255, 0, 0)
"""Colour of voxels that differ."""


def fitted(plane: Plane, width: int, height: int) -> Size:
    """Return the largest size within a box in which a plane has the proportions of the patient."""
    rows, columns = plane.image.shape[:2]
    wide, high = columns * plane.spacing_mm[1], rows * plane.spacing_mm[0]
    scale = min(width / wide, height / high)
    return max(1, round(wide * scale)), max(1, round(high * scale))


def natural(plane: Plane, most: int) -> Size:
    """Return the size in which the finest pixels of a plane are one pixel, at most `most` wide and high."""
    finest = min(plane.spacing_mm)
    rows, columns = plane.image.shape[:2]
    wide, high = columns * plane.spacing_mm[1] / finest, rows * plane.spacing_mm[0] / finest
    side = min(most, max(1, round(max(wide, high))))
    return fitted(plane, side, side)


def grey(plane: Plane, window: Window, size: Size) -> NDArray[np.uint8]:
    """Return the image of a plane, ``(row, column)`` or ``(row, column, 3)``; black and white as the window says."""
    rows, columns = plane.image.shape[:2]
    # A large picture takes several times its memory as floats, and every other pixel shows the same.
    step = max(1, min(columns // (_FINER * size[0]), rows // (_FINER * size[1])))
    shades = np.rint(windowed(plane.image[::step, ::step], window) * np.float32(255)).astype(np.uint8)
    return resized(shades, *size)


def small_label(layer: NDArray[Any], size: Size) -> NDArray[np.uint32]:
    """Return a label in another size; see `small_pictures.resized_labels`."""
    values = [int(value) for value in np.unique(layer) if value]
    return resized_labels(layer, values, *size)


def in_colour(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a copy of a picture with a last axis of 3."""
    return np.stack([picture] * 3, axis=-1) if picture.ndim == 2 else picture.copy()


def outlined(picture: NDArray[np.uint8], label: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return a picture in colour with the outlines of a label of its size."""
    coloured = in_colour(picture)
    edge = edges(label)
    for value in np.unique(label[edge]):
        coloured[edge & (label == value)] = rgb(int(value))
    return coloured


def tinted(picture: NDArray[np.uint8], wrong: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return a picture in colour, with red over what is wrong."""
    coloured = in_colour(picture)
    share = _FILLED / _SOLID
    mixed = (1 - share) * coloured[wrong > 0] + share * np.array(WRONG)
    coloured[wrong > 0] = np.rint(mixed).astype(np.uint8)
    return coloured


def overlaid(label: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return a label as colours with opacity, ``(row, column, 4)``: outlines solid, insides half transparent."""
    layer = np.zeros((*label.shape, 4), dtype=np.uint8)
    edge = edges(label)
    for value in np.unique(label[label > 0]):
        inside = label == value
        layer[inside] = (*rgb(int(value)), _FILLED)
        layer[inside & edge, 3] = _SOLID
    return layer


def outlines_only(label: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the outlines of a label as colours with opacity, ``(row, column, 4)``."""
    layer = overlaid(label)
    layer[~edges(label)] = 0
    return layer


def marked(wrong: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return where a prediction is wrong as colours with opacity, ``(row, column, 4)``."""
    layer = np.zeros((*wrong.shape, 4), dtype=np.uint8)
    layer[wrong > 0] = (*WRONG, _FILLED)
    return layer


def edges(label: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which labelled pixels touch another value, or the edge of the picture."""
    framed = np.pad(label, 1)
    differs = np.zeros(label.shape, dtype=bool)
    for rows, columns in ((slice(2, None), slice(1, -1)), (slice(-2), slice(1, -1))):
        differs |= framed[rows, columns] != label
        differs |= framed[columns, rows] != label
    return differs & (label > 0)


def rgb(value: int) -> tuple[int, int, int]:
    """Return the colour of a label in all pictures, 0 to 255."""
    red, green, blue = (round(part * 255) for part in colour_of(value))
    return red, green, blue
