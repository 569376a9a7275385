"""Sources are converted as when they were pinned; ``python -m tests.pins`` shows changes and pins again.

The cases of the kit are pinned as well, and not run here: each is a test of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .outcome import SHARED, digest_of
from .subjects import PINS, quick

PINNED = {name: digest for digest, _, name in (line.partition(" ") for line in PINS.read_text().splitlines())}
SUBJECTS = dict(quick())


@pytest.mark.parametrize("name", [name for name in PINNED if not name.startswith("kit/")])
def test_the_outcome_is_the_pinned_one(name: str, tmp_path: Path, data: Path) -> None:
    if name.startswith("cases/") and not (SHARED / "cases").is_dir():
        missing = f"the failing inputs do not lie beside {data}"
        (pytest.fail if os.environ.get("SEGCONV_REQUIRE_DATA") == "1" else pytest.skip)(missing)
    assert digest_of(SUBJECTS[name](tmp_path)) == PINNED[name]
