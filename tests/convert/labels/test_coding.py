"""Undeclared values snap to the nearest label, unless two are equally near."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.convert.labels.coding import Coding, distance
from segconv.dataset.label_table import LabelTable
from segconv.dataset.labels import GRAY, RGB, TRANSPARENT, Labels, parse_value, value_text
from segconv.errors import SegconvError


def coded(forward: dict[int, int], coding: str = GRAY, snap: int = 0) -> Coding:
    return Coding(LabelTable(Labels({"background": 0}), forward, coding), snap)


def test_a_value_between_two_labels_is_not_given_to_either() -> None:
    coding = coded({0: 0, 2: 1, 8: 2}, snap=3)
    with pytest.raises(SegconvError) as caught:
        coding.settle(np.array([[0, 5]], np.uint8))
    assert "the nearest is 2, and 8 is as near, 3 away" in caught.value.message
    assert "--snap" not in caught.value.hint
    assert coding.settle(np.array([[0, 4]], np.uint8)) == ({0: 1, 4: 1}, {4: 2})


def test_two_values_of_one_label_may_be_as_near() -> None:
    coding = coded({0: 0, 100: 1, 104: 1}, snap=2)
    assert coding.settle(np.array([[102]], np.uint8))[1] == {102: 100}


@given(
    st.dictionaries(st.integers(0, 255), st.integers(0, 5), min_size=1, max_size=6),
    st.integers(0, 40),
    st.lists(st.integers(0, 255), min_size=1, max_size=20),
)
def test_accepted_values_are_nearest_and_within_the_limit(forward: dict[int, int], snap: int, found: list[int]) -> None:
    coding = coded(forward, snap=snap)
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
    coding = coded({0: 0, 0xFF0000: 1}, RGB, snap=7)
    assert coding.settle(np.array([[0xFC0404]], np.uint32))[1] == {0xFC0404: 0xFF0000}


COLOURS = st.tuples(*[st.integers(0, 255)] * 4)


def code(colour: tuple[int, ...]) -> int:
    return parse_value("#" + bytes(colour).hex())[0]


@given(COLOURS, COLOURS)
def test_colours_are_as_far_apart_as_what_is_seen_of_them(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    seen = [[part * colour[3] / 255 for part in colour[:3]] + [colour[3]] for colour in (one, other)]
    assert distance(code(one), code(other), RGB) == pytest.approx(math.dist(*seen), abs=1e-9)
    opaque = distance(code((*one[:3], 255)), code((*other[:3], 255)), RGB)
    assert opaque == pytest.approx(math.dist(one[:3], other[:3]), abs=1e-9)


@given(st.integers(1, 254), st.tuples(*[st.integers(0, 255)] * 3))
def test_an_edge_goes_to_its_class_where_it_is_more_than_half_opaque(alpha: int, colour: tuple[int, ...]) -> None:
    coding = coded({TRANSPARENT: 0, code((*colour, 255)): 1}, RGB, snap=255)
    edge = code((*colour, alpha))
    counts, snapped = coding.settle(np.array([[edge, TRANSPARENT, code((*colour, 255))]], np.uint32))
    assert counts == {edge: 1, TRANSPARENT: 1, code((*colour, 255)): 1}
    assert coding.apply(np.array([[edge]], np.uint32), snapped).tolist() == [[int(alpha > 127)]]


def test_colours_that_are_equally_far_are_found_so() -> None:
    coding = coded({code((255, 0, 0, 255)): 1, code((0, 255, 0, 255)): 2}, RGB, snap=255)
    with pytest.raises(SegconvError) as caught:
        coding.settle(np.array([[code((77, 77, 0, 131))]], np.uint32))
    assert "is as near" in caught.value.message


@given(COLOURS)
def test_a_colour_is_written_as_it_is_read(colour: tuple[int, ...]) -> None:
    text = "#" + bytes(colour).hex()
    shown = value_text(*parse_value(text))
    assert shown == ("#00000000" if colour[3] == 0 else text if colour[3] < 255 else text[:7])
    assert parse_value(shown) == parse_value(text.upper()) == (code(colour), RGB)


@pytest.mark.parametrize("text", ["#", "#fff", "#ff00000", "#ff00000000", "#+ff000", "#ff_000", "#gg0000", "ff0000"])
def test_anything_but_a_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_value(text)


def mask_of(*boxes: tuple[int, int, int], ground: int = 0) -> np.ndarray:
    """Boxes of 5 rows, each of so many columns from a first one on, and its value."""
    mask = np.full((9, 40), ground, np.uint8)
    for first, columns, value in boxes:
        mask[2:7, first : first + columns] = value
    return mask


@pytest.mark.parametrize(
    ("mask", "snap", "whole"),
    [
        (mask_of((2, 6, 1), (20, 6, 2)), 2, True),  # all that was drawn would be background
        (mask_of((2, 6, 1)), 1, True),
        (mask_of((2, 6, 1), (20, 6, 128)), 1, True),
        (mask_of((2, 1, 1), (8, 1, 1), (11, 1, 1), (14, 1, 1), (20, 6, 255)), 1, True),  # thin, and apart
        (mask_of((2, 6, 254), (20, 6, 127)), 1, False),  # each is a declared value that no voxel has
        (mask_of((2, 6, 254), (20, 6, 255)), 1, True),
        (mask_of((2, 6, 255), (8, 1, 170), (9, 1, 85)), 90, False),  # a blended edge
        (mask_of((2, 6, 255), (20, 2, 1)), 1, False),  # specks
        (mask_of((2, 6, 128), (20, 1, 129)), 2, False),
    ],
)
def test_no_label_is_snapped_into_another(mask: np.ndarray, snap: int, whole: bool) -> None:
    coding = coded({0: 0, 127: 1, 255: 2}, snap=snap)
    if not whole:
        coding.settle(mask)
        return
    with pytest.raises(SegconvError) as caught:
        coding.settle(mask)
    assert caught.value.code == "SC070"
    assert "whole label" in caught.value.message
    with pytest.raises(SegconvError) as caught:
        coded({0: 0, 127: 1, 255: 2}).settle(mask)
    assert "--snap" not in caught.value.hint
