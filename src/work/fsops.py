"""All changes to the disk go through this module, so that tests can make each of them fail.

``SEGCONV_FAULT`` names one call of this process that fails: ``kill@17`` ends the process at
the 17th change, ``ENOSPC@3`` makes the third change fail as on a full disk, ``EIO@rename:2`` the second
rename. Tests sweep over all of them.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import signal
import stat
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

Buffer = Any
"""Anything with contiguous bytes: ``bytes``, a numpy array (PEP 688 names the type from Python 3.12 on)."""

_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100

_SHORT_NAME_BYTES = 143
"""Longest name in bytes that every file system takes; the limit is that of eCryptfs."""
_TRIES, _PAUSE_S = 5, 0.01
"""How often, and with which pauses, a shared lock is asked for."""

MARK = ".tmp-"
"""Prefix of the names of incomplete files; each run adds its own digits."""
_DIGITS = 16
_TEMPORARY = re.compile(r"\.tmp-[0-9a-f]{16}(-.*)?", re.DOTALL)

_libc = ctypes.CDLL(None, use_errno=True)

_calls: Counter[str] = Counter()


def _before(operation: str, path: str | os.PathLike[str]) -> None:
    """Count a change, and make it fail if ``SEGCONV_FAULT`` says so."""
    _calls[operation] += 1
    _calls["any"] += 1
    fault = os.environ.get("SEGCONV_FAULT")
    if not fault:
        return
    what, _, where = fault.partition("@")
    only, _, number = where.rpartition(":")
    if (not only or only == operation) and _calls[only or "any"] == int(number):
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        code = getattr(errno, what)
        raise OSError(code, os.strerror(code), os.fspath(path))


def mkdir(path: str | Path) -> None:
    """Create a folder and its parents; no error if it exists."""
    if not os.path.isdir(path):
        _before("mkdir", path)
        Path(path).mkdir(parents=True, exist_ok=True)


def write_new(path: str | Path, *pieces: Buffer, sync: bool = False, mode: int = 0o666) -> None:
    """Write all contiguous pieces to a file that must not exist yet; the umask applies to its mode.

    Raises
    ------
    OSError
        From the system; the partial file is removed.
    """
    _before("create", path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        try:
            for piece in pieces:
                view = memoryview(piece)
                rest = view.cast("B") if view.nbytes else b""
                while rest:
                    _before("write", path)
                    rest = rest[os.write(descriptor, rest) :]
            if sync:
                _before("fsync", path)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        os.unlink(path)
        raise


def new_mark() -> str:
    """Return a unique mark for the names of incomplete files."""
    return MARK + os.urandom(_DIGITS // 4).hex()


def temporary_beside(path: Path, mark: str = MARK) -> Path:
    """Return a unique path next to a file, for its bytes until they are complete; see `temporary_name`."""
    return path.with_name(temporary_name(path.name, mark))


def temporary_name(name: str, mark: str = MARK) -> str:
    """Return a unique name for the bytes of a file until they are complete.

    It consists of the mark, a random part, and the name of the file if the result fits every file system.
    """
    drawn = mark + os.urandom(_DIGITS // 2).hex()[len(mark) - len(MARK) :]
    named = f"{drawn}-{name}"
    return named if len(os.fsencode(named)) <= _SHORT_NAME_BYTES else drawn


def write_atomic(path: Path, *pieces: Buffer, sync: bool = False, mark: str = MARK, mode: int = 0o666) -> None:
    """Write a file completely or not at all; an existing file is replaced as in `complete`."""
    temporary = temporary_beside(path, mark)
    write_new(temporary, *pieces, sync=sync, mode=mode)
    try:
        complete(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def complete(temporary: Path, path: Path) -> None:
    """Rename a complete file to its final name, replacing an existing file.

    Raises
    ------
    FileExistsError
        If a link, folder, pipe or device has the name; these are never replaced.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
    rename(temporary, path)


def create(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet; it appears complete, and has no name before, so a kill leaves nothing.

    Raises
    ------
    FileExistsError
        If the name is taken.
    OSError
        From the system.
    """
    _before("create", path)
    try:
        descriptor = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise
        temporary = temporary_beside(path)  # unsupported by this file system
        write_new(temporary, data)
        try:
            rename_new(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
        return
    try:
        rest = memoryview(data)
        while rest:
            _before("write", path)
            rest = rest[os.write(descriptor, rest) :]
        _before("link", path)
        # With a folder given, Python calls linkat(2), which can follow the /proc link of an open file.
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)
    finally:
        os.close(descriptor)


def is_temporary(name: str, of: Collection[str] = ()) -> bool:
    """Return whether a name is a temporary one of `write_atomic`, for certain files or for any."""
    match = _TEMPORARY.fullmatch(name)
    return match is not None and (not of or (match[1] or "")[1:] in of)


def copy_new(source: int, path: str | Path) -> None:
    """Copy an open file to a new one inside the kernel, sharing blocks if the file system supports it."""
    _before("create", path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        try:
            rest = os.fstat(source).st_size
            while rest > 0:
                _before("write", path)
                done = _copy_range(source, descriptor, rest)
                if done == 0:
                    raise OSError(errno.EIO, "the source ended early", os.fspath(path))
                rest -= done
        finally:
            os.close(descriptor)
    except OSError:
        os.unlink(path)
        raise


def _copy_range(source: int, target: int, count: int) -> int:
    try:
        return os.copy_file_range(source, target, count)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
            raise
    return os.write(target, os.read(source, min(count, 1 << 20)))


def append(descriptor: int, data: bytes, path: Path) -> None:
    """Append to an open file."""
    rest = memoryview(data)
    while rest:
        _before("append", path)
        rest = rest[os.write(descriptor, rest) :]


def open_append(path: Path) -> int:
    """Open or create a file for appending; raises FileExistsError for a pipe or a device."""
    _before("create", path)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
    return descriptor


def rename(source: Path, target: Path) -> None:
    """Rename, replacing an existing file."""
    _before("rename", target)
    os.rename(source, target)


def rename_new(source: str | Path, target: str | Path) -> None:
    """Rename to a free name; atomic if the kernel supports it.

    Raises
    ------
    FileExistsError
        If the name is taken.
    """
    _before("rename_new", target)
    try:
        _renameat2(source, target, _RENAME_NOREPLACE)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise
        # Unsupported by this file system: our lock keeps other runs out, so a check before is enough.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target)) from None
        os.rename(source, target)


def exchange(first: Path, second: Path) -> None:
    """Swap two folders on one file system; atomic if the kernel supports it."""
    _before("exchange", second)
    try:
        _renameat2(first, second, _RENAME_EXCHANGE)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise
        aside = first.with_name(first.name + ".old")
        os.rename(second, aside)
        os.rename(first, second)
        os.rename(aside, first)


def hard_link(source: str | Path, path: str | Path) -> None:
    """Create a hard link; its name must be free."""
    _before("link", path)
    os.link(source, path, follow_symlinks=False)


def symbolic_link(source: str | Path, path: str | Path) -> None:
    """Create a symbolic link to an absolute path; its name must be free."""
    _before("symlink", path)
    os.symlink(source, path)


def unlink(path: str | Path) -> None:
    """Remove a file; no error if it does not exist."""
    _before("unlink", path)
    with suppress(FileNotFoundError):
        os.unlink(path)


def rmdir(path: Path) -> None:
    """Remove an empty folder."""
    _before("rmdir", path)
    path.rmdir()


def sync_folder(path: Path) -> None:
    """Flush the entries of a folder to the disk."""
    _before("fsync", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Flush everything written to a folder's file system to the disk."""
    _before("fsync", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc_call("syncfs", descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)


def lock(path: Path) -> int | None:
    """Take an exclusive lock, held while the returned descriptor is open; None if another holds it.

    Raises
    ------
    OSError
        If the file system does not support locks.
    """
    return _lock(path, fcntl.LOCK_EX)


def lock_shared(path: Path) -> int | None:
    """Take a shared lock; otherwise like `lock`."""
    for _ in range(_TRIES):
        descriptor = _lock(path, fcntl.LOCK_SH)
        if descriptor is not None:
            return descriptor
        time.sleep(_PAUSE_S)  # the last sharer holds it exclusively while removing the file
    return None


def _lock(path: Path, kind: int) -> int | None:
    _before("lock", path)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)  # its last holder removed the file after we opened it and before we locked it


def sign(descriptor: int, text: str, path: Path) -> None:
    """Write the holder of a lock into its file."""
    _before("sign", path)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def unlock(descriptor: int, path: Path) -> None:
    """Release a lock, and remove its file unless others share the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # if shared, its last holder removes the file
        if _is_at(descriptor, path):
            _before("unlock", path)
            os.unlink(path)
    except OSError:
        return  # a file without a holder is not a lock, so it may stay
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _renameat2(source: str | Path, target: str | Path, flags: int) -> None:
    if _libc_call("renameat2", _AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), os.fspath(source), None, os.fspath(target))


def _libc_call(name: str, *arguments: int | bytes) -> int:
    """Call the C library; a missing function counts as missing in the kernel."""
    function: Callable[..., int] | None = getattr(_libc, name, None)
    if function is None:
        ctypes.set_errno(errno.ENOSYS)
        return -1
    return function(*arguments)
