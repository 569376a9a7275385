"""Files that are far longer than their headers account for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.image import content


def test_a_file_may_be_as_long_as_the_best_compression_makes_it_plus_what_may_follow(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    most = content.LARGEST_RATIO * 1000 + content.SPARE_BYTES
    os.truncate(path, most)
    content.refuse_overlong(str(path), 1000)
    os.truncate(path, most + 1)
    with pytest.raises(SegconvError) as caught:
        content.refuse_overlong(str(path), 1000)
    assert caught.value.code == "SC054"
