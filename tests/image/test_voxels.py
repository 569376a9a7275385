"""What a volume holds, reported exactly, wherever the odd voxel is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segconv.errors import SegconvError
from segconv.image import voxels

labels = hnp.arrays(
    st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.float32]),
    st.tuples(*[st.integers(1, 6)] * 3),
    elements=st.integers(0, 120),
)


@given(labels)
def test_values_and_counts_are_numpys(array: np.ndarray) -> None:
    values, counts = np.unique(array, return_counts=True)
    assert voxels.label_values(array) == {int(v): int(c) for v, c in zip(values, counts, strict=True)}


@given(hnp.arrays(np.uint8, st.tuples(*[st.integers(60, 70)] * 2), elements=st.integers(0, 255)))
def test_values_of_masks_of_any_size_are_counted_in_order(array: np.ndarray) -> None:
    values, counts = np.unique(array, return_counts=True)
    assert list(voxels.label_values(array).items()) == list(zip(values.tolist(), counts.tolist(), strict=True))


@given(st.one_of(labels, hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 2))))
def test_the_border_is_the_faces_and_edges_count_in_each(array: np.ndarray) -> None:
    expected: dict[int, int] = {}
    for axis, length in enumerate(array.shape):
        if array.ndim == 2 or length > 2:
            for face in {0, length - 1}:
                for value in np.take(array, face, axis).ravel().tolist():
                    expected[int(value)] = expected.get(int(value), 0) + 1
    assert voxels.border_counts(array) == expected


def test_values_beyond_16_bits_are_counted_as_well() -> None:
    assert voxels.label_values(np.array([[0, 70_000]])) == {0: 1, 70_000: 1}


def test_volumes_larger_than_a_chunk_are_seen_to_the_end() -> None:
    array = np.zeros((3, 700, 700), np.uint8)
    array[-1, -1, -1] = 9
    assert voxels.label_values(array)[9] == 1
    fractions = array.astype(np.float32)
    fractions[-1, -1, -2] = 0.5
    with pytest.raises(SegconvError, match=r"\(698, 699, 2\)") as caught:
        voxels.label_values(fractions)
    assert caught.value.code == "SC071"


@pytest.mark.parametrize(("value", "code"), [(np.nan, "SC055"), (np.inf, "SC055"), (-np.inf, "SC055"), (-1, "SC072")])
def test_the_odd_voxel_is_named(value: float, code: str) -> None:
    array = np.zeros((2, 3, 4), np.float32)
    array[1, 2, 3] = value
    with pytest.raises(SegconvError, match=r"\(3, 2, 1\)") as caught:
        voxels.label_values(array)
    assert caught.value.code == code


@given(labels)
def test_a_remapped_label_maps_back(array: np.ndarray) -> None:
    forward = {value: i for i, value in enumerate(voxels.label_values(array))}
    backward = {written: found for found, written in forward.items()}
    there = voxels.remap(array, forward)
    assert there.dtype == np.uint8
    assert np.array_equal(voxels.remap(there, backward), array)


@pytest.mark.parametrize("values", [(0, 255), (3, 4, 200), tuple(range(12)), (0, 300)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_few_and_many_values_are_remapped_alike(values: tuple[int, ...], dtype: type) -> None:
    if max(values) > np.iinfo(np.uint8).max and dtype == np.uint8:
        values = tuple(min(value, 255) for value in values)
    array = np.random.default_rng(0).choice(np.array(values, dtype), (3, 700, 701))
    forward = {value: number for number, value in enumerate(values)} | {70000: 1}
    expected = np.zeros(array.shape, np.uint8)
    for value in values:
        expected[array == value] = forward[value]
    for view in (array, array[:, ::2], array.transpose()):
        found = voxels.remap(view, forward)
        assert found.dtype == np.uint8
    assert np.array_equal(voxels.remap(array, forward), expected)
    assert np.array_equal(voxels.remap(array.transpose(), forward), expected.transpose())
