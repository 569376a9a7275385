"""Hints for sources in many layouts, typed as printed, end in the right dataset or in a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import layouts_2d, layouts_3d
from .ends import Ends
from .laid_out import Layout, follow

LAYOUTS = [*layouts_2d.LAYOUTS, *layouts_3d.LAYOUTS]


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.name for layout in LAYOUTS])
def test_hints_end_in_the_right_dataset_or_in_a_question(layout: Layout, tmp_path: Path) -> None:
    ends = Ends()
    follow(layout, tmp_path, ends)
    assert ends.wrong == []
    assert not ends.of("dataset", 0), "it is not refused"
