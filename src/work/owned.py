"""Prove that a folder holds only what segconv wrote: nothing else is ever replaced or removed.

A finished folder lists the files, sizes and hashes that were written (its lineage); a staging
folder lists everything that may have been written into it. Anything else belongs to others and stays.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from isal import isal_zlib

from .. import reading
from ..errors import Cure, SegconvError
from ..words import some_of
from . import fsops

OF_EDITS = ("dataset.json", "run.json")
"""Files of a finished dataset that are edited in place: a killed edit leaves a temporary one."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file as written.

    Parameters
    ----------
    path
        Relative to its folder, with slashes.
    sha256
        Hash of its bytes; None if only its name is known.
    linked
        Whether a symbolic link may take its place.
    """

    path: str
    sha256: str | None
    linked: bool = False


Manifest = Callable[[Path], Iterable[Written]]
"""Returns what a finished folder was written with; raises `SegconvError` if segconv did not make it."""

Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class Owned:
    """A folder that is known to be segconv's own.

    Parameters
    ----------
    folder
        The folder.
    files
        Relative path → inode, size, and times of the last change of content and of inode, at the time of the proof.
    """

    folder: Path
    files: dict[str, Identity]

    def refuse_changes(self) -> None:
        """Raise ``SC020`` if a file was added or changed since the proof."""
        other = [path for path, found in _identities(self.folder).items() if self.files.get(path) != found]
        if other:
            raise _not_replaced(self.folder, other, "which appeared or changed during the run")

    def unchanged_in(self, folder: Path) -> set[str]:
        """Return the unchanged files, now that the folder has another name."""
        return {path for path, found in _identities(folder).items() if self.files.get(path) == found}


def prove(folder: Path, manifest: Manifest | None) -> Owned:
    """Prove that a folder holds only what segconv wrote.

    Parameters
    ----------
    folder
        The folder to replace.
    manifest
        Returns the files that a folder of its kind was written with; None for kinds that are never replaced.

    Raises
    ------
    SegconvError
        ``SC020`` naming the files that segconv did not write or that changed since.
    """
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise SegconvError(
            "is a link or a file, and is not replaced",
            code="SC020",
            file=str(folder),
            cures=[Cure("choose_other_target")],
        )
    try:
        written = {entry.path: entry for entry in manifest(folder)} if manifest is not None else {}
    except SegconvError as error:
        raise SegconvError(
            f"was not made by this command of segconv, and is not replaced ({error.message})",
            code="SC020",
            file=str(folder),
            cures=[Cure("choose_other_target")],
        ) from error
    foreign = _foreign(folder, written)
    if foreign:
        raise _not_replaced(folder, foreign, "which segconv did not write")
    files = _identities(folder)
    changed = [path for path in files if path in written and _changed(folder / path, written[path])]
    if changed:
        raise _not_replaced(folder, changed, "which changed since segconv wrote it")
    return Owned(folder, files)


def remove(folder: Path, files: Collection[str], last: Iterable[str] = (), keep: Collection[str] = ()) -> list[str]:
    """Remove files from a folder, and folders that become empty.

    Parameters
    ----------
    folder
        The folder; removed with its last entry.
    files
        Relative paths; missing ones are skipped.
    last
        The files that list what segconv wrote; removed last, in this order.
    keep
        Empty folders that stay.

    Returns
    -------
    left
        Relative paths of everything that stays.
    """
    late = [path for path in last if path in files]
    for part in (set(files) - set(late), late):
        for path in part:
            fsops.unlink(folder / path)
        _remove_empty_folders(folder, keep)
    left = sorted(path for path, _ in entries(folder))
    if not left:
        fsops.rmdir(folder)
    return left


def entries(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the relative path and entry of every file and every empty folder; folders removed meanwhile are skipped."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        for entry in _listed(folder / inside):
            path = f"{inside}{entry.name}"
            if entry.is_dir(follow_symlinks=False) and any(_listed(Path(entry.path))):
                waiting.append(f"{path}/")
            else:
                yield path, entry


def _listed(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of a folder; none if it does not exist."""
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        yield from found


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of the target of a link.

    Raises
    ------
    SegconvError
        ``SC061`` if it is not a regular file.
    OSError
        If the system refuses.
    """
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def file_crc32(path: Path) -> tuple[int, int]:
    """Return the length in bytes and the CRC-32 of a file, or of the target of a link; raises as `file_sha256`."""
    size = crc32 = 0
    for block in _blocks(path):
        size += len(block)
        crc32 = isal_zlib.crc32(block, crc32)
    return size, crc32


def _blocks(path: Path) -> Iterator[memoryview]:
    """Yield the bytes of a file, or of the target of a link; see `reading.blocks`."""
    try:  # resolving every path would look at each folder above it
        descriptor, status = reading.descriptor_and_status(path)
    except SegconvError as error:
        if error.code != "SC060":
            raise
        descriptor, status = reading.descriptor_and_status(os.path.realpath(path))
    try:
        yield from reading.blocks(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _files(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    return ((path, entry) for path, entry in entries(folder) if not entry.is_dir(follow_symlinks=False))


def _remove_empty_folders(folder: Path, keep: Collection[str]) -> None:
    kept = {folder / path for path in keep}
    for above, folders, _ in os.walk(folder, topdown=False):
        for name in folders:
            inner = Path(above, name)
            if inner not in kept and not inner.is_symlink() and not any(inner.iterdir()):
                fsops.rmdir(inner)


def _foreign(folder: Path, written: dict[str, Written]) -> list[str]:
    """Return entries that are not listed, or are not the kind of file that was written."""
    foreign = []
    for path, entry in entries(folder):
        listed = written.get(path)
        if entry.is_dir(follow_symlinks=False):  # an empty folder
            usual = any(other.startswith(f"{path}/") for other in written)
        else:
            # A temporary file was left by a killed change of the folder.
            temporary = fsops.is_temporary(entry.name, OF_EDITS)
            usual = (listed is not None or temporary) and entry.is_file(follow_symlinks=False)
            usual |= listed is not None and listed.linked and entry.is_symlink()
        if not usual:
            foreign.append(path)
    return foreign


def _changed(path: Path, written: Written) -> bool:
    found = os.stat(path, follow_symlinks=False)
    # Removing a symbolic or hard link does not lose the file.
    if stat.S_ISLNK(found.st_mode) or found.st_nlink > 1 or written.sha256 is None:
        return False
    return file_sha256(path) != written.sha256


def _identities(folder: Path) -> dict[str, Identity]:
    found = {path: entry.stat(follow_symlinks=False) for path, entry in _files(folder)}
    return {path: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path, s in found.items()}


def _not_replaced(folder: Path, files: list[str], what: str) -> SegconvError:
    return SegconvError(
        f"is not replaced: it holds {some_of(sorted(files))}, {what}",
        code="SC020",
        file=str(folder),
        hint="move what you want to keep out of it, or choose another target",
    )
