"""List everything that may have been written into a staging folder: anything else in it is not segconv's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import reading
from ..errors import Finding, SegconvError, as_warning
from ..words import some_of
from . import fsops, owned
from .journal import FILE as JOURNAL

FILE = "begun"
PLAN = "plan.json"
LONGEST = 1 << 30
"""Limit in bytes: a list of a hundred thousand cases takes less than a tenth."""
_FIRST = b"segconv staging folder, format 1"
_END = b"\0"
"""Ends an entry, and precedes appended ones, as a power cut may have torn the last."""
_MARK = re.compile(re.escape(fsops.MARK) + "[0-9a-f]+")
"""The entry with the prefix of the names of incomplete files; the first lists had none."""


def declare(staging: Path, outputs: Iterable[str]) -> None:
    """Add paths to the list before any of them is written; create the list if needed."""
    begun = read(staging)
    if begun is None:
        mark = fsops.new_mark()
        fsops.create(staging / FILE, _entries([os.fsdecode(_FIRST), mark, *sorted(set(outputs))]))
        return
    outputs = set(outputs) - begun
    if _mark_in(begun) is None:
        outputs.add(fsops.new_mark())
    if not outputs:
        return
    data = _END + _entries(sorted(outputs))
    descriptor = fsops.open_append(staging / FILE)
    try:
        fsops.append(descriptor, data, staging / FILE)
    finally:
        os.close(descriptor)


def read(staging: Path) -> set[str] | None:
    """Return the list of a staging folder; None without one."""
    try:
        first, *outputs = reading.whole(reading.in_real_folder(staging / FILE), LONGEST).split(b"\0")
    except (OSError, SegconvError):
        return None
    return {os.fsdecode(path) for path in outputs if path} if first == _FIRST else None


@contextmanager
def declaring(staging: Path) -> Iterator[Callable[[Iterable[str]], None]]:
    """Yield a function that adds to the list cheaply; its paths must not be on the list yet."""
    descriptor = fsops.open_append(staging / FILE)
    try:
        yield lambda outputs: fsops.append(descriptor, _END + _entries(outputs), staging / FILE)
    finally:
        os.close(descriptor)


def mark_of(staging: Path) -> str:
    """Return the name prefix of incomplete files in a staging folder; random per folder."""
    return _mark_in(read(staging) or ()) or fsops.MARK


def take_up(staging: Path) -> None:
    """Make sure that a staging folder can be resumed, even one begun by a version of segconv without marks.

    Incomplete files of such a version are removed, because later they could not be distinguished from files of
    others.

    Raises
    ------
    SegconvError
        ``SC021`` as `refuse_foreign`.
    """
    files = refuse_foreign(staging)
    begun = read(staging)
    if begun is not None and _mark_in(begun) is None:
        owned.remove(staging, {path for path in files if fsops.is_temporary(os.path.basename(path))})


def refuse_foreign(staging: Path) -> set[str]:
    """Return the files of a staging folder, relative to it, if its runs wrote all of them.

    Raises
    ------
    SegconvError
        ``SC021`` if it holds anything else or is not segconv's.
    """
    files, foreign = _told_apart(staging)
    if foreign and read(staging) is None and (staging / PLAN).is_file():
        raise SegconvError(
            "has no list of what segconv wrote into it, like the folder of another version; it is not touched",
            code="SC021",
            file=str(staging),
            hint="move the folder away, or remove it if nothing in it is yours",
        )
    if foreign:
        raise _foreign(staging, foreign)
    return files


def remove(staging: Path) -> None:
    """Remove a staging folder with everything in it, if its runs wrote all of it.

    Raises
    ------
    SegconvError
        ``SC021`` as `refuse_foreign`.
    """
    owned.remove(staging, refuse_foreign(staging), last=(JOURNAL, PLAN, FILE))


def remove_own(staging: Path) -> list[Finding]:
    """Remove from a staging folder what its runs wrote; remove the folder with its list if nothing else is in it.

    Returns
    -------
    findings
        A warning about files of others in it, which stay.
    """
    files, foreign = _told_apart(staging)
    listed = {FILE} if foreign else set()  # it still tells which of the other files are ours
    left = owned.remove(staging, files - listed, last=(JOURNAL, PLAN, FILE), keep=foreign)
    left = [path for path in left if path != FILE]
    return [as_warning(finding) for finding in _foreign(staging, left).findings] if left else []


def _told_apart(staging: Path) -> tuple[set[str], list[str]]:
    """Return the files of a staging folder that are ours, and all others."""
    begun = read(staging)
    known = set() if begun is None else begun | {FILE}
    mark = _mark_in(known)
    files: set[str] = set()
    foreign: list[str] = []
    found = list(owned.entries(staging))
    if begun is None and all(entry.is_dir(follow_symlinks=False) for _, entry in found):
        return files, foreign  # only empty folders, left by a removal that failed at its end
    for path, entry in found:
        if not _ours(path, entry, known, mark):
            foreign.append(path)
        elif not entry.is_dir(follow_symlinks=False):
            files.add(path)
    return files, foreign


def _ours(path: str, entry: os.DirEntry[str], known: set[str], mark: str | None) -> bool:
    if entry.is_dir(follow_symlinks=False):  # an empty folder, made for planned files
        return any(output.startswith(f"{path}/") for output in known)
    if fsops.is_temporary(entry.name):
        return _is_our_temporary(path, entry, known, mark)
    if path in (FILE, PLAN, JOURNAL) and known:
        return entry.is_file(follow_symlinks=False)
    return path in known


def _is_our_temporary(path: str, entry: os.DirEntry[str], known: set[str], mark: str | None) -> bool:
    # If files cannot be created without a name, the list itself has a temporary name before the mark is known.
    if mark is not None and entry.name.startswith(mark):
        return entry.is_file(follow_symlinks=False) or entry.is_symlink()
    ours = fsops.is_temporary(path, (FILE,)) or (mark is None and _is_unmarked(path, known))
    return ours and entry.is_file(follow_symlinks=False)


def _is_unmarked(path: str, known: set[str]) -> bool:
    """Return whether a list without a mark accounts for a temporary file: by the final file next to it."""
    folder, name = os.path.split(path)
    beside = {os.path.basename(other) for other in known if os.path.dirname(other) == folder} - {""}
    if known and not folder:
        beside |= {PLAN, JOURNAL}
    if not all(fsops.temporary_beside(Path(other)).name.endswith(f"-{other}") for other in beside):
        beside.add("")  # temporary names do not fit the longest names
    return bool(beside) and fsops.is_temporary(name, beside)


def _mark_in(begun: Iterable[str]) -> str | None:
    return next(filter(_MARK.fullmatch, begun), None)


def _entries(texts: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(text) + _END for text in texts)


def _foreign(staging: Path, files: list[str]) -> SegconvError:
    return SegconvError(
        f"holds {some_of(sorted(files))}, which segconv did not write; it is not touched",
        code="SC021",
        file=str(staging),
        hint="move the files out of it; segconv keeps unfinished work in this folder",
    )
