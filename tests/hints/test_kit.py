"""Hints of the kit's refusals and warnings, typed as printed, end in the right dataset or in a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..kit.topics import TOPICS
from .ends import Ends
from .kit import REFUSALS, WARNED, follow, sampled

STARTS = [*sampled(REFUSALS), *sampled(WARNED)]
"""``python -m tests.hints`` begins at all cases."""


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if any(case.topic == topic for case in STARTS)])
def test_hints_end_in_the_right_dataset_or_in_a_question(topic: str, tmp_path: Path) -> None:
    ends = Ends()
    for number, case in enumerate(case for case in STARTS if case.topic == topic):
        folder = tmp_path / str(number)
        folder.mkdir()
        follow(case, folder, ends)
    print(ends)
    assert ends.wrong == []
