"""Every case of the kit of bad and odd sources."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ..command import Command
from .case import Case
from .cases import CASES
from .scorer import LIMIT_S, score
from .sources import fresh
from .topics import TOPICS


@pytest.mark.timeout(3 * LIMIT_S)
@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case, tmp_path: Path) -> None:
    assert score(case, tmp_path) == []


def test_every_topic_has_cases() -> None:
    assert {case.topic for case in CASES} == set(TOPICS)


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_one_line_shows_what_many_files_share_and_json_has_all_of_them(tmp_path: Path, segconv: Command) -> None:
    root = fresh(tmp_path, "pairs").root
    for number in range(30):
        for folder in ("images", "masks"):
            shutil.copy(root / folder / "c0.nii.gz", root / folder / f"d{number}.nii.gz")
    for path in sorted(root.glob("images/d*")):
        path.write_bytes(path.read_bytes()[:-9])
    done = segconv("convert", root, "--to", "5")
    assert done.codes() == ["SC050"]
    assert " (and 29 more files; --json lists all)" in done.err
    found = segconv("convert", root, "--to", "5", "--json").json["findings"]
    assert {finding["file"] for finding in found} == {f"images/d{number}.nii.gz" for number in range(30)}
