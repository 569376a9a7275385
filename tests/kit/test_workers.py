"""The same verdict, words and bytes for any workers: a case or two of every topic."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from .case import Case, Reject
from .cases import CASES
from .odd import no_rights
from .scorer import outcomes
from .sources import KINDS
from .topics import TOPICS

WORKERS = (("--jobs", "1"), ("--jobs", "2"), ("--jobs", "4"), ("--jobs", "2", "--backend", "loky"))
"""Threads, up to 4 of them, and processes."""


def sample() -> Iterator[Case]:
    """Yield a case that is refused and one that is not of each topic that has them, of one kind after the other."""
    kinds = cycle(KINDS)
    for topic in TOPICS:
        for refused in (True, False):
            # What is simulated in this process does not reach others.
            there = {
                case.kind: case
                for case in CASES
                if case.topic == topic
                and isinstance(case.expect, Reject) is refused
                and case.around in (None, no_rights)
            }
            if there:
                yield there[next(kind for kind in kinds if kind in there)]


@pytest.mark.parametrize("case", list(sample()), ids=lambda case: case.id)
def test_workers_change_nothing(case: Case, tmp_path: Path) -> None:
    alone, *others = outcomes(case, tmp_path, WORKERS)
    for found in others:
        assert found == alone
