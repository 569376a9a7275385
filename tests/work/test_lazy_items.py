"""The items of a large plan are made when they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.work.plan import Item, LazyItems, Plan, Target


def item(number: int) -> Item:
    """Return the work on a case."""
    return Item(f"c{number}", (f"/s/{number}",), (f"{number}.png",), None, nbytes=number)


def test_items_are_those_of_their_places() -> None:
    items = LazyItems(("c0", "c1", "c2"), item)
    assert len(items) == 3
    assert list(items) == [item(0), item(1), item(2)]
    assert items[-1] == item(2)
    assert items[1:] == (item(1), item(2))
    with pytest.raises(IndexError):
        items[3]


def test_a_case_stands_once_in_a_plan() -> None:
    with pytest.raises(ValueError, match="'c1' stands twice"):
        LazyItems(("c1", "c2", "c1"), item)


def test_a_plan_tells_its_bytes_with_or_without_making_its_items(tmp_path: Path) -> None:
    target = Target(tmp_path / "t", "t")
    assert Plan(target, tmp_path, LazyItems(("c0", "c1", "c2"), item)).nbytes == 3

    def never(number: int) -> Item:
        raise AssertionError(number)

    assert Plan(target, tmp_path, LazyItems(("c0", "c1"), never, nbytes=7)).nbytes == 7
