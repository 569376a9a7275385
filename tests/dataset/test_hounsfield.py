"""CTs that do not hold HU, or not like the others of their set: each kind is named, anatomy is not."""

from __future__ import annotations

import numpy as np
import pytest

from segconv.dataset.hounsfield import AS_PICTURES, SCALED, TOO_HIGH, TOO_LOW, USUAL, HounsfieldSet, kind_of
from segconv.image.voxels import SHARES, shares_of

SIZE = (24, 40, 40)


def body(seed: int = 0, *, radius: float = 0.8, bone: float = 0.05, lungs: float = 0.0) -> np.ndarray:
    """Air at -1000 around a body of fat, soft tissue and bone whose density falls off, and lungs."""
    chance = np.random.default_rng(seed)
    _, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SIZE), indexing="ij")
    inside = x**2 + y**2 < radius**2
    tissue = np.where(chance.random(SIZE) < 0.3, -100, 40) + chance.normal(0, 15, SIZE)
    hard = 200 + chance.exponential(350, SIZE)
    tissue = np.where(chance.random(SIZE) < bone, hard, tissue)
    tissue = np.where((x**2 + y**2 < (lungs * radius) ** 2), -850 + chance.normal(0, 60, SIZE), tissue)
    array = np.where(inside, tissue, -1000 + chance.normal(0, 8, SIZE))
    return np.clip(np.rint(array), -1024, 3071)


def padded(array: np.ndarray, value: float = -2000) -> np.ndarray:
    """What some scanners store outside of the circle that they saw."""
    _, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SIZE), indexing="ij")
    return np.where(x**2 + y**2 > 1, value, array)


def cropped(array: np.ndarray) -> np.ndarray:
    """The middle of a body, without air."""
    return array[:, 14:26, 14:26]


GOOD = {
    "body": body(),
    "with lungs": body(lungs=0.6),
    "small in air": body(radius=0.3),
    "padded": padded(body()),
    "padded lower": padded(body(), -3024),
    "crop": cropped(body()),
    "crop of bone": cropped(body(bone=0.6)),
    "crop of lung": cropped(body(lungs=0.95)) * 1.0,
    "metal": np.where(np.random.default_rng(0).random(SIZE) < 0.01, 3071, body()),
    "noise": np.random.default_rng(1).integers(-1000, 1000, SIZE).astype(float),
}


def seen(array: np.ndarray) -> tuple[float, float, tuple[float, ...]]:
    return float(array.min()), float(array.max()), shares_of(array)


@pytest.mark.parametrize("name", GOOD)
def test_ct_as_anatomy_and_scanners_make_it_is_usual(name: str) -> None:
    assert kind_of(*seen(GOOD[name])) == USUAL


@pytest.mark.parametrize("name", ["body", "with lungs", "small in air", "padded", "padded lower", "crop", "metal"])
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda a: a + 1024, TOO_HIGH),
        (lambda a: np.maximum(a + 1024, 0), TOO_HIGH),
        (lambda a: a - 1024, TOO_LOW),
        (lambda a: np.clip((a + 160) / 400 * 255, 0, 255).astype(np.uint8), AS_PICTURES),
        (lambda a: np.clip((a + 1024) / 4095, 0, 1), SCALED),
        (lambda a: np.clip(a / 1000, -1, 1), SCALED),
    ],
    ids=["high", "high, unsigned", "low", "windowed", "scaled", "scaled to -1"],
)
def test_values_other_than_hu_are_named(name: str, change: object, kind: str) -> None:
    assert kind_of(*seen(change(GOOD[name]))) == kind  # type: ignore[operator]


def found(arrays: list[np.ndarray]) -> dict[int, str]:
    every = HounsfieldSet()
    for number, array in enumerate(arrays):
        every.add(number, *seen(array))
    return dict(every.outliers())  # type: ignore[arg-type]


def test_a_set_that_agrees_has_no_outlier() -> None:
    assert found([]) == {}
    assert found(list(GOOD.values())) == {}
    for change in (lambda a: a + 1024, lambda a: a - 1024, lambda a: np.clip(a, 0, 255), lambda a: a / 4000):
        assert found([change(body(seed)) for seed in range(4)]) == {}


@pytest.mark.parametrize("wrong", [1, 3, 5])
def test_the_facts_decide_and_not_the_majority(wrong: int) -> None:
    arrays = [body(seed) + (1024 if seed < wrong else 0) for seed in range(6)]
    wording = found(arrays)
    assert list(wording) == list(range(wrong))
    assert all("seems to be stored 1024 too high: its values reach from 0 to" in what for what in wording.values())
    assert all(f"; {6 - wrong} of 6 CTs of the set hold HU" in what for what in wording.values())


@pytest.mark.parametrize("number", [1, 2])
def test_one_or_two_are_judged_by_the_facts(number: int) -> None:
    assert found([body(seed) for seed in range(number)]) == {}
    assert len(found([body(seed) + 1024 for seed in range(number)])) == number
    assert len(found([np.clip(body(seed), 0, 255) for seed in range(number)])) == number


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a + 1000, "stored 1024 too high"),
        (lambda a: a + 8192, "stored about 8192 too high"),
        (lambda a: a - 3000, "too low"),
        (lambda a: (a - a.mean()) / a.std(), "does not hold HU as the others do"),
        (lambda a: (a + 1024) * 16, "does not hold HU as the others do"),
        (lambda a: np.clip(a, -160, 240), "is cut off at -160"),
        (lambda a: np.maximum(a, 0), "is cut off at 0"),
    ],
)
def test_other_contradictions_with_the_set(change: object, words: str) -> None:
    arrays = [body(seed, bone=0.02 + 0.02 * seed) for seed in range(5)]
    arrays[3] = change(arrays[3])  # type: ignore[operator]
    wording = found(arrays)
    assert list(wording) == [3]
    assert words in wording[3]


def test_shares_are_those_of_the_whole_image() -> None:
    chance = np.random.default_rng(5)
    for shape in ((1, 1, 5), (3, 700, 700), (200, 190, 180), (2, 3, 4)):
        array = chance.normal(0, 100, shape).astype(np.float32)
        ours, exact = np.array(shares_of(array)), np.quantile(array, SHARES)
        assert list(ours) == sorted(ours)
        if array.size > 1000:
            assert np.abs(ours - exact)[1:-1].max() < 4
        assert array.min() <= ours[0]
        assert ours[-1] <= array.max()
