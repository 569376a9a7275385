"""Work folders hold what a run puts there for a block; foreign files stay and are named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from segconv.errors import Finding, SegconvError
from segconv.work import begun
from segconv.work.scratch import scratch

from .tasks import tree


def add_file(work: Path) -> str:
    (work / "notes.txt").write_text("mine")
    return "notes.txt"


def add_file_beside_ours(work: Path) -> str:
    (work / "inputs" / "notes.txt").write_text("mine")
    return "inputs/notes.txt"


def add_folder(work: Path) -> str:
    (work / "mine").mkdir()
    return "mine"


def add_folder_beside_ours(work: Path) -> str:
    (work / "inputs" / "mine").mkdir()
    return "inputs/mine"


def add_link(work: Path) -> str:
    (work / "inputs" / "link").symlink_to("/etc/hostname")
    return "inputs/link"


STRANGERS = [add_file, add_file_beside_ours, add_folder, add_folder_beside_ours, add_link]


def ours(work: Path) -> None:
    for name in ("inputs/a", "inputs/b", "out/fold/c"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("ours")


OUTPUTS = ["inputs/a", "inputs/b", "out/fold/c", "out/fold/not written"]


def names(work: Path) -> set[str]:
    return {os.path.relpath(path, work) for path in work.rglob("*")}


def test_what_the_run_wrote_goes(tmp_path: Path) -> None:
    wording: list[Finding] = []
    work = tmp_path / ".segconv-work"
    with scratch(work, OUTPUTS, wording.extend):
        ours(work)
        begun.declare(work, ["log"])
        (work / "log").touch()
    assert (list(tmp_path.iterdir()), wording) == ([], [])


def look(path: Path) -> str | bytes:
    return os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""


def begins(work: Path) -> None:
    """Begin in a folder, which must not be possible."""
    with scratch(work, OUTPUTS, lambda found: pytest.fail(str(found))):
        pytest.fail("it began")


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("change", STRANGERS)
def test_foreign_files_stay_and_are_named(tmp_path: Path, change: Callable[[Path], str], fails: bool) -> None:
    wording: list[Finding] = []
    work = tmp_path / ".segconv-work"
    try:
        with scratch(work, OUTPUTS, wording.extend):
            ours(work)
            name = change(work)
            mine = look(work / name)
            if fails:
                raise SegconvError("no")
    except SegconvError:
        assert fails
    assert names(work) == {name, begun.FILE} | ({"inputs"} if "/" in name else set())
    assert look(work / name) == mine
    (found,) = wording
    assert (found.code, found.severity, found.file) == ("SC021", "warning", str(work))
    assert name in found.message
    with pytest.raises(SegconvError, match=name) as caught:
        begins(work)
    assert caught.value.code == "SC021"
    assert look(work / name) == mine


def killed(work: Path) -> None:
    work.mkdir()
    begun.declare(work, OUTPUTS)
    ours(work)


def test_what_a_killed_run_left_goes(tmp_path: Path) -> None:
    work = tmp_path / ".segconv-work"
    killed(work)
    with scratch(work, OUTPUTS, lambda found: pytest.fail(str(found))):
        assert names(work) == {begun.FILE}, "it begins empty"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", STRANGERS)
def test_leftovers_of_a_killed_run_stay_if_someone_added_a_file(tmp_path: Path, change: Callable[[Path], str]) -> None:
    work = tmp_path / ".segconv-work"
    killed(work)
    name = change(work)
    before = {path: look(work / path) for path in names(work)}
    with pytest.raises(SegconvError, match=name) as caught:
        begins(work)
    assert caught.value.code == "SC021"
    assert {path: look(work / path) for path in names(work)} == before


@pytest.mark.parametrize("kind", ["folder", "link", "file"])
def test_folders_other_than_work_folders_are_left_untouched(tmp_path: Path, kind: str) -> None:
    work = tmp_path / ".segconv-work"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        ours(tmp_path / "elsewhere")
        work.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        work.write_text("mine")
    else:
        work.mkdir()
        ours(work)
    before = tree(tmp_path)
    with pytest.raises(SegconvError) as caught:
        begins(work)
    assert (caught.value.code, caught.value.file) == ("SC021", str(work))
    assert tree(tmp_path) == before
