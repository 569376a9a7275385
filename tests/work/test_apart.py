"""An output folder never contains its input."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.work.apart import refuse_holding, refuse_within


def test_a_folder_next_to_or_below_the_input_may_be_made(tmp_path: Path) -> None:
    (tmp_path / "read").mkdir()
    for name in ("made", "read/inner", "rea", "read2", "no/such/folder"):
        refuse_holding(tmp_path / name, {"the input": tmp_path / "read", "the rest": None})


@pytest.mark.parametrize("name", ["read", ".", "..", "link", "upper", "read/../read", "upper/read"])
def test_one_that_is_it_or_holds_it_is_refused_by_whatever_way(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    (root / "read").mkdir(parents=True)
    (root / "link").symlink_to("read")
    (root / "upper").symlink_to(".")
    for read in (root / "read", root / "link", root / "upper" / "link"):
        with pytest.raises(SegconvError, match=r"it (is|holds) the input") as caught:
            refuse_holding(root / name, {"the input": read})
        assert (caught.value.code, caught.value.file) == ("SC020", str(root / name))


@pytest.mark.parametrize("name", ["read/inner", "link/inner", "read/../read/deep/er"])
def test_one_in_a_folder_that_is_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "read").mkdir()
    (tmp_path / "link").symlink_to("read")
    with pytest.raises(SegconvError, match="is inside the input") as caught:
        refuse_within(tmp_path / name, "the input", tmp_path / "read")
    assert (caught.value.code, caught.value.file) == ("SC020", str(tmp_path / name))
    for beside in ("read2", "made", "read/../made"):
        refuse_within(tmp_path / beside, "the input", tmp_path / "read")
