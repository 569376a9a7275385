"""Hints of check and augment on damaged datasets, typed as printed, end in sound ones or in a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from .checked import STARTS, follow
from .ends import Ends

SAMPLE = [start for number, start in enumerate(STARTS) if number % 3 == 0]
"""``python -m tests.hints`` begins at all of them."""


@pytest.mark.parametrize(("command", "name"), SAMPLE)
def test_hints_end_in_a_sound_dataset_or_in_a_question(command: str, name: str, tmp_path: Path) -> None:
    ends = Ends()
    follow(command, name, tmp_path, ends)
    assert ends.wrong == []
