"""Perceptual hashes: equal or nearly so for one image in several forms, far apart for different images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fixtures.phantoms import shapes
from segconv.dataset.phantoms import ct
from segconv.image.geometry import Geometry, Volume
from segconv.image.orientation import canonical
from segconv.image.perceptual import perceptual_hash


def plain(array: np.ndarray) -> Volume:
    return Volume(array, Geometry.plain(array.shape[::-1]))


def differing(one: Volume, other: Volume) -> float:
    """The share of the bits that differ."""
    words = [perceptual_hash(volume) for volume in (one, other)]
    assert None not in words
    bits = [np.unpackbits(np.frombuffer(bytes.fromhex(str(word).split(":")[1]), np.uint8)) for word in words]
    return float((bits[0] != bits[1]).mean())


def test_one_volume_in_another_type_scale_and_axis_order_has_the_same_hash() -> None:
    volume = ct(1, size=(40, 36, 20)).images[0]
    assert differing(volume, replace(volume, array=volume.array * 2.5 + 7.25)) == 0
    turned = Volume(
        np.ascontiguousarray(volume.array[:, ::-1]),
        replace(
            volume.geometry,
            origin_mm=tuple(volume.geometry.to_physical(np.array([0, volume.geometry.size[1] - 1, 0])).tolist()),
            direction=tuple((volume.geometry.direction_matrix * [1, -1, 1]).ravel().tolist()),
        ),
    )
    assert np.array_equal(canonical(turned).array, canonical(volume).array)
    assert differing(volume, turned) == 0
    assert str(perceptual_hash(volume)).startswith("8x8x8:")


def test_a_picture_at_half_the_resolution_is_near_identical_and_another_one_is_not() -> None:
    first, second = (shapes(seed, size=(96, 80)).images[0] for seed in range(2))
    halved = first.array.reshape(40, 2, 48, 2, 3).mean(axis=(1, 3))
    assert differing(first, Volume(halved, Geometry.plain((48, 40)))) < 0.03
    assert differing(first, second) > 0.3


def test_colours_count_by_their_mean() -> None:
    picture = shapes(3, size=(96, 80)).images[0]
    assert differing(picture, plain(picture.array.mean(axis=-1))) == 0


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((12, 20, 20)),
        np.full((40, 40), 1e4),
        np.arange(100.0).reshape(10, 10),
        np.random.default_rng(0).normal(size=(1, 1, 400)),
        np.full((40, 40), np.inf),
    ],
)
def test_a_blank_or_tiny_image_has_none(array: np.ndarray) -> None:
    assert perceptual_hash(plain(array)) is None


def test_voxels_that_are_not_numbers_count_as_zero() -> None:
    array = np.random.default_rng(0).normal(size=(40, 40))
    array[3, 4] = 0
    holed = array.copy()
    holed[3, 4] = np.nan
    assert differing(plain(array), plain(holed)) == 0


def test_a_single_slice_has_the_bits_of_a_picture() -> None:
    array = np.random.default_rng(0).normal(size=(1, 40, 50))
    assert str(perceptual_hash(plain(array))).startswith("1x16x16:")
