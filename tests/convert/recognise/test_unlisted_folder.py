"""A source with a folder that cannot be listed is refused, whatever kind of source it is: that folder may hold cases."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segconv.convert import listing

from ...command import Command
from ...kit.sources import KINDS, fresh


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let no folder of this name be listed, as if it belonged to another user; modes do not stop root."""
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if os.path.basename(path) == "private":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(listing.os, "scandir", refusing)
    return "private"


@pytest.mark.parametrize("kind", list(KINDS))
def test_it_is_refused(kind: str, closed: str, tmp_path: Path, segconv: Command) -> None:
    place = fresh(tmp_path, kind)
    (place.root / closed).mkdir()
    done = segconv("convert", place.root, "--to", "9_Made", *KINDS[kind].words)
    assert (done.code, done.codes()) == (74, ["SC030"])
    assert closed in done.err
