"""Values that are not declared: snapped to the nearest, unless two are as near."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.convert.coding import Coding
from segconv.dataset.labels import RGB
from segconv.errors import SegconvError


def test_a_value_between_two_labels_is_not_given_to_either() -> None:
    coding = Coding({0: 0, 2: 1, 8: 2}, snap=3)
    with pytest.raises(SegconvError) as caught:
        coding.settle(np.array([[0, 5]], np.uint8))
    assert "the nearest is 2, and 8 is as near, 3 away" in caught.value.message
    assert "--snap" not in caught.value.hint
    assert coding.settle(np.array([[0, 4]], np.uint8)) == ({0: 1, 4: 1}, {4: 2})


def test_two_values_of_one_label_may_be_as_near() -> None:
    coding = Coding({0: 0, 100: 1, 104: 1}, snap=2)
    assert coding.settle(np.array([[102]], np.uint8))[1] == {102: 100}


@given(
    st.dictionaries(st.integers(0, 255), st.integers(0, 5), min_size=1, max_size=6),
    st.integers(0, 40),
    st.lists(st.integers(0, 255), min_size=1, max_size=20),
)
def test_what_is_accepted_is_nearest_and_no_further_than_said(
    forward: dict[int, int], snap: int, found: list[int]
) -> None:
    coding = Coding(forward, snap=snap)
    values = np.array([found], np.uint8)
    try:
        _, snapped = coding.settle(values)
    except SegconvError as error:
        assert error.code == "SC070"
        return
    written = coding.apply(values, snapped)
    for value, label in zip(found, written[0].tolist(), strict=True):
        distances = {declared: abs(value - declared) for declared in forward}
        nearest = min(distances.values())
        assert nearest <= snap
        assert {forward[d] for d, distance in distances.items() if distance == nearest} == {label}


def test_colours_snap_by_their_distance() -> None:
    coding = Coding({0: 0, 0xFF0000: 1}, RGB, snap=7)
    assert coding.settle(np.array([[0xFC0404]], np.uint32))[1] == {0xFC0404: 0xFF0000}
