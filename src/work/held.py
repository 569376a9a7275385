"""Hold input folders from the first read to the end, and verify then that they are unchanged."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Interrupted, SegconvError

AGAIN = "run the same command again once nothing changes it"


class Held:
    """A folder and the state of some of its files.

    The folder is kept open for the lifetime of this object, so that a folder that replaces it cannot get its
    inode. Its files are not kept open: on NFS, a file removed while open stays in its folder, which then
    cannot be removed.

    Parameters
    ----------
    folder
        The folder; it need not exist.
    names
        Files that identify its content, relative to it. Missing files must stay missing.
    """

    def __init__(self, folder: Path, names: Iterable[str] = ()) -> None:
        self.folder = folder.absolute()
        self._identity = self._hold()
        self._files = {name: _size_and_time(self.folder / name) for name in names}

    def difference(self) -> SegconvError | None:
        """Return ``SC062`` if the folder or one of its files changed; None otherwise."""
        found = _identity_of(self.folder)
        if found != self._identity:
            how = "was removed" if found is None else "was replaced by another folder"
            return self._changed(f"{how} while it was read")
        for name, before in self._files.items():
            if _size_and_time(self.folder / name) != before:
                return self._changed(f"changed while it was read: {name} is not the same")
        return None

    def refuse_if_changed(self) -> None:
        """Raise what `difference` returns."""
        changed = self.difference()
        if changed is not None:
            raise changed

    def _changed(self, how: str) -> SegconvError:
        return SegconvError(how, code="SC062", file=str(self.folder), hint=AGAIN)

    def _hold(self) -> tuple[int, int] | None:
        try:
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # reading the folder raises the reason
            return _identity_of(self.folder)
        weakref.finalize(self, os.close, descriptor)
        found = os.fstat(descriptor)
        return found.st_dev, found.st_ino


@contextmanager
def unchanged(*held: Held) -> Iterator[None]:
    """Let a block succeed only if the folders that it reads are the same at its end.

    Raises
    ------
    SegconvError
        ``SC062`` for the first changed folder, even instead of any other error but `Interrupted`:
        errors in a mix of two datasets say nothing about either.
    """
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        changed = next(filter(None, (one.difference() for one in held)), None)
        if changed is not None:
            raise changed from error
        raise
    for one in held:
        one.refuse_if_changed()


def _identity_of(folder: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size_and_time(path: Path) -> tuple[int, int] | None:
    """Return what identifies a file, as in the journal: inodes do not last on every file system."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
