"""What the page on trainers says of the tutorial's code is what happens."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segconv.train.trainers import TRAINERS

PAGE = Path(__file__).parents[3] / "docs" / "trainers.md"


@pytest.mark.train
def test_the_code_of_the_page_gives_what_the_page_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(doctest.DocTestParser().get_examples(text)) > 10
    call = "import doctest, sys; sys.exit(doctest.testfile(sys.argv[1], False, encoding='utf-8').failed)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", call, str(PAGE)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()


def test_the_page_names_every_trainer_of_rates() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in TRAINERS if "UMamba" not in name and name not in text] == []
