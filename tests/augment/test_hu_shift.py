"""HU shifts change every voxel but air, and saturate at the limits of the type."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segconv.augment.hu_shift import apply as shift_hu

AIR = -1024


@given(hnp.arrays(np.int16, 50, elements=st.integers(AIR, 3071)), st.floats(-60, 60))
def test_air_stays_and_everything_else_moves_by_the_shift(array: np.ndarray, shift: float) -> None:
    moved = shift_hu(array, shift, AIR)
    assert moved.dtype == np.int16
    assert (moved[array == AIR] == AIR).all()
    body = array > AIR
    expected = np.maximum(np.rint(array[body].astype(np.float64) + np.float32(shift)), AIR)
    assert np.abs(moved[body] - expected).max(initial=0) <= 1e-3


def test_nothing_wraps_at_the_ends_of_a_type() -> None:
    array = np.array([-32768, -32767, 32760, 32767], np.int16)
    assert shift_hu(array, 50, -32768).tolist() == [-32768, -32717, 32767, 32767]
    assert shift_hu(array, -50, -32768).tolist() == [-32768, -32768, 32710, 32717]
    assert shift_hu(np.array([0, 250, 255], np.uint8), 20, 0).tolist() == [0, 255, 255]


def test_the_largest_numbers_of_a_type_stay_finite() -> None:
    for dtype in (np.float32, np.float64):
        largest = np.finfo(dtype).max
        array = np.array([-largest, 0, largest], dtype)
        for shift in (-65535.0, 65535.0):
            moved = shift_hu(array, shift, -largest)
            assert moved.dtype == dtype
            assert moved.tolist() == [-largest, shift, largest]
