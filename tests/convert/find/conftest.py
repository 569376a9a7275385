"""A source whose names need a pattern or a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..drawn import pair


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    for site in ("A", "B"):
        for number in (1, 2):
            pair(root, f"{site}/x/{number}_pic.png", f"gold/{site}-{number}.v2.png", ord(site) + number)
    return root
