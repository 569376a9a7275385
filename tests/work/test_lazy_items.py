"""The items of a large plan are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from segconv.work.case_work import Entry
from segconv.work.plan import Item, LazyItems, Plan, Target
from segconv.work.run import execute

from . import tasks


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


def test_a_run_makes_the_items_of_a_plan_as_workers_take_them(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    cases = [f"c{number}" for number in range(8)]
    for case in cases:
        (source / case).write_bytes(case.encode())
    made: list[int] = []

    def make(number: int) -> Item:
        made.append(number)
        return Item(cases[number], (str(source / cases[number]),), (f"data/{cases[number]}",), None, nbytes=2)

    before: list[list[int]] = []

    def do(call: Callable[[Item], Entry], items: Sequence[Item], take: Callable[[Entry], None]) -> None:
        made.clear()
        for item in items:
            before.append(list(made))
            take(call(item))

    plan = Plan(Target(tmp_path / "out", "out"), source, LazyItems(cases, make, nbytes=16))
    outcome = execute(plan, tasks.copy, lambda results, _: [found for one in results for found in one.warnings], do=do)
    assert outcome.done == 8
    assert before == [list(range(number + 1)) for number in range(8)]
    assert sorted(file.name for file in (tmp_path / "out" / "data").iterdir()) == cases
