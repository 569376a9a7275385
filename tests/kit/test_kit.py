"""Every case of the kit of bad and odd sources, each a test of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from .case import Case
from .cases import CASES
from .scorer import LIMIT_S, score


@pytest.mark.timeout(3 * LIMIT_S)
@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case, tmp_path: Path) -> None:
    assert score(case, tmp_path) == []


def test_every_number_of_the_list_has_cases() -> None:
    assert {case.number for case in CASES} == set(range(1, 69))


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
