"""Folds get equal parts of everything, whatever the groups, and only the seed decides among equals."""

from __future__ import annotations

import hashlib
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.dataset.balance import Amounts, balanced


def ranks(groups: int, seed: int = 0) -> list[bytes]:
    return [hashlib.sha256(f"{seed}:{group}".encode()).digest() for group in range(groups)]


def unevenness(amounts: Amounts, fold_of: object, folds: int) -> float:
    """Sum of squares of what folds hold, each kind in units of a fold's part."""
    parts = amounts / np.maximum(amounts.sum(axis=0), 1) * folds
    held = np.array([parts[np.asarray(fold_of) == fold].sum(axis=0) for fold in range(folds)])
    return float((held**2).sum())


def generated(seed: int, groups: int, classes: int = 3) -> Amounts:
    random = np.random.default_rng(seed)
    cases = random.integers(1, 4, (groups, 1))
    present = random.binomial(np.repeat(cases, classes, axis=1), random.uniform(0.1, 0.9, classes))
    return np.hstack([cases, present]).astype(float)


@pytest.mark.parametrize("seed", range(6))
def test_small_sets_are_about_as_even_as_the_best_of_all_ways_to_split_them(seed: int) -> None:
    amounts = generated(seed, 8)
    every = min(unevenness(amounts, way, 2) for way in product(range(2), repeat=8))
    assert unevenness(amounts, balanced(amounts, 2, ranks(8)), 2) <= 1.02 * every


@pytest.mark.parametrize("seed", range(3))
def test_a_set_is_more_even_than_every_one_of_a_hundred_random_splits(seed: int) -> None:
    amounts = generated(seed, 60)
    random = np.random.default_rng(seed)
    chance = min(unevenness(amounts, random.permutation(60) % 5, 5) for _ in range(100))
    assert unevenness(amounts, balanced(amounts, 5, ranks(60)), 5) < chance


@given(st.integers(0, 99), st.integers(2, 20), st.integers(2, 6))
def test_no_fold_is_empty_and_the_same_seed_gives_the_same_folds(seed: int, groups: int, folds: int) -> None:
    amounts = generated(seed, groups)
    count = min(groups, folds)
    made = balanced(amounts, count, ranks(groups))
    assert set(made.tolist()) == set(range(count))
    assert balanced(amounts, count, ranks(groups)).tolist() == made.tolist()


def test_seeds_give_different_folds_of_equal_groups_and_all_are_even() -> None:
    amounts = np.ones((20, 2))
    made = [balanced(amounts, 5, ranks(20, seed)).tolist() for seed in range(5)]
    assert len(set(map(tuple, made))) == 5
    assert all(np.bincount(fold_of).tolist() == [4] * 5 for fold_of in made)


def test_a_rare_class_is_spread_before_anything_else() -> None:
    amounts = np.ones((40, 2))
    amounts[:, 1] = 0
    amounts[[3, 9, 11, 27], 1] = 1
    fold_of = balanced(amounts, 4, ranks(40))
    assert sorted(fold_of[[3, 9, 11, 27]].tolist()) == [0, 1, 2, 3]


@given(st.integers(0, 99), st.sampled_from([0.1, 0.2, 0.25]))
def test_unlike_folds_get_their_shares(seed: int, share: float) -> None:
    amounts = generated(seed, 60)
    fold_of = balanced(amounts, 2, ranks(60), shares=[share, 1 - share])
    parts = amounts[fold_of == 0].sum(axis=0) / np.maximum(amounts.sum(axis=0), 1)
    assert np.abs(parts - share).max() < 0.1
    assert abs(parts[0] - share) < 0.04


def test_the_smallest_fold_stays_empty_if_every_group_is_far_larger() -> None:
    assert balanced(np.ones((3, 2)), 2, ranks(3), shares=[0.1, 0.9]).tolist() == [1, 1, 1]
