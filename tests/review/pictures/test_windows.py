"""Windows: what is black and what is white."""

from __future__ import annotations

import numpy as np
import pytest

from segconv.review.pictures.windows import colour_window_of, window_of, windowed


def test_a_few_extreme_voxels_and_padding_change_nothing() -> None:
    image = np.full((20, 50, 50), -3000.0)
    image[5:15] = np.linspace(100, 200, 25000).reshape(10, 50, 50)
    image[7, 7, :5] = 1e9
    low, high = window_of(image)
    assert 100 <= low < 101
    assert 199 < high <= 201


def test_a_dark_picture_becomes_visible() -> None:
    image = np.linspace(0, 12, 2500).reshape(50, 50).astype(np.uint8)
    assert windowed(image, window_of(image)).max() == 1


@pytest.mark.parametrize("value", [-1000, 0, 255])
def test_a_constant_image_is_grey(value: int) -> None:
    image = np.full((4, 4), value, np.int16)
    assert (windowed(image, window_of(image)) == 0.5).all()


def test_one_bright_voxel_in_a_constant_image_is_visible() -> None:
    image = np.zeros((40, 40), np.uint16)
    image[3, 4] = 900
    shown = windowed(image, window_of(image))
    assert shown[3, 4] == 1
    assert shown.sum() == 1


def test_what_is_not_finite_neither_counts_nor_breaks() -> None:
    image = np.arange(400.0).reshape(20, 20)
    image[0, :3] = np.nan, np.inf, -np.inf
    assert all(np.isfinite(window_of(image)))
    assert windowed(image, window_of(image))[0, :3].tolist() == [0, 1, 0]
    assert window_of(np.full((2, 2), np.nan)) == (0, 1)


def test_a_usual_colour_picture_keeps_its_colours_and_a_dark_one_its_hues() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    image[...] = 250, 20, 0
    assert colour_window_of(image) == (0, 255)
    dark = windowed(image // 10, colour_window_of(image // 10))[0, 0]
    assert dark.tolist() == pytest.approx([1, 0.08, 0])
    assert colour_window_of(np.zeros((2, 2, 3), np.uint8)) == (0, 255)
    assert colour_window_of(np.full((2, 2, 3), 4000, np.uint16)) == (0, 4000)
