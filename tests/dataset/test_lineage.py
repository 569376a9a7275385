"""The lineage of a dataset: absent, read, or refused."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from segconv.dataset.lineage import CASES, RUN, CaseRecord, read_records, read_run
from segconv.dataset.runs import NewRun
from segconv.dataset.strictjson import MAX_BYTES
from segconv.errors import SegconvError

HASHED = {"path": "imagesTr/a_0000.png", "size": 3, "sha256": "0" * 64}
RECORD = CaseRecord("a", sources=[HASHED], targets=[HASHED], label_map={"0": 0}, label_voxels={"0": 3})


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    (tmp_path / "segconv").mkdir()
    made = NewRun(command="convert", options={}, source={"kind": "png", "name": "x"}, seed=7).to_bytes()
    (tmp_path / RUN).write_bytes(made)
    (tmp_path / CASES).write_bytes(RECORD.to_line())
    return tmp_path


def refused(dataset: Path) -> list[SegconvError]:
    """What the two readers say."""
    found = []
    for read in (read_run, lambda path: list(read_records(path))):
        try:
            read(dataset)
        except SegconvError as error:
            found.append(error)
    return found


def test_what_was_written_is_read(dataset: Path, tmp_path: Path) -> None:
    run = read_run(dataset)
    assert run is not None
    assert (run.command, run["seed"], run.link, run.edits) == ("convert", 7, None, [])
    assert list(read_records(dataset)) == [RECORD]
    assert read_run(tmp_path / "none") is None
    assert list(read_records(tmp_path / "none")) == []


def test_keys_that_are_not_known_are_ignored(dataset: Path) -> None:
    for name in (RUN, CASES):
        path = dataset / name
        path.write_text(json.dumps(json.loads(path.read_text()) | {"later": [1]}))
    assert refused(dataset) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"seed": NaN}', '{"seed": "7"}', "\0" * 10])
def test_an_unusable_record_is_reported_as_lineage(dataset: Path, text: str) -> None:
    for name in (RUN, CASES):
        (dataset / name).write_text(text)
    assert [(error.code, error.file) for error in refused(dataset)] == [
        ("SC096", str(dataset / RUN)),
        ("SC096", str(dataset / CASES)),
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("case", "../a"), ("case", ""), ("split", "held back"), ("split", None), ("patient", 3), ("parent", ["a"]),
        ("sources", [{"path": "a"}]), ("targets", [HASHED | {"size": -1}]), ("targets", [HASHED | {"sha256": "x"}]),
        ("label_map", {"0": -1}), ("label_map", {"x": 0}), ("label_map", {"0": 0, "#ff0000": 1}),
        ("label_map", {"1" + "0" * 30: 1}), ("label_voxels", {"0": True}), ("label_voxels", {"-1": 1}),
        ("label_file", {"dtype": "float32"}), ("label_file", {"ending": ".exe"}), ("label_file", {"depth": 10**9}),
        ("label_file", {"form": "layers"}), ("label_file", {"palette": []}), ("label_file", {"turned_from": {}}),
        ("geometry", {"size": [1, 2, 3]}), ("repairs", "none"), ("transform", []), ("warnings", [{"code": 1}]),
        ("intensity", [[0]]), ("shares", [[0, 1]]), ("label_file", {"forms": "00ff"}), ("label_file", {"forms": 7}),
    ],
)  # fmt: skip
def test_a_line_of_another_type_is_refused_with_its_number(dataset: Path, key: str, value: Any) -> None:
    (dataset / CASES).write_bytes(RECORD.to_line() + json.dumps(RECORD.as_json() | {key: value}).encode())
    (error,) = refused(dataset)
    assert (error.code, error.file) == ("SC096", str(dataset / CASES))
    assert "line 2 " in error.message
    assert f"'{key}'" in error.message


LATER = ("shares",)
"""Keys that lines written before do not have."""


def test_a_line_without_keys_that_came_later_is_read(dataset: Path) -> None:
    (dataset / CASES).write_text(json.dumps({n: v for n, v in RECORD.as_json().items() if n not in LATER}))
    assert list(read_records(dataset)) == [RECORD]


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(CaseRecord) if field.name not in LATER])
def test_a_line_that_lacks_a_key_is_refused(dataset: Path, key: str) -> None:
    (dataset / CASES).write_text(json.dumps({name: v for name, v in RECORD.as_json().items() if name != key}))
    (error,) = refused(dataset)
    assert (error.code, f"lacks '{key}'" in error.message) == ("SC096", True)


def test_irregular_files_are_reported_as_such(dataset: Path) -> None:
    for name in (RUN, CASES):
        (dataset / name).unlink()
        os.mkfifo(dataset / name)
    assert [(error.code, error.file) for error in refused(dataset)] == [
        ("SC061", str(dataset / RUN)),
        ("SC061", str(dataset / CASES)),
    ]


def test_long_files_are_not_read_to_their_end(dataset: Path) -> None:
    for name in (RUN, CASES):
        os.truncate(dataset / name, 7 << 30)
    first, second = refused(dataset)
    assert (first.code, first.file) == ("SC096", str(dataset / RUN))
    assert f"at most {MAX_BYTES}" in first.message
    assert (second.code, second.file) == ("SC096", str(dataset / CASES))
