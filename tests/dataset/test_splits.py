"""Folds: groups stay on one side, and copies only train."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from segconv.dataset.lineage import TEST, CaseRecord
from segconv.dataset.splits import groups, held_out_fold, leaks, make_splits


def record(case: str, *, parent: str | None = None, patient: str | None = None, content: str = "") -> CaseRecord:
    return CaseRecord(
        case, parent=parent, patient=patient, targets=[{"path": f"imagesTr/{case}", "sha256": content or case}]
    )


@st.composite
def lineages(draw: st.DrawFn) -> list[CaseRecord]:
    records = []
    for n in range(draw(st.integers(1, 14))):
        patient = draw(st.sampled_from([None, "p1", "p2", "p3"]))
        content = draw(st.sampled_from(["", "", "same"]))
        records.append(record(f"c{n}", patient=patient, content=content))
        records += [record(f"c{n}_aug{k}", parent=f"c{n}", patient=patient) for k in range(draw(st.integers(0, 3)))]
    return records


@given(lineages(), st.integers(2, 7), st.integers(0, 9))
def test_no_group_is_ever_split_and_every_original_is_validated_once(
    records: list[CaseRecord], folds: int, seed: int
) -> None:
    splits = make_splits(records, folds=folds, seed=seed)
    assert len(splits) == (min(folds, len(groups(records))) if len(groups(records)) > 1 else 0)
    assert leaks(splits, records) == []
    validated = [case for fold in splits for case in fold["val"]]
    originals = sorted(r.case for r in records if r.parent is None)
    assert sorted(validated) == (originals if splits else [])
    for fold in splits:
        held_back = [g for g in groups(records) if any(r.case in fold["val"] for r in g)]
        held_cases = {r.case for g in held_back for r in g}
        assert set(fold["train"]) == {r.case for r in records} - held_cases, "all that may be trained on is"


@given(lineages())
def test_order_of_the_lineage_makes_no_difference(records: list[CaseRecord]) -> None:
    assert sorted(map(str, make_splits(records))) == sorted(map(str, make_splits(records[::-1])))


def test_a_split_that_leaks_is_named_with_its_fold() -> None:
    records = [
        record("a"),
        record("a_aug", parent="a"),
        record("b"),
        record("c", patient="p"),
        record("d", patient="p"),
    ]
    clean = [{"train": ["b", "c", "d"], "val": ["a"]}]
    assert leaks(clean, records) == []
    (finding,) = leaks([*clean, {"train": ["a_aug", "b", "c", "d"], "val": ["a"]}], records)
    assert (finding.code, "fold 1" in finding.message) == ("SC095", True)
    (finding,) = leaks([{"train": ["a", "b", "c"], "val": ["d"]}], records)
    assert "fold 0" in finding.message
    assert len(leaks([{"train": ["b", "c", "d"], "val": ["a", "a_aug"]}], records)) == 1


def test_test_cases_are_in_no_fold() -> None:
    records = [record("a"), record("b"), CaseRecord("TEST", TEST)]
    assert "TEST" not in str(make_splits(records))


def test_the_last_fold_holds_out_what_no_other_fold_uses() -> None:
    folds = [{"train": ["a"], "val": ["b"]}, {"train": ["b"], "val": ["a"]}]
    assert held_out_fold(folds) is None
    assert held_out_fold([*folds, {"train": ["a", "b"], "val": ["c"]}]) == 2
    assert held_out_fold([*folds, {"train": ["a", "b", "d"], "val": ["c"]}]) == 2, "copies of a and b may be d"
    assert held_out_fold([*folds, {"train": ["a"], "val": ["c"]}]) is None
    assert held_out_fold([*folds, {"train": ["a", "b"], "val": ["a"]}]) is None
    assert held_out_fold([*folds, {"train": ["a", "b"], "val": []}]) is None
    assert held_out_fold(folds[:1]) is None
