"""docs/codes.md equals the table of codes in the package."""

from __future__ import annotations

import re
from pathlib import Path

from segconv.cli.codes import document
from segconv.errors import CODES

ROOT = Path(__file__).parents[2]


def test_the_document_is_up_to_date() -> None:
    written = ROOT / "docs" / "codes.md"
    if written.is_file():  # not with a wheel
        assert written.read_text() == document(), "python -m segconv.cli.codes > docs/codes.md"


def test_every_code_has_one_row_with_cause_cure_and_exit_code() -> None:
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in document().splitlines() if line.startswith("| SC")]
    assert [row[0].strip() for row in rows] == list(CODES)
    assert all(len(row) == 5 and all(cell.strip() for cell in row) for row in rows)
    assert [int(row[4]) for row in rows] == [code.exit_code for code in CODES.values()]
