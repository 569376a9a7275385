"""The journal holds what was finished, and ignores torn lines."""

from __future__ import annotations

import os
from pathlib import Path

from segconv.work.journal import Journal


def test_a_torn_line_is_as_good_as_absent(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    for n in range(5):
        journal.add({"case": f"c{n}", "text": "é" * n})
    journal.close()
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in range(len(whole) - len(lines[-1]), len(whole)):
        path.write_bytes(whole[:cut])
        again = Journal(path)
        assert again.cases() == [f"c{n}" for n in range(4)] + (["c4"] if cut == len(whole) - 1 else [])
        again.add({"case": "c9"})
        again.close()
        assert Journal(path).read("c9") == {"case": "c9"}, "what is appended to a torn line is not lost"


def test_a_changed_line_is_as_good_as_absent(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.add({"case": "a"})
    journal.add({"case": "b"})
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"x"'))
    assert Journal(path).cases() == ["b"]


def test_the_last_entry_of_a_case_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.add({"case": "a", "n": 1})
    journal.add({"case": "a", "n": 2})
    assert journal.read("a")["n"] == 2
    journal.forget("a")
    assert "a" not in journal


def test_what_follows_without_an_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.add({"case": "a"})
    journal.close()
    os.truncate(path, 7 << 30)
    again = Journal(path)
    assert again.cases() == ["a"]
    again.add({"case": "b"})
    assert again.read("b") == {"case": "b"}
