"""Leaks are found by name and kind, exactly where groups are separated."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from segconv.dataset.leakage import CHAIN, CONTENT, COPY, PATIENT, SAME, SYNTHETIC, find_leaks
from segconv.dataset.lineage import CaseRecord
from segconv.dataset.splits import leaks, make_splits

from .test_splits import lineages, record


def found(train: list[str], val: list[str], records: list[CaseRecord]) -> list[tuple[str, str, str]]:
    return [(leak.case, leak.known_as, leak.kind) for leak in find_leaks([{"train": train, "val": val}], records)]


def test_each_kind_of_leak_has_the_names_of_both_cases() -> None:
    records = [
        record("a"),
        record("a_aug1", parent="a"),
        record("p1", patient="p"),
        record("p2", patient="p", content="same"),
        record("s", content="same"),
        record("free"),
    ]
    assert found(["a_aug1", "free"], ["a"], records) == [("a", "a_aug1", COPY)]
    assert found(["p1"], ["p2"], records) == [("p2", "p1", PATIENT)]
    assert found(["s"], ["p2"], records) == [("p2", "s", CONTENT)]
    assert found(["s"], ["p1"], records) == [("p1", "s", CHAIN)], "both are tied to p2"
    assert found(["s", "p1"], ["p2"], records) == [("p2", "p1", PATIENT), ("p2", "s", CONTENT)]
    assert found(["free"], ["free"], records) == [("free", "free", SAME)]
    assert found(["free"], ["a_aug1"], records) == [("a_aug1", "a", SYNTHETIC)]
    assert found(["a", "p1", "unknown"], ["free", "gone"], records) == []


@given(lineages(), st.data())
def test_a_leak_is_found_exactly_where_training_would_refuse_the_folds(
    records: list[CaseRecord], data: st.DataObject
) -> None:
    names = [one.case for one in records]
    sides = data.draw(st.lists(st.sampled_from(["train", "val"]), min_size=len(names), max_size=len(names)))
    fold = {part: [name for name, side in zip(names, sides, strict=True) if side == part] for part in ("train", "val")}
    assert bool(find_leaks([fold], records)) == bool(leaks([fold], records))
    assert find_leaks(make_splits(records), records) == []
