"""Geometry: valid once it exists, and the one place that converts between frames."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.image.geometry import Geometry, Volume


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    a, b, c = angles
    about_x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    about_y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    about_z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


angles = st.floats(-math.pi, math.pi).map(lambda angle: round(angle, 6))
geometries = st.builds(
    lambda size, spacing, origin, turn: Geometry(size, spacing, origin, tuple(rotation(turn).ravel().tolist())),
    st.tuples(*[st.integers(1, 40)] * 3),
    st.tuples(*[st.floats(0.1, 10)] * 3),
    st.tuples(*[st.floats(-500, 500)] * 3),
    st.tuples(angles, angles, angles),
)


def as_sitk(geometry: Geometry) -> sitk.Image:
    image = sitk.Image(geometry.size, sitk.sitkUInt8)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


@given(geometries)
def test_physical_points_are_simpleitks(geometry: Geometry) -> None:
    corner = tuple(s - 1 for s in geometry.size)
    assert np.allclose(geometry.to_physical(corner), as_sitk(geometry).TransformIndexToPhysicalPoint(corner), atol=1e-6)


@given(geometries)
def test_the_centre_is_that_of_the_voxel_centres(geometry: Geometry) -> None:
    corners = geometry.to_physical([(0, 0, 0), tuple(s - 1 for s in geometry.size)])
    assert np.allclose(geometry.center_mm, corners.mean(axis=0), atol=1e-6)


@given(geometries)
def test_an_affine_survives_the_way_to_ras_and_back(geometry: Geometry) -> None:
    back = Geometry.from_affine_ras(geometry.affine_ras, geometry.size)
    assert np.allclose(back.affine_lps, geometry.affine_lps, atol=1e-9)


@given(geometries)
def test_json_keeps_every_digit(geometry: Geometry) -> None:
    assert Geometry.from_json(geometry.as_json()) == geometry


@given(geometries, st.floats(0, 5))
def test_a_shift_counts_in_voxels_of_the_smallest_spacing(geometry: Geometry, shift_mm: float) -> None:
    x, y, z = geometry.origin_mm
    moved = Geometry(geometry.size, geometry.spacing_mm, (x + shift_mm, y, z), geometry.direction)
    assert geometry.displacement_voxels(moved) == pytest.approx(shift_mm / min(geometry.spacing_mm), abs=1e-6)


def test_a_turn_shows_at_the_corners() -> None:
    straight = Geometry.plain((101, 101, 1))
    turned = Geometry((101, 101, 1), (1, 1, 1), (0, 0, 0), tuple(rotation((0, 0, 0.01)).ravel()))
    assert straight.displacement_voxels(turned) == pytest.approx(math.hypot(100, 100) * 0.01, rel=1e-3)


def test_lps_and_ras_differ_in_the_sign_of_x_and_y() -> None:
    geometry = Geometry((2, 2, 2), (1, 1, 1), (10, 20, 30), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    assert np.array_equal(geometry.affine_ras[:3, 3], [-10, -20, 30])


def test_array_order_is_the_reverse_of_size() -> None:
    assert Geometry.plain((2, 3, 4)).array_shape == (4, 3, 2)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("spacing_mm", (1.0, 0.0, 1.0), "SC057"),
        ("spacing_mm", (1.0, -1.0, 1.0), "SC057"),
        ("spacing_mm", (1.0, math.nan, 1.0), "SC057"),
        ("origin_mm", (math.inf, 0.0, 0.0), "SC057"),
        ("direction", (1, 0.01, 0, 0, 1, 0, 0, 0, 1), "SC057"),
        ("direction", (0,) * 9, "SC057"),
        ("size", (3, 0, 3), "SC053"),
        ("spacing_mm", (1.0, 1.0), "SC057"),
        ("origin_mm", (0.0, 0.0), "SC057"),
        ("direction", (1, 0, 0, 1), "SC057"),
    ],
)
def test_an_impossible_grid_is_refused(field: str, value: tuple[float, ...], code: str) -> None:
    good = {
        "size": (3, 3, 3),
        "spacing_mm": (1.0, 1.0, 1.0),
        "origin_mm": (0.0, 0.0, 0.0),
        "direction": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    }
    with pytest.raises(SegconvError) as caught:
        Geometry(**{**good, field: value})
    assert caught.value.code == code


@pytest.mark.parametrize("dimensions", [1, 4])
def test_a_grid_has_two_or_three_dimensions(dimensions: int) -> None:
    with pytest.raises(SegconvError) as caught:
        Geometry.plain((3,) * dimensions)
    assert caught.value.code == "SC057"


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_an_affine_without_three_axes_is_refused(value: float) -> None:
    with pytest.raises(SegconvError, match="axis of length zero or numbers that are not finite") as caught:
        Geometry.from_affine_ras(np.diag([value, 1.0, 1.0, 1.0]), (3, 3, 3))
    assert caught.value.code == "SC057"


def test_a_volume_must_be_on_its_grid() -> None:
    with pytest.raises(ValueError, match="not on a grid"):
        Volume(np.zeros((4, 3, 3, 1)), Geometry.plain((3, 4)))
    with pytest.raises(ValueError, match="not on a grid"):
        Volume(np.zeros((3, 4)), Geometry.plain((3, 4)))
    assert Volume(np.zeros((4, 3, 3)), Geometry.plain((3, 4))).components == 3


def test_errors_survive_the_way_from_a_worker() -> None:
    error = SegconvError("found this", code="SC057", file="a.nii", hint="do that")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert again.findings == error.findings
