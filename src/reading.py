"""Open user files for reading: regular files only, never through links, never blocking, up to a size limit.

Callers that allow links resolve and judge them first. After that, no part of a path may be a link, neither the
file nor a folder above it. Either may be swapped at any moment, so the check is part of opening.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Self

from .errors import SegconvError

LONGEST = (8 << 30) + (64 << 20)
"""Largest file that is read if nothing else is known of it: the largest volume, and room for its header."""

# O_NONBLOCK: opening a pipe must not wait for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOOK = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC
"""For looking at a path without the right to read it; a link is opened as a link."""

_BLOCK = 1 << 20

_SYS_OPENAT2 = 437
"""On every architecture of Linux except Alpha."""
_AT_FDCWD = -100
_RESOLVE_NO_SYMLINKS = 0x04

_OWN_FILES = "/proc/self/fd"


class _OpenHow(ctypes.Structure):
    """``struct open_how`` of openat2(2), from Linux 5.6 on."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def descriptor_of(path: str | os.PathLike[str]) -> int:
    """Open a file for reading.

    Parameters
    ----------
    path
        A path without links; callers that allow links have resolved them.

    Raises
    ------
    SegconvError
        ``SC060`` if it or a folder above it is a link, ``SC061`` if it is not a regular file.
    OSError
        From the system.
    """
    return descriptor_and_status(path)[0]


def descriptor_and_status(path: str | os.PathLike[str]) -> tuple[int, os.stat_result]:
    """Open a file for reading, and return its status as well; see `descriptor_of`."""
    sys.audit("open", os.fspath(path), None, _READ)  # as in Python, for audits of opened files
    try:
        descriptor = _through_no_link(os.fspath(path), _READ)
    except OSError as error:
        if (refused := _refused(error, path)) is not None:
            raise refused from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise no_file(path)
    return descriptor, status


def _refused(error: OSError, path: str | os.PathLike[str]) -> SegconvError | None:
    """Return the error for a link or a socket, which is not opened; None for other errors."""
    if error.errno == errno.ELOOP:
        return became_link(path)
    return no_file(path) if error.errno == errno.ENXIO else None


def status_of(path: str | os.PathLike[str]) -> os.stat_result:
    """Return the status of a path; raises OSError if a part of it is a link."""
    descriptor = _through_no_link(os.fspath(path), _LOOK)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def in_real_folder(path: str | os.PathLike[str]) -> str:
    """Return a path whose folder is resolved; the file may still be a link, and is then not opened."""
    folder, name = os.path.split(os.fspath(path))
    return os.path.join(os.path.realpath(folder), name)


@contextmanager
def named(path: str | os.PathLike[str]) -> Iterator[str]:
    """Open a file like `descriptor_of`, and yield a name under which libraries open the same file.

    If the system has no such names, the name is the path, and a folder swapped meanwhile goes unnoticed.
    """
    descriptor = descriptor_of(path)
    try:
        yield f"{_OWN_FILES}/{descriptor}" if os.path.isdir(_OWN_FILES) else os.fspath(path)
    finally:
        os.close(descriptor)


_MOST_FOLDERS = 64
"""How many folders `Heads` keeps open."""


class Heads:
    """Reads the first bytes of many files; their folders stay open until the context ends, or there are many."""

    def __init__(self) -> None:
        self._folders: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        while self._folders:
            os.close(self._folders.popitem()[1])

    def _folder(self, folder: str) -> int:
        if len(self._folders) >= _MOST_FOLDERS:
            self._close()
        # With the dot the folder itself must not be a link either.
        return self._folders.setdefault(folder, _through_no_link(f"{folder}/.", _LOOK))

    def head(self, path: str, size: int) -> tuple[bytes, int]:
        """Return at most the first `size` bytes of a file, and its length; raises what `descriptor_of` raises.

        Parameters
        ----------
        path
            Absolute, without links.
        """
        sys.audit("open", path, None, _READ)  # as in `descriptor_of`
        folder, _, name = path.rpartition("/")
        try:
            at = self._folders.get(folder)
            descriptor = os.open(name, _READ, dir_fd=self._folder(folder) if at is None else at)
        except OSError as error:
            if (refused := _refused(error, path)) is not None:
                raise refused from error
            raise
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise no_file(path)
            return os.read(descriptor, size), status.st_size
        finally:
            os.close(descriptor)


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading; raises what `descriptor_of` raises."""
    return open(path, "rb", opener=lambda path, _: descriptor_of(path))


def whole(path: str | os.PathLike[str], limit: int = LONGEST) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    SegconvError
        ``SC054`` if it is longer than `limit`; what `descriptor_of` raises.
    """
    descriptor, status = descriptor_and_status(path)
    try:
        return bytes_of(descriptor, status.st_size, path, limit)
    finally:
        os.close(descriptor)


def head(path: str | os.PathLike[str], size: int) -> bytes:
    """Return the first bytes of a file; raises what `descriptor_of` raises."""
    descriptor = descriptor_of(path)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def bytes_of(descriptor: int, size: int, path: str | os.PathLike[str], limit: int = LONGEST) -> bytes:
    """Return the bytes of a file just opened, of a known size; raises ``SC054`` if that is more than `limit`."""
    if size > limit:
        raise SegconvError(
            f"is {size} bytes long, at most {limit} are read",
            code="SC054",
            file=os.fspath(path),
            hint="put the right file there",
        )
    data = os.read(descriptor, size)  # a file object would cost three more calls of the system
    if len(data) == size:
        return data
    with open(descriptor, "rb", closefd=False) as rest:  # a file of more than 2 GiB, or one that became shorter
        return data + rest.read(size - len(data))


def blocks(descriptor: int, size: int) -> Iterator[memoryview]:
    """Yield an open file of about this size block by block, in memory that is used again for the next one."""
    block = memoryview(bytearray(min(max(size, 1), _BLOCK)))
    while number := os.readv(descriptor, [block]):
        yield block[:number]


def became_link(path: str | os.PathLike[str]) -> SegconvError:
    """Return the error for a link in a resolved path."""
    return SegconvError(
        "it, or a folder above it, is a link, or became one during the run", code="SC060", file=os.fspath(path)
    )


def no_file(path: str | os.PathLike[str]) -> SegconvError:
    """Return the error for anything but a regular file."""
    return SegconvError("is a folder, pipe or device, expected a file", code="SC061", file=os.fspath(path))


def _through_no_link(path: str, flags: int) -> int:
    """Open a path if none of its parts is a link; raise ELOOP if one is."""
    try:
        return _openat2(path, flags)
    except OSError as error:
        # A kernel before 5.6, or a sandbox without openat2; some of these say EPERM.
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
    return _part_by_part(path, flags)


def _openat2(path: str, flags: int) -> int:
    if not sys.platform.startswith("linux"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), path)
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError("embedded null byte")  # as of os.open
    how = _OpenHow(flags, 0, _RESOLVE_NO_SYMLINKS)
    while True:
        descriptor: int = _libc.syscall(_SYS_OPENAT2, _AT_FDCWD, name, ctypes.byref(how), ctypes.sizeof(how))
        if descriptor >= 0:
            return descriptor
        code = ctypes.get_errno()
        if code not in (errno.EINTR, errno.EAGAIN):
            raise OSError(code, os.strerror(code), path)


def _part_by_part(path: str, flags: int) -> int:
    """Open a path folder by folder, each relative to the one before, so that swapping names has no effect."""
    *folders, name = path.rstrip("/").split("/") if path.strip("/") else [path]
    at: int | None = None
    try:
        for number, folder in enumerate(folders):
            below = _part(folder or ("/" if number == 0 else "."), _LOOK, at, path)
            if at is not None:
                os.close(at)
            at = below
        return _part(name, flags, at, path)
    finally:
        if at is not None:
            os.close(at)


def _part(name: str, flags: int, folder: int | None, path: str) -> int:
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    if stat.S_ISLNK(os.fstat(descriptor).st_mode):  # O_PATH opens a link as a link
        os.close(descriptor)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return descriptor


_libc = ctypes.CDLL(None, use_errno=True)


def refusal(error: OSError, path: str | os.PathLike[str] = "") -> SegconvError:
    """Return the error for a file or folder that the system refuses to read.

    Parameters
    ----------
    error
        The system's error.
    path
        The file, as the user knows it; empty if the caller adds it.

    Returns
    -------
    error
        ``SC012`` if it does not exist (any more); ``SC060`` for circular links; else ``SC030``.
    """
    file = os.fspath(path)
    absent = {
        errno.ENOENT: "does not exist, or not any more",
        errno.ENOTDIR: "does not exist: a part of its path is not a folder",
        errno.ENAMETOOLONG: "does not exist: its name is longer than any file's",
    }
    if error.errno in absent:
        hint = "restore the file, and keep others from removing files during the run"
        return SegconvError(absent[error.errno], code="SC012", file=file, hint=hint)
    if error.errno == errno.ELOOP:
        what = "is reached through links in a circle, or through too many"
        return SegconvError(what, code="SC060", file=file, hint="remove the link")
    return SegconvError(f"cannot be read ({error.strerror or error})", code="SC030", file=file)


def unlisted(error: OSError, folder: str | os.PathLike[str]) -> SegconvError:
    """Return the error for a folder that cannot be listed: ``SC030`` if it is not a folder, else as in `refusal`."""
    if error.errno == errno.ENOTDIR:
        return SegconvError(f"cannot be listed ({error.strerror})", code="SC030", file=os.fspath(folder))
    return refusal(error, folder)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a regular file, following links; raises what `refusal` returns if unknown.

    Treating such a path as absent would give a different result from the same files.
    """
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder; see `is_file`."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def is_there(path: str | os.PathLike[str], *, links_followed: bool = True) -> bool:
    """Return whether a path exists; a dangling link does if `links_followed` is false. See `is_file`."""
    return _mode(path, links_followed=links_followed) is not None


def _mode(path: str | os.PathLike[str], *, links_followed: bool = True) -> int | None:
    try:
        return os.stat(path, follow_symlinks=links_followed).st_mode
    except ValueError:  # file names cannot contain NUL
        return None
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return None
        raise refusal(error, path) from error


def size_of(path: str | os.PathLike[str]) -> int:
    """Return the size of a file in bytes, following links; raises what `refusal` returns."""
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise refusal(error, path) from error


def size_if_there(path: str | os.PathLike[str]) -> int:
    """Return the size of a file in bytes; 0 if unknown, which is reported when it is read."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
