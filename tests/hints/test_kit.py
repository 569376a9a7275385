"""Hints of the kit's refusals, typed as printed, end in the right dataset or in a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..kit.topics import TOPICS
from .kit import REFUSALS, follow
from .walk import Ends


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if any(case.topic == topic for case in REFUSALS)])
def test_hints_end_in_the_right_dataset_or_in_a_question(topic: str, tmp_path: Path) -> None:
    ends = Ends()
    for number, case in enumerate(case for case in REFUSALS if case.topic == topic):
        folder = tmp_path / str(number)
        folder.mkdir()
        follow(case, folder, ends)
    print(ends)
    assert ends.wrong == []
