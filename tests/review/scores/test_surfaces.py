"""Distances between surfaces are those of independent implementations, on anisotropic volumes and on pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from segconv.review.scores.surface_scores import Pool, SurfaceScore, surface_score
from segconv.review.scores.surfaces import element_sizes

SPACINGS = [(3.0, 0.7, 1.3), (1.0, 1.0, 1.0), (0.9, 2.1)]


def blobs(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """A mask of several pieces, some of which touch the edge of the image."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return np.asarray(ndimage.gaussian_filter(noise, 1.7) > 0.05)


def pair(seed: int, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    shape = (14, 25, 19)[-dimension:]
    mine, its = blobs(seed, shape), blobs(seed + 100, shape)
    return mine, its | (mine & blobs(seed + 200, shape))


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI passes it to itself
@pytest.mark.parametrize("spacing", SPACINGS, ids=str)
def test_distances_and_surface_dice_are_those_of_monai(spacing: tuple[float, ...]) -> None:
    import torch
    from monai.metrics import compute_surface_dice
    from monai.metrics.utils import get_edge_surface_distance

    for seed in range(4):
        mine, its = pair(seed, len(spacing))
        tensors = torch.from_numpy(mine), torch.from_numpy(its)
        _, distances, _ = get_edge_surface_distance(*tensors, spacing=spacing, symmetric=True)
        hd95 = np.percentile(np.concatenate([np.asarray(d, np.float64) for d in distances]), 95)
        for tolerance in (0.5, 1.75):
            found = surface_score(mine, its, spacing, 1, tolerance)
            one_hot = [tensor[None, None].float() for tensor in tensors]
            nsd = compute_surface_dice(
                *one_hot, [tolerance], include_background=True, spacing=list(spacing), use_subvoxels=True
            )
            assert found.hd95 == pytest.approx(hd95, rel=1e-6)
            assert found.nsd == pytest.approx(float(nsd), rel=1e-6)
            assert 0.05 < found.nsd < 0.999, "a comparison of trivial values would prove nothing"
            assert found.hd95 > min(spacing)


@pytest.mark.parametrize("spacing", SPACINGS, ids=str)
def test_hd95_is_that_of_searching_all_border_voxels(spacing: tuple[float, ...]) -> None:
    for seed in range(4):
        masks = pair(seed, len(spacing))
        points = [np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing for mask in masks]
        found = [cKDTree(other).query(one)[0] for one, other in (points, points[::-1])]
        score = surface_score(*masks, spacing, 1)
        assert score.hd95 == pytest.approx(np.percentile(np.concatenate(found), 95), rel=1e-12)
        assert (score.predicted, score.reference) == tuple(map(np.count_nonzero, masks))


@pytest.mark.parametrize("spacing", SPACINGS, ids=str)
def test_a_box_has_the_area_of_its_faces_but_for_cut_edges(spacing: tuple[float, ...]) -> None:
    """The surface of a box is cut at its edges, half a voxel deep."""
    sides = (6, 5, 7)[-len(spacing) :]
    mask = np.pad(np.ones(sides, bool), 3)
    size = surface_score(mask, mask, spacing, 1).surface / 2
    lengths = np.multiply(sides, spacing)
    if len(spacing) == 2:
        assert size == pytest.approx(2 * sum(lengths - spacing) + 4 * math.hypot(*spacing) / 2)
    else:
        faces = 2 * (lengths[0] * lengths[1] + lengths[1] * lengths[2] + lengths[0] * lengths[2])
        assert 0.8 * faces < size < faces


def test_elements_of_a_mask_and_of_the_rest_are_the_same() -> None:
    for spacing in SPACINGS:
        sizes = element_sizes(spacing)
        assert np.array_equal(sizes, sizes[::-1])
        assert (sizes[1:-1] > 0).all()


@pytest.mark.parametrize(
    ("shift", "tolerance", "within"), [(0, 0.0, True), (2, 1.9, False), (2, 2.0, True), (3, 0.9, False)]
)
def test_a_shift_by_the_tolerance_is_within_it(shift: int, tolerance: float, within: bool) -> None:
    mask = np.zeros((12, 30), bool)
    mask[2:10, 5:15] = True
    score = surface_score(np.roll(mask, shift, axis=1), mask, (1.0, 1.0), 1, tolerance)
    assert score.hd95 == shift
    assert (score.nsd == 1) is within
    assert score.nsd > 0.4, "the sides along the shift are where they were"
    steps = surface_score(np.roll(mask, 3, axis=1), mask, (0.1, 0.1), 1, 0.3)
    assert steps.nsd == 1, "3 × 0.1 mm is not more than 0.3 mm"


def test_empty_sides_are_defined() -> None:
    full, none = np.ones((3, 4, 5), bool), np.zeros((3, 4, 5), bool)
    missed = surface_score(none, full, (1.0, 1.0, 1.0), 0.5)
    assert (missed.hd95, missed.nsd, missed.volume_error, missed.volume_error_percent) == (math.inf, 0, -30, -100)
    invented = surface_score(full, none, (1.0, 1.0, 1.0), 0.5)
    assert (invented.hd95, invented.nsd, invented.volume_error) == (math.inf, 0, 30)
    assert math.isnan(invented.volume_error_percent)
    neither = surface_score(none, none, (1.0, 1.0, 1.0), 0.5)
    assert all(map(math.isnan, (neither.hd95, neither.nsd, neither.volume_error, neither.volume_error_percent)))


@pytest.mark.parametrize("axis", range(3))
def test_a_volume_of_one_slice_is_a_picture(axis: int) -> None:
    mine, its = pair(3, 2)
    spacing = [0.9, 2.1]
    wanted = surface_score(mine, its, tuple(spacing), 1)
    spacing.insert(axis, 5.0)
    assert surface_score(np.expand_dims(mine, axis), np.expand_dims(its, axis), tuple(spacing), 1) == wanted


def test_one_voxel_in_the_corner_of_an_image_has_a_surface() -> None:
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = True
    other = np.zeros_like(mask)
    other[3, 0, 0] = True
    score = surface_score(mask, other, (2.0, 1.0, 1.0), 1)
    assert (score.hd95, score.nsd) == (6.0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=6))
def test_pooled_distances_have_the_percentile_of_all(cases: list[tuple[int, int]]) -> None:
    pool = Pool()
    everything: list[float] = []
    for distance, number in cases:
        pool.add(SurfaceScore(1, 1, 1, steps={distance * 1000: number}))
        everything += [distance] * number
    assert pool.hd95 == pytest.approx(np.percentile(everything, 95))


def test_pooled_cases_count_as_one() -> None:
    mine, its = pair(0, 3)
    spacing = SPACINGS[0]
    whole = surface_score(np.concatenate([mine, np.zeros_like(mine), mine]), np.concatenate([its, np.zeros_like(its), its]),
                          spacing, 0.1)  # fmt: skip
    pool = Pool()
    for _ in range(2):
        pool.add(surface_score(mine, its, spacing, 0.1))
    assert pool.hd95 == pytest.approx(whole.hd95, abs=1e-3)
    assert pool.nsd == pytest.approx(whole.nsd)
    assert pool.volume_error == pytest.approx(whole.volume_error)
    pool.add(surface_score(np.zeros_like(mine), its, spacing, 0.1))
    assert (pool.cases, pool.apart) == (3, 1)
    assert pool.nsd < whole.nsd
    assert pool.hd95 == pytest.approx(whole.hd95, abs=1e-3)
