"""Masks united in order, against a plain loop over voxels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segconv.convert.combining.voxels import Union
from segconv.errors import SegconvError


@given(
    masks=st.lists(st.tuples(st.integers(1, 3), st.lists(st.booleans(), min_size=12, max_size=12)), max_size=6),
    on=st.sampled_from([1, 255]),
    dtype=st.sampled_from([np.uint8, np.int16, np.float32]),
)
def test_the_first_mask_keeps_a_voxel(masks: list[tuple[int, list[bool]]], on: int, dtype: type) -> None:
    expected = [0] * 12
    overlaps: Counter[tuple[int, int]] = Counter()
    union = Union((2, 2, 3), 3)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("segconv.image.voxels.CHUNK_VOXELS", 5)
        for value, inside in masks:
            for at, is_inside in enumerate(inside):
                if is_inside and not expected[at]:
                    expected[at] = value
                elif is_inside and expected[at] != value:
                    overlaps[expected[at], value] += 1
            union.add(np.array(inside, dtype).reshape(2, 2, 3) * dtype(on), value)
    assert union.array.ravel().tolist() == expected
    assert union.array.dtype == np.uint8
    assert +union.counts == Counter(value for value in expected if value)
    assert union.overlaps == overlaps


def test_many_groups_take_two_bytes() -> None:
    union = Union((1, 1, 2), 300)
    union.add(np.array([[[0, 1]]], np.uint8), 300)
    assert union.array.tolist() == [[[0, 300]]]


@pytest.mark.parametrize(
    ("mask", "code"),
    [
        (np.array([[[0, 1, 2]]], np.uint8), "SC078"),
        (np.array([[[0, 1, 2]]], np.int16), "SC078"),
        (np.array([[[0, -1]]], np.int16), "SC072"),
        (np.array([[[0, 0.5]]], np.float32), "SC071"),
        (np.array([[[0, np.nan]]], np.float32), "SC055"),
    ],
)
def test_what_is_no_mask_is_refused(mask: NDArray[np.uint8], code: str) -> None:
    with pytest.raises(SegconvError) as refused:
        Union(mask.shape, 1).add(mask, 1)
    assert refused.value.code == code
