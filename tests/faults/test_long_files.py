"""No JSON file or table is read beyond its limit; a sparse file of gigabytes costs nothing."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable

import pytest

from ..command import Command
from .test_json_types import SUBJECTS, Result, Subject, journal, unfinished_plan

LENGTH = 7 << 30
ROOM_KB = 600 << 10
"""What a process may grow by, in the unit of ``ru_maxrss``."""

SUBJECTS_IN_PLACE = [subject for subject in SUBJECTS if subject not in (journal, unfinished_plan)]
"""Those that are not copied before each command, which would fill the disk."""


@pytest.mark.parametrize("subject", SUBJECTS_IN_PLACE, ids=lambda subject: subject.__name__)
def test_a_sparse_file_is_refused_before_it_is_read(
    subject: Callable[[Command], Subject], segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(segconv.folder / "config"))
    monkeypatch.chdir(segconv.folder)
    of = subject(segconv)
    usual = [Result.of(command, of, segconv) for command in of.commands]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    os.truncate(of.file, LENGTH)
    for command, whole in zip(of.commands, usual, strict=True):
        found = Result.of(command, of, segconv)
        errors = found.codes("error")
        assert errors <= of.codes | {"SC054"} | whole.codes("error"), found
        assert bool(errors) == (found.code != 0), found
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < ROOM_KB
