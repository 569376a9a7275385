"""Folds: good ones have no findings, and each fault has its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.review.check.fold_check import FoldFile, Training, judge_default_folds, judge_fold_files, judge_folds

from ..datasets import even_folds

CASES = [f"c{number}" for number in range(6)]


def found(folds: list[dict[str, list[str]]]) -> list[tuple[str, str]]:
    return [(f.code, f.message) for f in judge_folds(folds, FoldFile(Path("splits_final.json")), Training(CASES))]


def test_good_folds_have_no_findings() -> None:
    assert found(even_folds(CASES)) == []


@pytest.mark.parametrize(
    ("folds", "code", "words"),
    [
        ([{"train": CASES, "val": ["c0"]}], "SC095", "fold 0 both trains and validates on 1 case (c0)"),
        ([{"train": CASES[1:], "val": ["c0", "x"]}], "SC099", "fold 0 names 1 unknown case (x)"),
        ([{"train": CASES[2:], "val": ["c0"]}], "SC099", "leaves out 1 case (c1)"),
        ([{"train": CASES[1:], "val": ["c0"]}] * 2, "SC099", "several folds validate 1 case (c0)"),
        ([{"train": CASES, "val": []}], "SC099", "fold 0 has no cases in val"),
        ([{"train": [*CASES[1:], "c1"], "val": ["c0"]}], "SC099", "fold 0 repeats 1 case (c1) in train"),
    ],
)
def test_each_fault_has_one_finding(folds: list[dict[str, list[str]]], code: str, words: str) -> None:
    ((reported, message),) = found(folds)
    assert reported == code
    assert words in message


@pytest.mark.parametrize(("count", "few"), [(0, False), (1, True), (4, True), (5, False), (6, False)])
def test_five_folds_need_five_cases(count: int, few: bool) -> None:
    assert [f.code for f in judge_default_folds(Training(CASES[:count]))] == ["SC099"] * few


def test_one_case_makes_no_folds() -> None:
    (finding,) = judge_default_folds(Training(CASES[:1]))
    assert [cure.kind for cure in finding.cures] == ["train_on_all"]


@pytest.mark.parametrize(("name", "dataset"), [("Dataset042_A", [("dataset", "42")]), ("mine", [])])
def test_the_cure_names_the_dataset(name: str, dataset: list[tuple[str, str]], tmp_path: Path) -> None:
    (finding,) = judge_fold_files(tmp_path / name, None, Training(CASES[:3]), external=False)
    assert [list(cure.values) for cure in finding.cures if cure.kind == "make_splits"] == [dataset]
