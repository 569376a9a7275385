"""Changes of the disk where a kernel or file system lacks a feature, and where the system refuses."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segconv.work import fsops


def refusing(code: int) -> Any:
    def refuse(*_: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(3 << 20))
    return path


def copy(source: Path, target: Path) -> None:
    descriptor = os.open(source, os.O_RDONLY)
    try:
        fsops.copy_new(descriptor, target)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("code", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_is_copied_where_the_kernel_cannot(
    code: int, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "copy_file_range", refusing(code))
    copy(source, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_copy_that_fails_leaves_nothing(
    code: int, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "copy_file_range", refusing(code))
    with pytest.raises(OSError, match=os.strerror(code)):
        copy(source, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_source_that_ends_early_is_not_a_copy(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "copy_file_range", lambda *_: 0)
    with pytest.raises(OSError, match="ended early"):
        copy(source, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_all_is_brought_to_the_disk_where_one_file_system_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(fsops, "_libc_call", lambda *_: -1)
    monkeypatch.setattr(os, "sync", lambda: synced.append("all"))
    fsops.sync_file_system(tmp_path)
    assert synced == ["all"]


def test_a_function_that_the_c_library_lacks_counts_as_one_that_the_kernel_lacks() -> None:
    assert fsops._libc_call("no_such_function", 1) == -1
    assert ctypes.get_errno() == errno.ENOSYS


def test_two_folders_change_places_in_two_steps_where_one_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsops, "_renameat2", refusing(errno.EINVAL))
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    fsops.exchange(tmp_path / "new", tmp_path / "old")
    assert [(tmp_path / name / "file").read_text() for name in ("new", "old")] == ["old", "new"]
    monkeypatch.setattr(fsops, "_renameat2", refusing(errno.EACCES))
    with pytest.raises(PermissionError):
        fsops.exchange(tmp_path / "new", tmp_path / "old")


def test_a_file_system_without_locks_is_an_error_that_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOLCK))
    with pytest.raises(OSError, match=os.strerror(errno.ENOLCK)):
        fsops.lock(tmp_path / "lock")
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    flock, removed = fcntl.flock, []

    def racing(descriptor: int, how: int) -> None:
        if not removed:
            path.unlink()  # as its last holder does, between our opening and locking it
            removed.append(path)
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", racing)
    descriptor = fsops.lock(path)
    assert descriptor is not None
    assert removed
    assert os.path.samestat(os.fstat(descriptor), path.stat())
    fsops.unlock(descriptor, path)
    assert not path.exists()


def test_a_lock_file_that_cannot_be_removed_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    descriptor = fsops.lock(path)
    assert descriptor is not None
    monkeypatch.setattr(os, "unlink", refusing(errno.EACCES))
    fsops.unlock(descriptor, path)
    monkeypatch.undo()
    again = fsops.lock(path)
    assert again is not None, "a file that no one holds is not a lock"
    fsops.unlock(again, path)


@pytest.mark.parametrize("anonymous", [True, False])
def test_a_created_file_is_complete_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anonymous: bool
) -> None:
    if not anonymous:  # as on file systems that know no file without a name
        real = os.open

        def refused(path: Path, flags: int, mode: int = 0o777) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
            return real(path, flags, mode)

        monkeypatch.setattr(os, "open", refused)
    fsops.create(tmp_path / "a", b"one")
    for taken in ("a", "link"):
        if taken == "link":
            (tmp_path / "link").symlink_to(tmp_path / "nothing")
        with pytest.raises(FileExistsError):
            fsops.create(tmp_path / taken, b"two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "link"]
    assert (tmp_path / "a").read_bytes() == b"one"


THERE: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: path.symlink_to(path.with_name("mine")),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a pipe": lambda path: os.mkfifo(path),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", THERE)
def test_a_file_is_written_in_the_place_of_a_file_only(tmp_path: Path, kind: str) -> None:
    (tmp_path / "mine").write_text("mine")
    path = tmp_path / "it"
    THERE[kind](path)
    before = path.lstat()
    with pytest.raises(FileExistsError):
        fsops.write_atomic(path, b"ours")
    with pytest.raises(OSError, match=r"File exists|symbolic links|Is a directory"):
        os.close(fsops.open_append(path))
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["it", "mine"]
    assert (tmp_path / "mine").read_text() == "mine"
