"""Properties of rotations: about the true centre, in millimetres, exact where possible."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from segconv.augment.rotation import plan_turn, turned
from segconv.augment.spec import Transform
from segconv.image.geometry import Geometry, Volume
from segconv.image.resample import LINEAR, NEAREST, saturated

from ..image.test_geometry import geometries, rotation

angles = st.floats(-180, 180).map(lambda angle: round(angle, 4))


def noise(geometry: Geometry, dtype: str = "int16", seed: int = 0) -> Volume:
    values = np.random.default_rng(seed).integers(0, 200, geometry.array_shape)
    return Volume(values.astype(dtype), geometry)


def rotate(volume: Volume, angles_deg: tuple[float, float, float], interpolation: str, background: Any) -> np.ndarray:
    return turned(plan_turn(volume.geometry, Transform(angles_deg)), volume.array, interpolation, background)


def plain_script(volume: Volume, angles_deg: tuple[float, float, float], background: float) -> np.ndarray:
    """The same by SimpleITK, as a careful user would write it."""
    image = sitk.Cast(sitk.GetImageFromArray(volume.array), sitk.sitkFloat64)
    image.SetSpacing(volume.geometry.spacing_mm)
    image.SetOrigin(volume.geometry.origin_mm)
    image.SetDirection(volume.geometry.direction)
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*(math.radians(a) for a in angles_deg))
    middle = [(s - 1) / 2 for s in volume.geometry.size]
    transform.SetCenter(image.TransformContinuousIndexToPhysicalPoint(middle))
    return sitk.GetArrayFromImage(sitk.Resample(image, image, transform, sitk.sitkLinear, background))


@given(geometries, st.tuples(angles, angles, angles))
@settings(max_examples=40)
def test_a_rotation_is_simpleitks_in_floating_point_then_rounded(
    geometry: Geometry, angles_deg: tuple[float, float, float]
) -> None:
    volume = noise(geometry)
    ours = rotate(volume, angles_deg, LINEAR, -1000)
    theirs = plain_script(volume, angles_deg, -1000.0)
    # where a sample is on the very edge of the grid, rounding decides which side it is on
    inside = (theirs > -1000) & (ours > -1000)
    assert np.abs(ours[inside] - theirs[inside]).max(initial=0) <= 0.51
    assert (inside != ((theirs > -1000) | (ours > -1000))).mean() <= 0.01


@given(geometries)
def test_no_angle_is_the_identity_bit_for_bit(geometry: Geometry) -> None:
    volume = noise(geometry)
    for interpolation in (LINEAR, NEAREST):
        assert np.array_equal(rotate(volume, (0.0, 0.0, 0.0), interpolation, 0), volume.array)


@given(geometries, st.sampled_from([(180.0, 0, 0), (0, 180.0, 0), (0, 0, 180.0)]), st.sampled_from([LINEAR, NEAREST]))
def test_half_a_turn_of_a_straight_grid_moves_voxels_without_touching_them(
    geometry: Geometry, angles_deg: tuple[float, float, float], interpolation: str
) -> None:
    straight = Geometry(geometry.size, geometry.spacing_mm, geometry.origin_mm, (1, 0, 0, 0, 1, 0, 0, 0, 1))
    volume = noise(straight)
    turned = [i for i, angle in enumerate(angles_deg) if not angle]
    expected = np.flip(volume.array, [2 - axis for axis in turned])
    assert np.array_equal(rotate(volume, angles_deg, interpolation, -1), expected)
    assert np.array_equal(rotate(Volume(expected, straight), angles_deg, interpolation, -1), volume.array)


@pytest.mark.parametrize("plane", [0, 1, 2])
@pytest.mark.parametrize("angle", [90.0, -90.0, 270.0])
def test_a_quarter_turn_of_a_cube_is_a_permutation_that_four_times_is_nothing(plane: int, angle: float) -> None:
    geometry = Geometry((7, 7, 7), (2.0, 2.0, 2.0), (5, 6, 7), (0, 1, 0, 0, 0, 1, 1, 0, 0))
    volume = noise(geometry)
    angles_deg = tuple(angle if i == plane else 0.0 for i in range(3))
    once = rotate(volume, angles_deg, LINEAR, -1)  # type: ignore[arg-type]
    assert sorted(once.ravel()) == sorted(volume.array.ravel())
    assert not np.array_equal(once, volume.array)
    inner = np.abs(once - plain_script(volume, angles_deg, -1.0))[1:-1, 1:-1, 1:-1]  # type: ignore[arg-type]
    assert inner.max() < 1e-6
    around = volume
    for _ in range(4):
        around = Volume(rotate(around, angles_deg, LINEAR, -1), geometry)  # type: ignore[arg-type]
    assert np.array_equal(around.array, volume.array)


@pytest.mark.parametrize(("plane", "found_at"), [(0, (0.0, 0.0, 20.0)), (1, (0.0, 20.0, 0.0)), (2, (0.0, -20.0, 0.0))])
def test_the_sign_of_an_angle(plane: int, found_at: tuple[float, float, float]) -> None:
    """+90° as resampling transform: the output at p shows the input at R·p."""
    geometry = Geometry((41, 41, 41), (1, 1, 1), (-20, -20, -20), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    array = np.zeros((41, 41, 41), np.uint8)
    marker = {0: (20, 0, 20), 1: (20, 40, 20), 2: (20, 20, 40)}[plane]  # (z, y, x)
    array[marker] = 9
    angles_deg = tuple(90.0 if i == plane else 0.0 for i in range(3))
    moved = rotate(Volume(array, geometry), angles_deg, NEAREST, 0)  # type: ignore[arg-type]
    z, y, x = (int(i[0]) for i in np.nonzero(moved))
    theirs = np.nonzero(plain_script(Volume(array, geometry), angles_deg, 0.0) > 4)  # type: ignore[arg-type]
    assert (z, y, x) == tuple(int(i[0]) for i in theirs)
    if plane != 1:
        assert (x - 20.0, y - 20.0, z - 20.0) == found_at


@given(angles, st.tuples(*[st.floats(0.5, 3)] * 3))
@settings(max_examples=20)
def test_an_angle_is_one_in_millimetres_whatever_the_spacing(angle: float, spacing: tuple[float, float, float]) -> None:
    size = tuple(int(90 / s) | 1 for s in spacing)
    geometry = Geometry.plain(size, spacing)
    z, y, x = np.meshgrid(*(np.arange(n) * s for n, s in zip(size[::-1], spacing[::-1], strict=True)), indexing="ij")
    cx, cy, cz = geometry.center_mm
    turn = rotation((0, 0, math.radians(20)))
    local = np.einsum("ij,...j->...i", turn.T, np.stack([x - cx, y - cy, z - cz], -1))
    blob = np.exp(-0.5 * ((local[..., 0] / 12) ** 2 + (local[..., 1] / 5) ** 2 + (local[..., 2] / 8) ** 2))
    moved = rotate(Volume(blob, geometry), (0.0, 0.0, angle), LINEAR, 0)
    points = np.stack([x - cx, y - cy], -1).reshape(-1, 2)
    spread = np.cov(points.T, aweights=moved.ravel())
    axis = np.linalg.eigh(spread)[1][:, -1]
    found = math.degrees(math.atan2(axis[1], axis[0]))
    assert abs((found - (20 - angle) + 90) % 180 - 90) < 1.5


@given(geometries, angles)
@settings(max_examples=25)
def test_image_and_label_move_alike(geometry: Geometry, angle: float) -> None:
    coordinates = np.arange(np.prod(geometry.size), dtype=np.float64).reshape(geometry.array_shape) + 1
    label = rotate(Volume(coordinates, geometry), (0.0, angle, 0.0), NEAREST, 0)
    image = rotate(Volume((coordinates * 0 + 1), geometry), (0.0, angle, 0.0), LINEAR, 0)
    assert set(np.unique(label)) <= {0, *np.unique(coordinates)}
    assert ((label > 0) == (image > 0)).mean() > 0.99, "one grid, one edge rule"


@given(st.sampled_from(["uint8", "int8", "uint16", "int16", "int32", "float32"]), angles)
@settings(max_examples=30)
def test_no_type_wraps(dtype: str, angle: float) -> None:
    geometry = Geometry.plain((9, 8, 7), (1.0, 1.5, 2.0))
    kind = np.dtype(dtype)
    limits = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind != "f" else (-1e6, 1e6)
    array = np.random.default_rng(0).choice(np.array(limits, dtype=kind), geometry.array_shape)
    moved = rotate(Volume(array, geometry), (angle, 0.0, 0.0), LINEAR, limits[0])
    assert moved.dtype == kind
    assert moved.min() >= limits[0]
    assert moved.max() <= limits[1]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint32"])
def test_values_beyond_a_type_saturate_and_halves_go_to_even(dtype: str) -> None:
    limits = np.iinfo(dtype)
    for floats in (np.float32, np.float64):
        values = np.array([limits.min - 1e9, limits.max + 1e9, 0.5, 1.5, 2.5], floats)
        expected = [limits.min, limits.max, 0, 2, 2]
        assert saturated(values, np.dtype(dtype)).tolist() == expected


def test_pictures_turn_in_their_plane_component_by_component() -> None:
    geometry = Geometry.plain((31, 21))
    picture = np.random.default_rng(0).integers(0, 255, (21, 31, 3)).astype(np.uint8)
    turned = rotate(Volume(picture, geometry), (0.0, 0.0, 33.0), LINEAR, (1, 2, 3))
    assert turned.shape == picture.shape
    assert turned[0, 0].tolist() == [1, 2, 3], "corners come from outside"
    alone = rotate(Volume(np.ascontiguousarray(picture[..., 1]), geometry), (0.0, 0.0, 33.0), LINEAR, 2)
    assert np.array_equal(turned[..., 1], alone)
    half = rotate(Volume(picture, geometry), (0.0, 0.0, 180.0), LINEAR, 0)
    assert np.array_equal(half, picture[::-1, ::-1])


def test_rotating_back_leaves_the_inner_ball() -> None:
    geometry = Geometry.plain((40, 40, 40))
    z, y, x = np.meshgrid(*[np.arange(40) - 19.5] * 3, indexing="ij")
    smooth = (100 * np.exp(-(x**2 + 1.5 * y**2 + 2 * z**2) / 200)).astype(np.float32)
    there = rotate(Volume(smooth, geometry), (25.0, 0.0, 0.0), LINEAR, 0)
    back = rotate(Volume(there, geometry), (-25.0, 0.0, 0.0), LINEAR, 0)
    ball = x**2 + y**2 + z**2 < 15**2
    assert np.abs(back - smooth)[ball].max() < 2.0
