"""Sequences whose entries are made block by block are read as lists are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.convert.blocks import SIZE, Chained, InBlocks, Names


class Squares(InBlocks[int]):
    """Squares, with the numbers of the blocks that were made."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.made: list[int] = []

    def block(self, number: int) -> list[int]:
        self.made.append(number)
        return [at**2 for at in range(number * SIZE, min((number + 1) * SIZE, len(self)))]


@pytest.mark.parametrize("length", [0, 1, SIZE - 1, SIZE, SIZE + 1, 3 * SIZE])
def test_entries_are_those_of_a_list(length: int) -> None:
    squares = [at**2 for at in range(length)]
    found = Squares(length)
    assert list(found) == squares
    assert [found[at] for at in range(length)] == squares
    assert found[1:4] == squares[1:4]
    assert found == squares
    assert found == Squares(length)
    assert found != [*squares, 0]
    with pytest.raises(IndexError):
        found[length]


def test_entries_read_in_their_order_make_each_block_once() -> None:
    squares = Squares(2 * SIZE)
    assert [squares[at] for at in range(2 * SIZE)] == list(squares)
    assert squares.made == [0, 1, 0, 1]
    assert squares[-1] == (2 * SIZE - 1) ** 2


@given(st.lists(st.text(st.characters(blacklist_characters="\0/"), min_size=1), max_size=2 * SIZE))
def test_names_come_back(names: list[str]) -> None:
    assert Names(names) == names


def test_names_that_are_no_unicode_come_back() -> None:
    assert list(Names(["a", "b\udcff"])) == ["a", "b\udcff"]


@given(st.lists(st.lists(st.integers(), max_size=4)), st.lists(st.booleans()))
def test_chained_sequences_are_read_as_one(parts: list[list[int]], made: list[bool]) -> None:
    expected = [entry for part in parts for entry in part]
    chained: Chained[int] = Chained()
    for part, as_tuple in zip(parts, [*made, *[False] * len(parts)], strict=False):
        own: Sequence[int] = tuple(part) if as_tuple else list(part)
        chained.extend(own)
    assert list(chained) == expected
    assert [chained[at] for at in range(len(expected))] == expected
    assert len(chained) == len(expected)
    assert chained == expected
    assert chained == Chained(expected)
    assert all(chained.parts)


def test_entries_may_be_added_to_chained_sequences_and_removed() -> None:
    chained = Chained((1, 2))
    chained.append(3)
    chained.append(4)
    assert chained.parts == [(1, 2), [3, 4]]
    assert chained[3] == 4
    chained.clear()
    assert not chained
    assert list(chained) == []
