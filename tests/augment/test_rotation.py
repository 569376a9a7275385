"""Rotations, whichever way the planner chooses, equal SimpleITK in floating point, rounded."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from segconv.augment import compiled
from segconv.augment.rotation import (
    MOVED,
    PLANES,
    ROWS,
    SIMPLEITK,
    outside,
    plan_turn,
    turned,
    turned_softly,
    voxel_in_copy,
)
from segconv.augment.spec import IMAGE, PATIENT, Transform
from segconv.image import resample
from segconv.image.geometry import Geometry, Volume
from segconv.image.resample import LINEAR, NEAREST, index_matrix, rotation_matrix

from ..image.test_geometry import geometries

needs_numba = pytest.mark.skipif(not compiled.available(), reason="Numba is not installed")
SIGNED = (
    (1, 0, 0, 0, 1, 0, 0, 0, 1),
    (-1, 0, 0, 0, -1, 0, 0, 0, 1),
    (0, 1, 0, 0, 0, 1, 1, 0, 0),
    (0, 0, -1, 1, 0, 0, 0, -1, 0),
)
angles = st.floats(-180, 180).map(lambda angle: round(angle, 3))
KERNEL_TYPES = ["int8", "uint8", "int16", "uint16", "float32"]


@st.composite
def straight(draw: st.DrawFn) -> Geometry:
    """A grid along the patient's axes, in any order and sense."""
    size = tuple(draw(st.integers(1, 31) | st.integers(32, 40)) for _ in range(3))  # thin and thick
    spacing = tuple(draw(st.floats(0.3, 5)) for _ in range(3))
    origin = tuple(draw(st.floats(-300, 300)) for _ in range(3))
    return Geometry(size, spacing, origin, tuple(float(v) for v in draw(st.sampled_from(SIGNED))))


def values(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return random.normal(0, 500, shape).astype(kind)
    limits = np.iinfo(kind)
    return random.integers(max(limits.min, -1024), min(limits.max, 3071), shape).astype(kind)


def careful_script(
    volume: Volume, transform: Transform, interpolator: int, background: float, grid: Geometry | None = None
) -> np.ndarray:
    """The same by SimpleITK, in 64 bits."""
    geometry = volume.geometry
    array = volume.array.astype(np.float64)
    image = sitk.GetImageFromArray(array, isVector=volume.components > 1)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    middle = image.TransformContinuousIndexToPhysicalPoint([(s - 1) / 2 for s in geometry.size])
    radians = [math.radians(angle) for angle in transform.angle_deg]
    if geometry.dimension == 2:
        euler: sitk.Transform = sitk.Euler2DTransform(middle, radians[2])
    else:
        euler = sitk.Euler3DTransform(middle, *radians)
    grid = grid or geometry
    return sitk.GetArrayFromImage(
        sitk.Resample(
            image, list(grid.size), euler, interpolator, grid.origin_mm, grid.spacing_mm, grid.direction, background
        )
    )


def input_indices(geometry: Geometry, transform: Transform, grid: Geometry | None = None) -> np.ndarray:
    """Where each output voxel comes from, ``(…, x y z)``, in voxels of the input."""
    grid = grid or geometry
    n = geometry.dimension
    index = np.stack(np.meshgrid(*(np.arange(s) for s in grid.array_shape), indexing="ij")[::-1], -1).astype(float)
    matrix = index_matrix(rotation_matrix(transform.angle_deg, n), geometry)
    return (index - (np.array(grid.size) - 1) / 2) @ matrix.T + (np.array(geometry.size) - 1) / 2


def off_the_edge(geometry: Geometry, transform: Transform, grid: Geometry | None = None) -> np.ndarray:
    """Voxels that are not within 1e-6 of the edge of the buffer."""
    found = input_indices(geometry, transform, grid)
    near = np.minimum(np.abs(found + 0.5), np.abs(found - (np.array(geometry.size) - 0.5)))
    return near.min(axis=-1) > 1e-6


def agrees(ours: np.ndarray, theirs: np.ndarray, sure: np.ndarray) -> None:
    """Compare all voxels but those where the rounding of 64 bits decides: at the edge, and at a half."""
    rounded = np.rint(theirs)
    sure = sure & (np.abs(theirs - np.floor(theirs) - 0.5) > 1e-9)
    apart = np.abs(ours.astype(np.float64) - rounded)[sure]
    assert apart.max(initial=0) <= 1
    assert (apart == 0).mean() >= 0.999 if apart.size >= 1000 else (apart > 0).sum() <= 1
    assert apart.size < 20000 or apart.mean() <= 1e-4


@needs_numba
@given(straight(), st.integers(0, 2), angles, st.sampled_from(KERNEL_TYPES), st.booleans())
@settings(max_examples=60)
def test_kernels_are_simpleitk_in_floating_point_then_rounded(
    geometry: Geometry, plane: int, angle: float, dtype: str, expand: bool
) -> None:
    transform = Transform(tuple(angle if i == plane else 0.0 for i in range(3)))  # type: ignore[arg-type]
    turn = plan_turn(geometry, transform, expand=expand)
    volume = Volume(values(geometry.array_shape, dtype), geometry)
    ours = turned(turn, volume.array, LINEAR, 0)
    assert ours.dtype == volume.array.dtype
    theirs = careful_script(volume, transform, sitk.sitkLinear, 0.0, turn.grid)
    sure = off_the_edge(geometry, transform, turn.grid)
    if dtype == "float32":
        assert np.allclose(ours[sure], theirs[sure], rtol=1e-5, atol=2e-3)
        return
    assert turn.way in (ROWS, PLANES) or angle % 90 == 0
    agrees(ours, theirs, sure)


@needs_numba
@given(straight(), st.integers(0, 2), angles, st.sampled_from(["uint8", "uint16", "int16"]))
@settings(max_examples=40)
def test_labels_take_the_voxel_that_simpleitk_takes(geometry: Geometry, plane: int, angle: float, dtype: str) -> None:
    transform = Transform(tuple(angle if i == plane else 0.0 for i in range(3)))  # type: ignore[arg-type]
    turn = plan_turn(geometry, transform)
    volume = Volume(np.random.default_rng(1).integers(0, 100, geometry.array_shape).astype(dtype), geometry)
    ours = turned(turn, volume.array, NEAREST, 7)
    theirs = careful_script(volume, transform, sitk.sitkNearestNeighbor, 7.0)
    found = input_indices(geometry, transform)
    halfway = np.abs(found - np.floor(found) - 0.5).min(axis=-1) < 1e-6
    assert np.array_equal(ours[~halfway], theirs[~halfway])
    assert set(np.unique(ours)) <= {7, *np.unique(volume.array)}


@given(geometries, st.tuples(angles, angles, angles), st.booleans())
@settings(max_examples=30)
def test_any_rotation_is_simpleitks(geometry: Geometry, angles_deg: tuple[float, float, float], expand: bool) -> None:
    transform = Transform(angles_deg)
    turn = plan_turn(geometry, transform, expand=expand)
    volume = Volume(values(geometry.array_shape, "int16"), geometry)
    ours = turned(turn, volume.array, LINEAR, -1024)
    theirs = careful_script(volume, transform, sitk.sitkLinear, -1024.0, turn.grid)
    agrees(ours, theirs, off_the_edge(geometry, transform, turn.grid))


@needs_numba
@pytest.mark.parametrize("way", ["kernel", "simpleitk"])
@pytest.mark.parametrize("plane", [0, 1, 2])
def test_large_volumes_agree_in_the_mean_as_well(way: str, plane: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "simpleitk":
        monkeypatch.setattr(compiled, "available", lambda: False)
    geometry = Geometry((96, 90, 50), (0.8, 0.8, 2.5), (-40.0, 3.0, 100.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    transform = Transform(tuple(30.0 if i == plane else 0.0 for i in range(3)))  # type: ignore[arg-type]
    turn = plan_turn(geometry, transform)
    assert (turn.way == SIMPLEITK) == (way == "simpleitk")
    volume = Volume(values(geometry.array_shape, "int16"), geometry)
    ours = turned(turn, volume.array, LINEAR, -1024).astype(np.float64)
    theirs = np.rint(careful_script(volume, transform, sitk.sitkLinear, -1024.0))
    sure = off_the_edge(geometry, transform)
    apart = np.abs(ours - theirs)[sure]
    assert apart.max() <= 1
    assert (apart == 0).mean() >= 0.999
    assert apart.mean() <= 1e-4


@pytest.mark.parametrize("angle", [30.0, 60.0, -30.0])
@pytest.mark.parametrize("plane", [0, 1, 2])
def test_real_volumes_agree_with_simpleitk_in_32_bits_at_halves_as_well(data: Path, plane: int, angle: float) -> None:
    """At 30 and 60 degrees many samples are half-way between voxels, so that means are halves, which 32 bits represent."""
    x, y, z = (angle if i == plane else 0.0 for i in range(3))
    transform = Transform((x, y, z))
    paths = sorted((data / "Task04_Hippocampus" / "imagesTr").glob("hippocampus_*.nii.gz"))
    images = [image for path in paths[::20] if "float" not in (image := sitk.ReadImage(path)).GetPixelIDTypeAsString()]
    assert len(images) >= 3
    for image in images:
        geometry = Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
        array = sitk.GetArrayFromImage(image)
        ours = turned(plan_turn(geometry, transform), array, LINEAR, 0)
        middle = image.TransformContinuousIndexToPhysicalPoint([(s - 1) / 2 for s in image.GetSize()])
        euler = sitk.Euler3DTransform(middle, *(math.radians(angle) for angle in transform.angle_deg))
        real = sitk.Cast(image, sitk.sitkFloat32)
        theirs = np.rint(sitk.GetArrayFromImage(sitk.Resample(real, real, euler, sitk.sitkLinear, 0.0)))
        apart = np.abs(ours.astype(np.float64) - theirs)[off_the_edge(geometry, transform)]
        assert apart.max() <= 1
        assert apart.mean() <= 1e-4


@needs_numba
@given(straight(), st.integers(0, 2), angles, st.sampled_from(KERNEL_TYPES))
@settings(max_examples=30)
def test_with_and_without_numba_it_is_the_same_but_for_rounding(
    geometry: Geometry, plane: int, angle: float, dtype: str
) -> None:
    transform = Transform(tuple(angle if i == plane else 0.0 for i in range(3)))  # type: ignore[arg-type]
    array = values(geometry.array_shape, dtype)
    fast = plan_turn(geometry, transform)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "available", lambda: False)
        slow = plan_turn(geometry, transform)
    assert slow.way in (MOVED, SIMPLEITK)
    sure = off_the_edge(geometry, transform)
    one, two = (turned(turn, array, LINEAR, 3).astype(np.float64)[sure] for turn in (fast, slow))
    assert np.abs(one - two).max(initial=0) <= (1e-2 if dtype == "float32" else 1)
    assert (np.abs(one - two) > 1e-2).sum() <= max(1, one.size // 1000)


@needs_numba
@pytest.mark.parametrize(
    ("direction", "angles_deg", "frame", "way"),
    [
        (SIGNED[0], (0, 0, 0), PATIENT, MOVED),
        (SIGNED[0], (180, 0, 180), PATIENT, MOVED),
        (SIGNED[0], (30, 0, 0), PATIENT, ROWS),
        (SIGNED[0], (0, 30, 0), PATIENT, PLANES),
        (SIGNED[0], (0, 0, 30), PATIENT, PLANES),
        (SIGNED[0], (0, 10, 30), PATIENT, SIMPLEITK),
        (SIGNED[2], (30, 0, 0), PATIENT, PLANES),
        (SIGNED[2], (0, 30, 0), PATIENT, PLANES),
        (SIGNED[2], (0, 0, 30), PATIENT, ROWS),
        (SIGNED[2], (30, 0, 0), IMAGE, ROWS),
        (SIGNED[0], (0, 0, 30), "thin", ROWS),
    ],
)
def test_the_planner_takes_the_fastest_way(
    direction: tuple[float, ...], angles_deg: tuple[float, float, float], frame: str, way: str
) -> None:
    size = (35, 34, 31 if frame == "thin" else 33)
    geometry = Geometry(size, (1.0, 1.5, 2.0), (0, 0, 0), direction)
    assert plan_turn(geometry, Transform(angles_deg, frame=PATIENT if frame == "thin" else frame)).way == way


def peak_volumes(function: Callable[[], object], array: np.ndarray) -> float:
    """The most memory that numpy held while a function ran, in units of an array, without what it held before."""
    function()  # compiles, and loads
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / array.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("way", ["kernel", "simpleitk"])
def test_a_few_large_slices_take_no_more_room_than_many(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "simpleitk":
        monkeypatch.setattr(compiled, "available", lambda: False)
    geometry = Geometry.plain((1500, 1400, 3))
    turn = plan_turn(geometry, Transform((0.0, 0.0, 30.0)))
    array = values(geometry.array_shape, "int16")
    assert peak_volumes(lambda: turned(turn, array, LINEAR, 0), array) < 2.5


@pytest.mark.parametrize(("way", "limit"), [pytest.param("kernel", 3, marks=needs_numba), ("simpleitk", 7)])
def test_soft_labels_hold_few_volumes_of_weights(way: str, limit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "simpleitk":
        monkeypatch.setattr(compiled, "available", lambda: False)
    geometry = Geometry.plain((200, 150, 200))
    turn = plan_turn(geometry, Transform((0.0, 0.0, 30.0)))
    label = np.random.default_rng(0).integers(0, 10, geometry.array_shape).astype(np.uint8)
    # The result, and a few slices of weights of two bytes or, of SimpleITK, eight; that also takes a class as a whole
    # volume, and the best weights.
    assert peak_volumes(lambda: turned_softly(turn, label, tuple(range(10)), 0), label) < limit


@given(geometries, st.tuples(angles, angles, angles), st.integers(1, 300))
@settings(max_examples=20)
def test_the_parts_that_simpleitk_makes_one_after_the_other_fit_together(
    geometry: Geometry, angles_deg: tuple[float, float, float], voxels: int
) -> None:
    volume = Volume(values(geometry.array_shape, "int16"), geometry)
    matrix = rotation_matrix(angles_deg, geometry.dimension)
    whole = resample.resampled(volume, matrix, geometry, LINEAR, -1024)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resample, "SLAB_VOXELS", voxels)
        parts = resample.resampled(volume, matrix, geometry, LINEAR, -1024)
    sure = off_the_edge(geometry, Transform(angles_deg))
    assert np.array_equal(whole[sure], parts[sure])


@needs_numba
def test_an_oblique_grid_turns_about_its_own_axis_in_a_kernel_and_about_the_patients_in_simpleitk() -> None:
    turn = rotation_matrix((10.0, 20.0, 30.0), 3)
    geometry = Geometry((21, 20, 19), (1.0, 1.0, 2.0), (5, 6, 7), tuple(float(v) for v in turn.ravel()))
    assert plan_turn(geometry, Transform((30.0, 0, 0))).way == SIMPLEITK
    own = plan_turn(geometry, Transform((30.0, 0, 0), frame=IMAGE))
    assert own.way == ROWS
    array = values(geometry.array_shape, "int16")
    straight_grid = Geometry.plain(geometry.size, geometry.spacing_mm)
    about_x = plan_turn(straight_grid, Transform((30.0, 0, 0)))
    assert np.array_equal(turned(own, array, LINEAR, 0), turned(about_x, array, LINEAR, 0))


def test_rounding_of_a_header_does_not_cost_the_kernel() -> None:
    tilt = rotation_matrix((0.0, 0.0, 1e-7), 3)
    geometry = Geometry((512, 512, 160), (0.8, 0.8, 2.0), (0, 0, 0), tuple(float(v) for v in tilt.ravel()))
    ways = {plan_turn(geometry, Transform((30.0, 0, 0))).way}
    assert ways == {ROWS} or not compiled.available()


@given(geometries, angles, st.integers(0, 2))
@settings(max_examples=20)
def test_a_grown_grid_cuts_nothing_and_keeps_the_centre(geometry: Geometry, angle: float, plane: int) -> None:
    transform = Transform(tuple(angle if i == plane else 0.0 for i in range(3)))  # type: ignore[arg-type]
    turn = plan_turn(geometry, transform, expand=True)
    assert np.allclose(turn.grid.center_mm, geometry.center_mm, atol=1e-6 * max(geometry.spacing_mm) * 1000)
    matrix = index_matrix(turn.matrix, geometry)
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T * geometry.size
    back = corners @ np.linalg.inv(matrix).T
    assert (np.abs(back) <= np.array(turn.grid.size) / 2 + 2e-3).all()
    assert (np.abs(back).max(axis=0) > np.array(turn.grid.size) / 2 - 0.51).all(), "and grows no further"


def test_a_quarter_turn_on_a_grown_grid_only_moves_voxels() -> None:
    geometry = Geometry((9, 8, 5), (1.0, 1.0, 1.0), (5, 6, 7), SIGNED[0])
    turn = plan_turn(geometry, Transform((0.0, 0.0, 90.0)), expand=True)
    assert (turn.way, turn.grid.size) == (MOVED, (8, 9, 5))
    array = values(geometry.array_shape, "int16")
    assert sorted(turned(turn, array, LINEAR, 0).ravel()) == sorted(array.ravel())


@given(st.integers(3, 40), st.integers(3, 40), angles, st.sampled_from(["grey", "colour", "deep"]), st.booleans())
@settings(max_examples=40)
def test_pictures_of_any_kind_turn_as_simpleitk_turns_them(
    width: int, height: int, angle: float, kind: str, expand: bool
) -> None:
    geometry = Geometry.plain((width, height))
    shape = (height, width, 3) if kind != "grey" else (height, width)
    picture = values(shape, "uint16" if kind == "deep" else "uint8")
    transform = Transform((0.0, 0.0, angle))
    turn = plan_turn(geometry, transform, expand=expand)
    ours = turned(turn, picture, LINEAR, 0)
    theirs = careful_script(Volume(picture, geometry), transform, sitk.sitkLinear, 0.0, turn.grid)
    sure = off_the_edge(geometry, transform, turn.grid)
    agrees(ours, theirs, sure if picture.ndim == 2 else np.broadcast_to(sure[..., None], theirs.shape))


@given(straight(), angles)
@settings(max_examples=20)
def test_soft_labels_are_those_of_the_class_with_most_weight(geometry: Geometry, angle: float) -> None:
    label = np.random.default_rng(2).integers(0, 4, geometry.array_shape).astype(np.uint8)
    transform = Transform((0.0, angle, 0.0))
    turn = plan_turn(geometry, transform)
    soft = turned_softly(turn, label, (0, 1, 2, 3), 0)
    weights = np.stack(
        [
            careful_script(Volume((label == v).astype(np.uint8), geometry), transform, sitk.sitkLinear, float(v == 0))
            for v in range(4)
        ]
    )
    top = np.sort(weights, axis=0)
    clear = (top[-1] - top[-2] > 1e-3) & off_the_edge(geometry, transform)
    assert np.array_equal(soft[clear], weights.argmax(axis=0)[clear])
    assert np.array_equal(turned_softly(plan_turn(geometry, Transform()), label, (0, 1, 2, 3), 0), label)


@given(straight(), angles, st.integers(0, 2))
@settings(max_examples=20)
def test_image_and_label_come_from_the_same_side_of_the_edge(geometry: Geometry, angle: float, plane: int) -> None:
    transform = Transform(tuple(angle if i == plane else 0.0 for i in range(3)))  # type: ignore[arg-type]
    turn = plan_turn(geometry, transform)
    ones = np.ones(geometry.array_shape, np.int16)
    from_outside = turned(turn, ones, LINEAR, 0) == 0
    assert np.array_equal(outside(turn), from_outside)


@given(st.sampled_from(KERNEL_TYPES), angles)
@settings(max_examples=20)
def test_no_mean_leaves_the_range_of_what_it_is_of(dtype: str, angle: float) -> None:
    kind = np.dtype(dtype)
    limits = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind != "f" else (-1e6, 1e6)
    array = np.random.default_rng(0).choice(np.array(limits, dtype=kind), (9, 8, 7))
    moved = turned(
        plan_turn(Geometry.plain((7, 8, 9), (1.0, 1.5, 2.0)), Transform((angle, 0.0, 0.0))), array, LINEAR, limits[1]
    )
    assert limits[0] <= moved.min() <= moved.max() <= limits[1]


@pytest.mark.parametrize("way", [pytest.param("kernel", marks=needs_numba), "simpleitk"])
@pytest.mark.parametrize("slices", [5, 40])
def test_means_of_the_largest_numbers_of_32_bits_are_finite(
    way: str, slices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "simpleitk":
        monkeypatch.setattr(compiled, "available", lambda: False)
    largest = np.finfo(np.float32).max
    geometry = Geometry.plain((20, 19, slices))
    array = np.random.default_rng(0).choice(np.array([-largest, largest]), geometry.array_shape)
    turn = plan_turn(geometry, Transform((0.0, 0.0, 30.0)))
    assert (turn.way == SIMPLEITK) == (way == "simpleitk")
    moved = turned(turn, array, LINEAR, -largest)
    assert moved.dtype == np.float32
    assert np.isfinite(moved).all()
    theirs = careful_script(Volume(array, geometry), Transform((0.0, 0.0, 30.0)), sitk.sitkLinear, -float(largest))
    sure = off_the_edge(geometry, Transform((0.0, 0.0, 30.0)))
    assert np.allclose(moved[sure] / largest, theirs[sure] / largest, atol=1e-6)


@given(st.integers(0, 2), st.sampled_from([30.0, 60.0, 17.5]))
@settings(max_examples=9)
def test_turning_back_leaves_the_inner_ball(plane: int, angle: float) -> None:
    geometry = Geometry.plain((40, 40, 40))
    z, y, x = np.meshgrid(*[np.arange(40) - 19.5] * 3, indexing="ij")
    smooth = (1000 * np.exp(-(x**2 + 1.5 * y**2 + 2 * z**2) / 200)).astype(np.int16)
    there, back = (
        plan_turn(geometry, Transform(tuple(a if i == plane else 0.0 for i in range(3))))  # type: ignore[arg-type]
        for a in (angle, -angle)
    )
    again = turned(back, turned(there, smooth, LINEAR, 0), LINEAR, 0)
    ball = x**2 + y**2 + z**2 < 15**2
    assert np.abs(again - smooth)[ball].max() < 25


@pytest.mark.parametrize("frame", [PATIENT, IMAGE])
@pytest.mark.parametrize("expand", [False, True])
def test_a_voxel_is_found_again_in_the_copy(frame: str, expand: bool) -> None:
    geometry = Geometry((21, 17, 13), (1.0, 1.2, 1.5), (40.0, -3.0, 9.0), SIGNED[3])
    transform = Transform((25.0, -40.0, 65.0), frame=frame)
    turn = plan_turn(geometry, transform, expand=expand)
    for voxel in ((8, 9, 5), (12, 7, 8), (10, 8, 6)):
        image = np.zeros(geometry.array_shape, np.float32)
        image[voxel[::-1]] = 1
        copy = turned(turn, image, LINEAR, 0.0)
        brightest = np.unravel_index(copy.argmax(), copy.shape)[::-1]
        found = voxel_in_copy(transform, geometry, turn.grid, voxel)
        assert np.abs(np.subtract(found, brightest)).max() <= 1


def test_a_voxel_that_was_cut_off_has_a_nearest_one() -> None:
    geometry = Geometry.plain((30, 4, 4))
    assert voxel_in_copy(Transform((0.0, 0.0, 90.0)), geometry, geometry, (29, 1, 2))[1] in (0, 3)


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (Transform((30.0, 0.0, -7.25), {"hu_shift": -42.5}), "sagittal 30°, axial -7.25°, shift -42.5 HU"),
        (Transform((0.0, 90.0, 0.0), frame=IMAGE), "j 90°"),
        (Transform(), "unchanged"),
    ],
)
def test_a_transform_is_read_from_the_lineage_and_said_in_words(transform: Transform, words: str) -> None:
    assert Transform.from_json(transform.as_json()) == transform
    assert transform.in_words() == words


@pytest.mark.skipif(not compiled.available(), reason="Numba is not installed")
@pytest.mark.parametrize("angle_deg", [30.0, 180.0])
def test_a_copy_is_written_into_room_that_fits_and_into_no_other(angle_deg: float) -> None:
    turn = plan_turn(Geometry.plain((9, 8, 7)), Transform((0.0, 0.0, angle_deg)))
    voxels = np.arange(7 * 8 * 9, dtype=np.int16).reshape(7, 8, 9)
    expected = turned(turn, voxels, NEAREST, 5)
    room = np.full_like(voxels, 3)
    assert turned(turn, voxels, NEAREST, 5, room) is room
    np.testing.assert_array_equal(room, expected)
    read_only = np.zeros_like(voxels)
    read_only.flags.writeable = False
    for other in (np.zeros((7, 8, 8), np.int16), np.zeros((7, 8, 9), np.int32), read_only):
        found = turned(turn, voxels, NEAREST, 5, other)
        assert found is not other
        np.testing.assert_array_equal(found, expected)
        assert not other.any()


def test_room_is_kept_only_for_a_rotation_that_writes_into_it() -> None:
    """Otherwise it would be memory that nothing uses."""
    geometry = Geometry.plain((9, 8, 7))
    room = np.zeros(geometry.array_shape, np.int16)
    single, several = (plan_turn(geometry, Transform(angles)) for angles in ((0.0, 0.0, 30.0), (10.0, 20.0, 30.0)))
    grown = plan_turn(geometry, Transform((0.0, 0.0, 30.0)), expand=True)
    assert single.room_in(None) is None
    assert several.room_in(room) is None
    assert grown.room_in(room) is None
    if compiled.available():
        assert single.room_in(room) is room
