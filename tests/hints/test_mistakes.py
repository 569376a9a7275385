"""What is said of a wrong word, typed as printed, ends in a command that succeeds or in a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from .ends import Ends
from .mistakes import MISTAKES, MODELS, Mistake, follow


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_hints_on_a_mistake_end_in_a_command_that_succeeds_or_in_a_question(mistake: Mistake, tmp_path: Path) -> None:
    ends = Ends()
    follow(mistake, tmp_path, ends)
    assert ends.wrong == []


@pytest.mark.train
@pytest.mark.parametrize("mistake", MODELS, ids=[mistake.name for mistake in MODELS])
def test_hints_on_a_mistake_with_models_end_in_a_command_or_in_a_question(mistake: Mistake, tmp_path: Path) -> None:
    ends = Ends()
    follow(mistake, tmp_path, ends)
    assert ends.wrong == []
