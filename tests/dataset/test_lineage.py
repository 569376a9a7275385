"""The record of how a dataset was made: absent, read, or refused as what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.dataset.lineage import RUN, read_run
from segconv.errors import SegconvError


def test_a_record_that_cannot_be_used_is_told_as_lineage(tmp_path: Path) -> None:
    assert read_run(tmp_path) is None
    path = tmp_path / RUN
    path.parent.mkdir()
    path.write_text('{"seed": 7}')
    assert read_run(tmp_path) == {"seed": 7}
    for text in ("{", "[]", '{"seed": NaN}'):
        path.write_text(text)
        with pytest.raises(SegconvError) as caught:
            read_run(tmp_path)
        assert (caught.value.code, caught.value.file) == ("SC096", str(path))
