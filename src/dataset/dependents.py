"""Find datasets that link to files of another one, and would change or break if it were replaced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..errors import SegconvError
from ..work import owned
from .strictjson import load_object, read_file

_DESCRIPTION = "dataset.json"


def dependents(target: Path) -> list[Path]:
    """Return the datasets next to `target` that link to its files, by symbolic or hard links or by the key ``dataset``.

    Parameters
    ----------
    target
        Folder of a dataset, or of a task of nnU-Net v1.
    """
    inside = os.path.join(os.path.realpath(target), "")
    shared = _shared_files(target)
    beside = (path for path in sorted(target.parent.iterdir()) if path != target and path.is_dir())
    named = (path for path in beside if path.name.startswith(("Dataset", "Task")))
    return [path for path in named if _depends(path, inside, shared)]


def _shared_files(target: Path) -> set[tuple[int, int]]:
    """Return device and inode of every file that has a second name."""
    files = (entry for _, entry in owned.entries(target) if not entry.is_dir(follow_symlinks=False))
    return {(one.st_dev, one.st_ino) for one in map(_stat, files) if one is not None and one.st_nlink > 1}


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return the state of an entry; None if it no longer exists, as the temporary file of an edit that ended."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _depends(path: Path, inside: str, shared: set[tuple[int, int]]) -> bool:
    """Return whether a dataset is a link to another one, names its files, or links to some of them."""
    if os.path.realpath(path) + os.sep == inside:
        return True
    if any(_is_inside(place, inside) for place in _named_elsewhere(path)):
        return True
    return any(_links_into(entry, inside, shared) for _, entry in owned.entries(path))


def _links_into(entry: os.DirEntry[str], inside: str, shared: set[tuple[int, int]]) -> bool:
    if entry.is_symlink():
        above = os.path.dirname(entry.path)
        return _is_inside(entry.path, inside) or _is_inside(os.path.join(above, _target_of(entry)), inside)
    if not shared or entry.inode() not in {inode for _, inode in shared}:
        return False
    found = _stat(entry)
    return found is not None and (found.st_dev, found.st_ino) in shared


def _target_of(link: os.DirEntry[str]) -> str:
    with suppress(FileNotFoundError):  # removed meanwhile
        return os.readlink(link)
    return ""


def _is_inside(path: str, inside: str) -> bool:
    return os.path.normpath(path).startswith(inside) or os.path.realpath(path).startswith(inside)


def _named_elsewhere(dataset: Path) -> Iterator[str]:
    """Yield the paths under the key ``dataset`` of a dataset.json; none if it cannot be read."""
    try:
        cases = load_object(read_file(dataset / _DESCRIPTION)).get("dataset")
    except SegconvError:
        return
    for files in cases.values() if isinstance(cases, dict) else ():
        if isinstance(files, dict):
            images = files.get("images")
            named = [*(images if isinstance(images, list) else []), files.get("label")]
            yield from (os.path.join(dataset, path) for path in named if isinstance(path, str) and "\0" not in path)
