"""Slices: in the order of their numbers, complete and alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.image import stack


@given(st.integers(0, 30), st.integers(2, 30), st.sampled_from(["%d", "%04d"]), st.randoms())
def test_slices_are_in_the_order_of_their_numbers(first: int, count: int, form: str, random: object) -> None:
    names = [f"case7_slice{form % (first + n)}_z" for n in range(count)]
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [shuffled[at] for at in stack.ordered(shuffled)] == names
    assert sorted(shuffled, key=stack.natural_key) == names


@pytest.mark.parametrize(
    ("names", "wording"),
    [
        (["s1", "s2", "s4"], "slice 3 is missing"),
        (["s1", "s5"], "slice 2 to 4 is missing"),
        (["s1", "s01"], "differ in 0 numbers"),
        (["s1", "s2", "s02"], "both slice 2"),
        (["a1_1", "a2_2"], "differ in 2 numbers"),
        (["a1", "b2"], "named in two ways"),
    ],
)
def test_an_uncertain_order_is_refused(names: list[str], wording: str) -> None:
    with pytest.raises(SegconvError, match=wording) as raised:
        stack.ordered(names)
    assert raised.value.code == "SC087"


def test_a_stack_is_a_volume() -> None:
    slices = [np.full((2, 3), n, np.uint8) for n in range(4)]
    volume = stack.assemble(slices)
    assert volume.shape == (4, 2, 3)
    assert volume[3].max() == 3
    geometry = stack.geometry_of(volume, (0.5, 0.6, 2))
    assert geometry.size == (3, 2, 4)
    assert geometry.spacing_mm == (0.5, 0.6, 2.0)


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (np.zeros((2, 4), np.uint8), "SC082"),
        (np.zeros((2, 3), np.uint16), "SC084"),
        (np.zeros((2, 3, 3), np.uint8), "SC084"),
    ],
)
def test_slices_that_differ_are_refused(odd: np.ndarray, code: str) -> None:
    with pytest.raises(SegconvError, match="slice 2") as raised:
        stack.assemble([np.zeros((2, 3), np.uint8), odd])
    assert raised.value.code == code
