"""Names are safe, reversible and distinct."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.dataset.names import (
    CASE_IDENTIFIER,
    DatasetName,
    case_identifier,
    case_identifiers,
    find_dataset,
    next_free_id,
    parse_target,
    twin_findings,
)
from segconv.dataset.target import free_target
from segconv.errors import Cure, SegconvError

names = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=60)


@given(names)
def test_every_name_gives_one_safe_identifier(name: str) -> None:
    identifier = case_identifier(name)
    assert CASE_IDENTIFIER.fullmatch(identifier)
    assert identifier == case_identifier(name)


@given(st.lists(names, unique=True, max_size=30))
def test_different_names_never_meet(originals: list[str]) -> None:
    assert len({case_identifier(name) for name in originals}) == len(originals)


@given(st.from_regex(CASE_IDENTIFIER, fullmatch=True))
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert case_identifier(name) == name


@given(st.lists(names, unique=True, max_size=30))
def test_names_of_a_set_are_safe_and_never_meet(originals: list[str]) -> None:
    found = case_identifiers(originals)
    assert all(map(CASE_IDENTIFIER.fullmatch, found))
    assert len(set(found)) == len(originals)


@pytest.mark.parametrize(
    ("originals", "expected"),
    [
        (["patient 1", "patient 2", "p3"], ["patient_1", "patient_2", "p3"]),
        (["site a/(1)", "caf\u00e9"], ["site_a_1", "cafe"]),
        (["patient 1", "patient_1"], ["HASHED", "patient_1"]),
        (["patient 1", "Patient_1"], ["HASHED", "Patient_1"]),
        (["a b", "a  b"], ["HASHED", "HASHED"]),
        (["\u043f 1", "n" * 201, "\u65e5\u672c"], ["HASHED", "HASHED", "HASHED"]),
        (["???", "--"], ["HASHED", "HASHED"]),
    ],
)
def test_a_name_becomes_plain_unless_that_meets_another_or_loses_letters(
    originals: list[str], expected: list[str]
) -> None:
    hashed = [plain.replace("HASHED", case_identifier(name)) for name, plain in zip(originals, expected, strict=True)]
    assert case_identifiers(originals) == hashed


def test_twins_are_errors_by_unicode_and_warnings_by_case() -> None:
    findings = twin_findings({"caf\u00e9": "a", "cafe\u0301": "b", "X": "c", "x": "d", "other": "e"})
    assert [(f.file, f.severity) for f in findings] == [("b", "error"), ("d", "warning")]


def test_a_target_names_the_next_free_id_when_it_has_none() -> None:
    with pytest.raises(SegconvError) as caught:
        parse_target("Roads", "x", {1, 2, 4})
    assert caught.value.cures == (Cure.of("name_free_target", target="3_Roads"),)


def test_a_taken_id_names_the_next_free_one_which_no_unfinished_run_has(tmp_path: Path) -> None:
    for name in ("Dataset042_A", "Dataset044_B", ".segconv-043", ".segconv-045"):
        (tmp_path / name).mkdir()
    (tmp_path / ".segconv-046.lock").touch()
    with pytest.raises(SegconvError) as caught:
        free_target("42_Roads", "x", tmp_path)
    assert caught.value.cures == (Cure.of("name_free_target", target="46_Roads"),)
    assert (next_free_id({1, 998, 999}, 998), next_free_id(())) == (2, 1)


@pytest.mark.parametrize(
    ("number", "name", "allowed"),
    [(1, "A", True), (999, "A.b-c_d", True), (0, "A", False), (1000, "A", False), (5, "a b", False), (5, "", False)],
)
def test_a_dataset_has_a_number_from_1_to_999_and_a_plain_name(number: int, name: str, allowed: bool) -> None:
    if allowed:
        assert DatasetName(number, name).id == number
        return
    with pytest.raises(SegconvError) as caught:
        DatasetName(number, name)
    assert caught.value.code == "SC002"


def test_a_dataset_is_found_by_id_name_or_path(tmp_path: Path) -> None:
    for folder in ("Dataset004_A", "Dataset005_A", "Dataset005_B"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "dataset.json").write_text("{}")
    a = tmp_path / "Dataset004_A"
    for reference in ("4", "004", "4_A", "004_A", "Dataset004_A", str(a)):
        assert find_dataset(reference, tmp_path) == a
    with pytest.raises(SegconvError) as caught:
        find_dataset("5", tmp_path)
    assert caught.value.code == "SC003"
    assert find_dataset("5_B", tmp_path).name == "Dataset005_B"
    with pytest.raises(SegconvError, match="Dataset004_A"):
        find_dataset("6", tmp_path)


@pytest.mark.parametrize("place", ["other/nnUNet_raw", "nnUNet_raw", ".", "work/nnUNet_raw/nnUNet_raw", "work"])
@pytest.mark.parametrize("reference", ["4", "4_Hippocampus", "Dataset004_Hippocampus"])
def test_a_dataset_near_the_folder_that_is_searched_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, reference: str
) -> None:
    root = tmp_path / "work" / "nnUNet_raw"
    root.mkdir(parents=True)
    (tmp_path / place / "Dataset004_Hippocampus").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SegconvError) as caught:
        find_dataset(reference, root)
    assert caught.value.code == "SC010"
    assert f"you have Dataset004_Hippocampus in {(tmp_path / place).resolve()}" in caught.value.message
    assert [cure.kind for cure in caught.value.cures] == ["take_raw", "show_paths"]


def test_a_dataset_of_a_similar_name_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw" / "Dataset004_Hippocampus").mkdir(parents=True)
    for reference in ("Hippocampus", "Hipocampus", "Dataset014_Hippocampus", "Dataset004_hippocampus"):
        with pytest.raises(SegconvError) as caught:
            find_dataset(reference, tmp_path / "raw")
        assert caught.value.hint == "did you mean 'Dataset004_Hippocampus'?"
    with pytest.raises(SegconvError) as caught:
        find_dataset("77", tmp_path / "raw")
    assert "there are Dataset004_Hippocampus" in caught.value.message
