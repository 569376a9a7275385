"""Replaced input folders are noticed, whatever their inode number."""

from __future__ import annotations

import errno
import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from segconv.errors import Interrupted, SegconvError
from segconv.work.held import Held, unchanged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    (made / "a.json").write_text("first")
    return made


def replaced(folder: Path) -> None:
    (folder / "a.json").unlink()
    folder.rmdir()
    folder.mkdir()
    (folder / "a.json").write_text("first")


def replaced_before(error: Exception, folder: Path) -> None:
    with unchanged(Held(folder)):
        replaced(folder)
        raise error


def edited_at_the_same_size(folder: Path) -> None:
    (folder / "a.json").write_text("other")
    os.utime(folder / "a.json", (1, 1))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "removed and made anew": (replaced, "was replaced by another folder"),
    "moved away": (lambda f: f.rename(f.with_name("away")), "was removed"),
    "another size": (lambda f: (f / "a.json").write_text("longer than it was"), "a.json"),
    "another time": (edited_at_the_same_size, "a.json"),
    "a file removed": (lambda f: (f / "a.json").unlink(), "a.json"),
    "a file that was absent": (lambda f: (f / "b.json").write_text("new"), "b.json"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_source_is_refused_by_name(change: str, folder: Path) -> None:
    alter, wording = CHANGES[change]
    held = Held(folder, ["a.json", "b.json"])
    held.refuse_if_changed()
    alter(folder)
    with pytest.raises(SegconvError) as caught:
        held.refuse_if_changed()
    assert (caught.value.code, caught.value.file) == ("SC062", str(folder))
    assert wording in caught.value.message
    assert "run the same command again" in caught.value.hint


def test_files_around_the_source_may_change(folder: Path) -> None:
    held = Held(folder, ["a.json"])
    (folder / "other").write_text("x")
    (folder / "a.json").chmod(0o600)
    os.link(folder / "a.json", folder.parent / "second-name")
    held.refuse_if_changed()


def test_a_link_to_another_place_is_another_folder(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    held = Held(link)
    held.refuse_if_changed()
    link.unlink()
    (tmp_path / "other").mkdir()
    link.symlink_to(tmp_path / "other")
    assert held.difference() is not None


def test_a_folder_that_never_was_there_must_not_appear(tmp_path: Path) -> None:
    held = Held(tmp_path / "none", ["a.json"])
    held.refuse_if_changed()
    (tmp_path / "none").mkdir()
    assert held.difference() is not None


@pytest.mark.parametrize("error", [SegconvError("wrong", code="SC070"), OSError(errno.ENOENT, "gone"), KeyError("x")])
def test_another_error_of_the_block_stands_unless_the_folder_changed(error: Exception, folder: Path) -> None:
    with pytest.raises(type(error)) as caught, unchanged(Held(folder)):
        raise error
    assert caught.value is error
    with pytest.raises(SegconvError) as refused:
        replaced_before(error, folder)
    assert refused.value.code == "SC062"
    assert refused.value.__cause__ is error


def test_an_interruption_stays_one(folder: Path) -> None:
    with pytest.raises(Interrupted):
        replaced_before(Interrupted("stopped"), folder)


def test_nothing_stays_open_afterwards(folder: Path) -> None:
    gc.collect()
    before = os.listdir("/proc/self/fd")
    for _ in range(5):
        Held(folder, ["a.json"])
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == len(before)
