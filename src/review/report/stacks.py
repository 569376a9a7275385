"""The slices of a case for a slice viewer: one mosaic of the image, and one of each layer over it."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...image.small_pictures import LARGEST, lossless, lossy
from ...words import some_of
from ..pictures.planes import Plane
from ..pictures.windows import Window
from . import small_planes
from .decoded_case import DecodedCase, values_in
from .picture_facts import LABEL_LAYER, PREDICTION_LAYER, WRONG_LAYER, Layer, Stack
from .small_planes import Size

MOST_SLICES = 40
MOST_SIDE = 256
"""Slices of a case, and pixels of a side of one, that a page shows at most."""

LEAST_SIDE = 96

QUALITY = 70

_BEYOND = 0.5
"""How far the stored values reach beyond the window on both sides, in its widths, so that it can be moved."""

Draw = Callable[[NDArray[np.uint32]], NDArray[np.uint8]]


def stack_of(
    name: str, case: DecodedCase, window: Window | None, *, channel: str, pixels: int, names: Mapping[int, str]
) -> Stack:
    """Return the slices of a case.

    Parameters
    ----------
    name
        The case.
    window
        Values that are black and white at first; by default, percentiles of the image.
    channel
        Name of the channel that is drawn.
    pixels
        In all slices together at most, as far as slices stay recognisable.
    names
        Value → name.
    """
    chosen = _chosen(case, pixels)
    planes = chosen.planes
    size = _size(planes[0], len(planes), pixels)
    columns = min(len(planes), max(1, LARGEST // size[0]), math.ceil(math.sqrt(len(planes))))
    window = window or case.window
    stored = window if case.in_colour else _reach(case, window)
    image = [small_planes.grey(plane, stored, size) for plane in planes]
    held = values_in({LABEL_LAYER: case.label, PREDICTION_LAYER: case.prediction})
    title = planes[0].title.partition(", ")[0]
    return Stack(
        case=name,
        plane=title,
        axis=chosen.axis,
        slices=chosen.slices,
        of=chosen.of,
        first=chosen.first,
        columns=columns,
        width=size[0],
        height=size[1],
        ends=planes[0].ends,
        channel="" if case.in_colour else channel,
        range=None if case.in_colour else stored,
        window=None if case.in_colour else window,
        webp=_text(lossy(_mosaic(image, columns), QUALITY)),
        layers=tuple(_layers(planes, size, columns)),
        labels=held,
        text=" ".join([f"{title or 'picture'} of {name}", *_holding(held, names)]),
    )


def _holding(held: Sequence[int], names: Mapping[int, str]) -> list[str]:
    return [f"with {some_of([names.get(value, str(value)) for value in held], 6)}"] if held else []


class _Chosen(NamedTuple):
    """The slices to show; fields are those of `Stack`."""

    planes: Sequence[Plane]
    axis: str = ""
    slices: tuple[int, ...] = (0,)
    of: int = 1
    first: int = 0


def _chosen(case: DecodedCase, pixels: int) -> _Chosen:
    if case.geometry.dimension == 2:
        return _Chosen([case.cuts.picture()])
    axis = case.cuts.finest
    of, main = case.cuts.number(axis), case.cuts.main(axis)
    number = min(of, MOST_SLICES, max(8, pixels // LEAST_SIDE**2))
    slices = sorted({*(round(place) for place in np.linspace(0, of - 1, number)), main})
    planes = [case.cuts.plane(axis, index) for index in slices]
    return _Chosen(planes, case.cuts.letter(axis), tuple(slices), of, slices.index(main))


def _size(plane: Plane, number: int, pixels: int) -> Size:
    """Return the size of a slice: its own, unless all together have too many pixels."""
    side = max(LEAST_SIDE, min(MOST_SIDE, math.isqrt(pixels // number)))
    return small_planes.natural(plane, side)


def _reach(case: DecodedCase, window: Window) -> Window:
    """Return the values that are stored black and white: wider than the window, no wider than the image."""
    beyond = (window[1] - window[0]) * _BEYOND
    values = case.image[np.isfinite(case.image)]
    if not values.size:
        return window
    low = min(window[0] - beyond, case.wide_window[0])
    high = max(window[1] + beyond, case.wide_window[1])
    return min(window[0], max(low, float(values.min()))), max(window[1], min(high, float(values.max())))


def _layers(planes: Sequence[Plane], size: Size, columns: int) -> list[Layer]:
    """Return the layers that a case has; outlines of a prediction, whose inside would hide what is wrong."""
    drawn: dict[str, tuple[list[NDArray[np.generic] | None], Draw]] = {
        LABEL_LAYER: ([plane.label for plane in planes], small_planes.overlaid),
        PREDICTION_LAYER: ([plane.prediction for plane in planes], small_planes.outlines_only),
        WRONG_LAYER: ([plane.wrong for plane in planes], small_planes.marked),
    }
    return [
        Layer(name, _text(lossless(_mosaic([draw(_small(layer, size)) for layer in layers], columns))))
        for name, (layers, draw) in drawn.items()
        if layers[0] is not None
    ]


def _small(layer: NDArray[np.generic] | None, size: Size) -> NDArray[np.uint32]:
    if layer is None:
        return np.zeros(size[::-1], dtype=np.uint32)
    return small_planes.small_label(layer, size)


def _mosaic(pictures: Sequence[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """Return pictures of one size in rows, on black or transparent."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * height, columns * width, *pictures[0].shape[2:]), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
    return sheet


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
