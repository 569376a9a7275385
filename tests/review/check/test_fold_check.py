"""Folds: good ones are passed over in silence, and each fault is told by its own finding."""

from __future__ import annotations

import pytest

from segconv.review.check.fold_check import judge_default_folds, judge_folds

from ..datasets import even_folds

CASES = [f"c{number}" for number in range(6)]


def told(folds: list[dict[str, list[str]]]) -> list[tuple[str, str]]:
    return [(f.code, f.message) for f in judge_folds(folds, "splits_final.json", CASES, [], {}, {})]


def test_good_folds_are_passed_over() -> None:
    assert told(even_folds(CASES)) == []


@pytest.mark.parametrize(
    ("folds", "code", "words"),
    [
        ([{"train": CASES, "val": ["c0"]}], "SC095", "fold 0 trains and validates on the same 1 cases: c0"),
        ([{"train": CASES[1:], "val": ["c0", "x"]}], "SC099", "fold 0 names 1 cases that are not there: x"),
        ([{"train": CASES[2:], "val": ["c0"]}], "SC099", "1 cases are in no fold, and never trained on: c1"),
        ([{"train": CASES[1:], "val": ["c0"]}] * 2, "SC099", "1 cases are validated in several folds"),
        ([{"train": CASES, "val": []}], "SC099", "fold 0 has no case in val"),
        ([{"train": [*CASES[1:], "c1"], "val": ["c0"]}], "SC099", "fold 0 names 1 cases twice in train: c1"),
    ],
)
def test_each_fault_is_told_and_nothing_else(folds: list[dict[str, list[str]]], code: str, words: str) -> None:
    ((found, message),) = told(folds)
    assert found == code
    assert words in message


@pytest.mark.parametrize(("count", "few"), [(0, False), (1, True), (4, True), (5, False), (6, False)])
def test_five_folds_need_five_cases(count: int, few: bool) -> None:
    assert [f.code for f in judge_default_folds(CASES[:count], [])] == ["SC099"] * few
