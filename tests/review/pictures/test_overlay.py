"""Overlays that nnU-Net's own tool shows wrongly or not at all: three channels, many labels, flat or full slices."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from segconv.image.geometry import Geometry, Volume
from segconv.review.pictures.overlay import COLOURS, Panel, montage

SIZE = 48


def drawn(*panels: Panel, window: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(montage(panels, window=window))) as picture:
        return np.asarray(picture.convert("RGB"))


def pixels_of(picture: NDArray[np.uint8], colour: str, tolerance: int = 12) -> int:
    wanted = np.rint(np.multiply(to_rgb(colour), 255))
    return int((np.abs(picture.astype(int) - wanted).max(axis=-1) <= tolerance).sum())


def flat(array: NDArray[np.generic]) -> Volume:
    return Volume(array, Geometry.plain(array.shape[1::-1]))


def grey(low: int = 0, high: int = 200) -> Volume:
    return flat(np.linspace(low, high, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint8))


def squares(values: list[int]) -> NDArray[np.uint8]:
    label = np.zeros((SIZE, SIZE), np.uint8)
    for number, value in enumerate(values):
        y, x = divmod(number, 5)
        label[2 + 9 * y : 9 + 9 * y, 2 + 9 * x : 9 + 9 * x] = value
    return label


def test_a_picture_in_colour_is_shown_in_its_colours() -> None:
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[:, : SIZE // 2], image[:, SIZE // 2 :] = (0, 250, 0), (0, 0, 250)
    picture = drawn(Panel("", flat(image), squares([1])))
    assert pixels_of(picture, "#00fa00") > 1000
    assert pixels_of(picture, "#0000fa") > 1000
    assert pixels_of(picture, COLOURS[0]) > 20


def test_more_labels_than_colours_are_all_outlined() -> None:
    picture = drawn(Panel("", grey(), squares(list(range(1, 21)))))
    once = drawn(Panel("", grey(), squares(list(range(1, 11)))))
    for colour in COLOURS:
        assert pixels_of(picture, colour) > 1.5 * pixels_of(once, colour) > 0


@pytest.mark.parametrize("value", [0, 100, 255])
def test_a_constant_slice_is_drawn(value: int) -> None:
    picture = drawn(Panel("", flat(np.full((SIZE, SIZE), value, np.uint8)), squares([1])))
    assert pixels_of(picture, COLOURS[0]) > 20


def test_the_colour_of_a_label_does_not_depend_on_the_others() -> None:
    alone, together = drawn(Panel("", grey(), squares([5]))), drawn(Panel("", grey(), squares([5, 3])))
    assert pixels_of(alone, COLOURS[4]) == pixels_of(together, COLOURS[4]) > 20
    assert pixels_of(alone, COLOURS[2]) == 0 < pixels_of(together, COLOURS[2])


@pytest.mark.parametrize("values", [(1, 1), (1, 2)])
def test_labels_without_any_background_are_outlined(values: tuple[int, int]) -> None:
    label = np.full((SIZE, SIZE), values[0], np.uint8)
    label[:, SIZE // 2 :] = values[1]
    picture = drawn(Panel("", grey(), label))
    for value in values:
        assert pixels_of(picture, COLOURS[value - 1]) > 100


def test_the_slice_with_most_label_is_shown_with_its_spacing_and_window() -> None:
    image = np.full((4, SIZE, SIZE), -1000, np.int16)
    image[2] = 40
    label = np.zeros(image.shape, np.uint8)
    label[2, 10:40, 10:40], label[1, 10, 10] = 1, 2
    geometry = Geometry.plain((SIZE, SIZE, 4), (1.0, 3.0, 5.0))
    picture = drawn(Panel("", Volume(image, geometry), label), window=(-160, 240))
    assert pixels_of(picture, COLOURS[1]) == 0, "the other slice is not shown"
    middle = picture[(np.abs(picture.astype(int) - 127).max(axis=-1) <= 12)]
    assert len(middle) > 1000, "40 HU is the middle of the window"
    rows, columns = np.nonzero(np.abs(picture.astype(int) - 127).max(axis=-1) <= 12)
    assert 2.5 < (np.ptp(rows) + 1) / (np.ptp(columns) + 1) < 3.5, "pixels are three times as high as wide"
