"""``segconv trainers``: what is refused before any work starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..command import Command


@pytest.mark.parametrize(
    ("name", "code"), [("q.jpg", 2), ("q", 2), (".png", 2), (".", 2), ("q.png", 66), ("Q.PNG", 66)]
)
def test_a_picture_under_any_ending_but_png_is_refused_before_the_dataset_is_looked_for(
    segconv: Command, tmp_path: Path, name: str, code: int
) -> None:
    done = segconv("trainers", "preview", "501", "-c", "2d", "-o", tmp_path / name)
    assert done.code == code
    assert (".png" in done.err) == (code == 2)
