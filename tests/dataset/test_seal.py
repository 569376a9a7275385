"""A hand-edited run.json is noticed and protects its folder from being replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.make_fixtures import png_shapes
from segconv.dataset import seal
from segconv.dataset.strictjson import dumps, load_object

from ..command import Command, Done

CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a key added": lambda run: run.update(note="mine"),
    "a key added in an object": lambda run: run["options"].update(note="mine"),
    "a value changed": lambda run: run["source"].update(name="other"),
    "a key removed": lambda run: run.pop("findings"),
    "another hash": lambda run: run.update(sha256="0" * 64),
    "a file listed": lambda run: run["files"].append({"path": "notes.txt", "size": 4, "sha256": "0" * 64}),
    "an edit noted": lambda run: run.update(edits=[{"what": "rename"}]),
}


@pytest.fixture
def made(segconv: Command, tmp_path: Path) -> Path:
    png_shapes(tmp_path / "source", cases=1, tests=0, size=(12, 10), values=(0, 1, 2))
    assert again(segconv, tmp_path).code == 0
    return segconv.raw / "Dataset007_A"


def again(segconv: Command, tmp_path: Path) -> Done:
    return segconv("convert", tmp_path / "source" / "png", "--to", "7_A", "--overwrite", "-j", 1)


def change(path: Path, how: Callable[[dict[str, Any]], object], *, indent: int | None = 2) -> None:
    run = json.loads(path.read_text())
    how(run)
    path.write_text(json.dumps(run, indent=indent, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("name", [*CHANGES, "other spaces"])
def test_a_dataset_with_a_changed_run_is_not_replaced(name: str, segconv: Command, made: Path, tmp_path: Path) -> None:
    path = made / "segconv" / "run.json"
    if name == "other spaces":
        change(path, lambda _: None, indent=None)
    else:
        change(path, CHANGES[name])
    before = path.read_bytes()
    done = again(segconv, tmp_path)
    assert (done.code, done.codes()) == (73, ["SC020"]), done.err
    assert "run.json" in done.err or name == "a file listed"
    assert path.read_bytes() == before


def test_an_edit_of_ours_keeps_what_it_was(segconv: Command, made: Path, tmp_path: Path) -> None:
    (first, *_) = [name for name in json.loads((made / "dataset.json").read_text())["labels"] if name != "background"]
    assert segconv("labels", "rename", "7", f"{first}=disc").code == 0
    assert again(segconv, tmp_path).code == 0, "ours is replaced"
    change(made / "segconv" / "run.json", CHANGES["a key added"])
    assert segconv("labels", "rename", "7", f"{first}=disc").code == 0
    assert json.loads((made / "segconv" / "run.json").read_text())["note"] == "mine"
    assert again(segconv, tmp_path).codes() == ["SC020"], "an edit makes no foreign note ours"


def test_a_run_that_was_written_without_a_hash_is_replaced(segconv: Command, made: Path, tmp_path: Path) -> None:
    change(made / "segconv" / "run.json", lambda run: run.pop("sha256"))
    assert again(segconv, tmp_path).code == 0


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("aé\udcff"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text("abc", max_size=2), _json, max_size=4))
def test_a_sealed_picture_is_recognised(found: dict[str, Any]) -> None:
    data = seal.sealed(found)
    read = load_object(data)
    assert seal.holds(read)
    assert seal.sealed(read) == data
    assert not seal.holds(load_object(dumps({**read, "z": 1})))
