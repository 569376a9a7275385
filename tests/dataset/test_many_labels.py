"""Tens of thousands of labels are declared, verified, ordered and compiled in one pass each.

Were each looked up among all others, these would take hours; they take a second.
"""

from __future__ import annotations

import pytest

from segconv.dataset.labels import Labels
from segconv.dataset.overlaps import compile_masks
from segconv.dataset.regions import decoded_values, order_heads, prove_order, value_names, with_order
from segconv.errors import SegconvError

COUNT = 10_000
PAIRS = {"background": 0, **{f"r{value}": (value, value % COUNT + 1) for value in range(1, COUNT + 1)}}


def test_the_order_of_many_regions_is_proved_in_one_pass() -> None:
    labels = Labels(PAIRS, (*range(2, COUNT + 1), 1))
    assert sum(value != decoded for value, decoded in decoded_values(labels).items()) == COUNT - 1
    (found,) = prove_order(labels)
    assert found.code == "SC074"
    assert f"{COUNT} r{COUNT - 1}&r{COUNT} → " in found.message
    assert len(value_names(labels)) == COUNT + 1


def test_an_order_of_many_regions_is_found_in_one_pass() -> None:
    nested = {"background": 0, **{f"r{value}": (value, COUNT + 1) for value in range(1, COUNT + 1)}}
    nested["last"] = COUNT + 1
    assert not prove_order(with_order(nested))
    with pytest.raises(SegconvError, match="tells apart the values"):
        with_order(PAIRS)
    order = order_heads({f"r{n}": {3 * n, 3 * n + 1, 3 * n + 2} for n in range(1, COUNT // 3)})
    assert len(order.missing) >= 2 * (COUNT // 3 - 1)


class Name(str):
    """Counts how often it is compared."""

    __slots__ = ()
    __hash__ = str.__hash__
    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)


def test_many_masks_are_compiled_in_one_pass() -> None:
    names = [Name(f"m{n}") for n in range(1000)]
    atoms = [frozenset({n}) for n in range(1000)]
    assert len(compile_masks(names, atoms).labels.names) == 1001
    priority = [Name(name) for name in reversed(names)]
    assert len(compile_masks(names, [*atoms, frozenset({0, 1})], priority=priority).labels.names) == 1001
    with pytest.raises(SegconvError, match="expected a name each"):
        compile_masks([*names, Name("m999")], atoms)
    assert Name.compared < 20 * len(names)
