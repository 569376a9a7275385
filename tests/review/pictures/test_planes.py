"""Planes: where the patient's sides are, whatever the order of a file's axes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from segconv.image.geometry import Geometry
from segconv.image.orientation import reordering
from segconv.review.pictures.planes import Cuts

SIZE = (5, 7, 9)
RAS = replace(Geometry.plain(SIZE, (1.0, 2.0, 3.0)), direction=(-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0))
ORDERS = [
    (order, flips) for order in itertools.permutations(range(3)) for flips in itertools.product((False, True), repeat=3)
]


def lighthouses() -> np.ndarray:
    """A volume whose voxels are brighter to the right, more to the front, most to the head."""
    z, y, x = np.indices(SIZE[::-1])
    return x + 10 * y + 100 * z


@pytest.mark.parametrize(("order", "flips"), ORDERS)
def test_every_orientation_gives_the_same_pictures(order: tuple[int, ...], flips: tuple[bool, ...]) -> None:
    label = np.zeros(SIZE[::-1], np.uint8)
    label[2:5, 4, 3] = 1
    direction = np.zeros((3, 3))
    for axis, own in enumerate(order):
        direction[own, axis] = -1 if flips[axis] else 1
    direction[:2] *= -1  # RAS
    there = replace(RAS, direction=tuple(direction.ravel()))
    found = reordering(RAS, there)
    planes = Cuts(found.array(lighthouses()), found.array(label), found.grid(RAS), placed=True).planes()
    axial, coronal, sagittal = planes
    assert [plane.title.split(",")[0] for plane in planes] == ["axial", "coronal", "sagittal"]
    assert axial.ends == ("R", "L", "A", "P")
    assert coronal.ends == ("R", "L", "S", "I")
    assert sagittal.ends == ("A", "P", "S", "I")
    for plane, across, down in ((axial, -1, -10), (coronal, -1, -100), (sagittal, -10, -100)):
        assert (np.diff(plane.image, axis=1) == across).all()
        assert (np.diff(plane.image, axis=0) == down).all()
    assert [plane.spacing_mm for plane in planes] == [(2, 1), (3, 1), (3, 2)]
    assert all(plane.label is not None and plane.label.any() for plane in planes), "each passes through the label"


def test_the_planes_pass_through_the_largest_label() -> None:
    label = np.zeros(SIZE[::-1], np.uint8)
    label[0, 0, 0] = 1
    label[6, 2:4, 1:4] = 7
    label[7, 2, 1] = 7
    planes = Cuts(lighthouses(), label, RAS, placed=True).planes()
    assert [plane.title for plane in planes] == ["axial, k = 6", "coronal, j = 2", "sagittal, i = 1"]


def test_the_planes_pass_through_the_ignore_label_only_if_there_is_no_other() -> None:
    label = np.zeros(SIZE[::-1], np.uint8)
    label[0, 0, 0] = 1
    label[6, 2:4, 1:4] = 7
    planes = Cuts(lighthouses(), label, RAS, placed=True, ignore=7).planes()
    assert [plane.title for plane in planes] == ["axial, k = 0", "coronal, j = 0", "sagittal, i = 0"]
    label[0, 0, 0] = 0
    planes = Cuts(lighthouses(), label, RAS, placed=True, ignore=7).planes()
    assert [plane.title for plane in planes] == ["axial, k = 6", "coronal, j = 3", "sagittal, i = 2"]


def test_a_volume_without_a_label_is_cut_in_the_middle() -> None:
    for label in (None, np.zeros(SIZE[::-1], np.uint8)):
        planes = Cuts(lighthouses(), label, RAS, placed=True).planes()
        assert [plane.title for plane in planes] == ["axial, k = 4", "coronal, j = 3", "sagittal, i = 2"]


def test_a_stack_without_orientation_is_drawn_as_stored() -> None:
    first, second, third = Cuts(lighthouses(), None, Geometry.plain(SIZE), placed=False).planes()
    np.testing.assert_array_equal(first.image, lighthouses()[4])
    np.testing.assert_array_equal(second.image, lighthouses()[:, 3])
    np.testing.assert_array_equal(third.image, lighthouses()[:, :, 2])
    assert (first.ends, first.title, second.title) == ((), "ij, k = 4", "ik, j = 3")


def test_a_volume_of_one_slice_has_one_plane() -> None:
    (plane,) = Cuts(np.ones((4, 1, 6)), None, Geometry.plain((6, 1, 4), (1, 5, 2)), placed=True).planes()
    assert (plane.title, plane.image.shape, plane.spacing_mm) == ("coronal, j = 0", (4, 6), (2, 1))


def test_of_slices_with_as_much_of_a_label_the_middle_one_is_drawn() -> None:
    label = np.zeros(SIZE[::-1], np.uint8)
    label[1:8, 2:5, 1:4] = 1
    planes = Cuts(lighthouses(), label, RAS, placed=True).planes()
    assert [plane.title for plane in planes] == ["axial, k = 4", "coronal, j = 3", "sagittal, i = 2"]
