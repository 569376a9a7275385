"""Datasets that link into another are named before it is replaced."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.dataset.dependents import dependents
from segconv.work import owned

from ..command import Command, tree_hash

LABELS = ("--labels", "background=0,disc=128,ring=255")


@pytest.fixture
def made(tmp_path: Path, segconv: Command) -> tuple[str | Path, ...]:
    """The words that made the dataset 42."""
    words = ("convert", png_shapes(tmp_path, cases=2, tests=0, size=(16, 12)), "--to", "42_A", *LABELS)
    assert segconv(*words).code == 0
    return words


@pytest.mark.parametrize("link", ["symlink", "external", "hard"])
def test_what_others_link_into_is_replaced_only_by_force(
    segconv: Command, made: tuple[str | Path, ...], link: str
) -> None:
    target = segconv.raw / "Dataset042_A"
    linked = segconv("augment", "42", "--to", "43_B", "--rotate", "90", "--link", link)
    assert linked.code == 0, linked.err
    copied = segconv("augment", "42", "--to", "44_C", "--rotate", "90")
    assert copied.code == 0
    assert [path.name for path in dependents(target)] == ["Dataset043_B"]
    before = tree_hash(segconv.raw)
    for words in ([], ["--dry-run"]):
        refused = segconv(*made, "--overwrite", *words)
        assert (refused.code, refused.codes()) == (73, ["SC020"])
        assert "Dataset043_B" in refused.err
        assert "Dataset044_C" not in refused.err
    assert tree_hash(segconv.raw) == before
    assert segconv(*made, "--overwrite", "--force").code == 0


@pytest.mark.parametrize("chain", [False, True])
def test_links_that_a_user_made_count_too(
    segconv: Command, made: tuple[str | Path, ...], tmp_path: Path, chain: bool
) -> None:
    target = segconv.raw / "Dataset042_A"
    file = next((target / "imagesTr").iterdir())
    other = segconv.raw / "Dataset050_Mine" / "imagesTr"
    other.mkdir(parents=True)
    if chain:
        (tmp_path / "hop").symlink_to(target)
        file = tmp_path / "hop" / "imagesTr" / file.name
    (other / "x_0000.png").symlink_to(os.path.relpath(file, other))
    assert [path.name for path in dependents(target)] == ["Dataset050_Mine"]
    (other / "x_0000.png").unlink()
    assert dependents(target) == []
    (segconv.raw / "Dataset051_Whole").symlink_to(target)
    assert [path.name for path in dependents(target)] == ["Dataset051_Whole"]


@pytest.mark.parametrize("named", [{}, [], {"a": 1}, {"a": {"images": "x", "label": 1}}, {"a": {"images": ["\0"]}}])
def test_a_json_that_names_no_files_is_not_a_link(
    segconv: Command, made: tuple[str | Path, ...], named: object
) -> None:
    other = segconv.raw / "Dataset050_Mine"
    other.mkdir()
    (other / "dataset.json").write_text(json.dumps({"dataset": named}))
    assert dependents(segconv.raw / "Dataset042_A") == []


def test_replacing_a_dataset_with_models_or_preprocessed_data_needs_force(
    segconv: Command, made: tuple[str | Path, ...]
) -> None:
    (segconv.folder / "nnUNet_results" / "Dataset042_A").mkdir()
    refused = segconv(*made, "--overwrite")
    assert (refused.code, "--force" in refused.err) == (73, True)
    assert segconv(*made, "--overwrite", "--force").code == 0
    (segconv.folder / "nnUNet_preprocessed" / "Dataset042_Other").mkdir()
    refused = segconv(*made, "--overwrite", "--force")
    assert (refused.code, "Dataset042_Other" in refused.err) == (73, True)


def test_force_without_overwrite_replaces_nothing(segconv: Command, made: tuple[str | Path, ...]) -> None:
    assert segconv(*made, "--force").code == 73


@pytest.mark.parametrize("kind", ["file", "link", "second name"])
def test_files_that_vanish_during_the_search_are_no_links(
    segconv: Command, made: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """An edit of a dataset writes temporary files, which are gone when it has ended."""
    target = segconv.raw / "Dataset042_A"
    other = segconv.raw / "Dataset050_Mine"
    other.mkdir()
    (target / "imagesTr" / "second").hardlink_to(target / "dataset.json")
    for folder in (target, other):
        vanishing = folder / ".tmp-0123456789abcdef-dataset.json"
        if kind == "file":
            vanishing.write_text("{}")
        elif kind == "link":
            vanishing.symlink_to(target / "dataset.json")
        else:
            vanishing.hardlink_to(target / "dataset.json")
    entries, seen = owned.entries, []

    def entries_that_vanish(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
        for path, entry in entries(folder):
            if path.startswith(".tmp-"):
                os.unlink(entry.path)
                seen.append(folder)
            yield path, entry

    monkeypatch.setattr(owned, "entries", entries_that_vanish)
    assert dependents(target) == []
    assert seen == [target, other]
