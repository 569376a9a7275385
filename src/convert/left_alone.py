"""Files in a source that belong to no case: read-me files, previews, leftovers of file managers, unused folders."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.folders import is_stray
from ..dataset.lineage import FOLDER as LINEAGE
from ..dataset.lineage import RUN
from ..dataset.splits import FILE as SPLITS
from ..words import SHOWN, count_of, some_of
from .labels import class_lists, colour_tables, tool_tables
from .model import ConvertOptions, Scan
from .sources import nnunet_v1, pairs, png
from .tasks.task_json import JSON

LISTED = 20
"""How many names ``--json`` prints at most."""

_TABLES = frozenset((*colour_tables.FILES, *class_lists.FILES, colour_tables.PROJECT))


@dataclass
class LeftAlone:
    """Files that belong to no case.

    Parameters
    ----------
    files
        Folder, relative to the source → names of such files.
    folders
        Folder with no used file, relative to the source → how many files it holds.
    hidden
        The same for hidden folders, and for leftovers of file managers.
    """

    files: dict[str, list[str]] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of such files."""
        return sum(map(len, self.files.values())) + sum(self.folders.values()) + sum(self.hidden.values())

    def as_json(self) -> dict[str, object]:
        """Return the number of files, and the first names."""
        names = [os.path.join(folder, name) for folder, own in self.files.items() for name in own]
        return {"count": self.count, "first": sorted([*names, *self.folders, *self.hidden])[:LISTED]}

    def in_words(self) -> list[str]:
        """Return a line for each of the first folders with such files, and one for folders with only such files."""
        shown = list(self.files.items())[:SHOWN]
        lines = [
            f"{count_of(len(names), 'other file')} in {folder or '.'} left alone: {some_of(names)}"
            for folder, names in shown
        ]
        if more := list(self.files.values())[SHOWN:]:
            count = count_of(sum(map(len, more)), "other file")
            lines.append(f"{count} in {count_of(len(more), 'more folder')} left alone")
        if self.folders:
            held = count_of(sum(self.folders.values()), "file")
            lines.append(f"{count_of(len(self.folders), 'folder')} with {held} left alone: {some_of([*self.folders])}")
        if self.hidden:
            held = count_of(sum(self.hidden.values()), "hidden or system file")
            lines.append(f"{held} left alone: {some_of([*self.hidden])}")
        return lines


def left_alone(scan: Scan, options: ConvertOptions) -> LeftAlone:
    """Return the files that a scan does not use; a link counts at its target, an empty folder does not count."""
    used = {file for case in scan.cases for file in case.files}
    used |= {str(scan.root / name) for name in (JSON, SPLITS, nnunet_v1.SPLITS)}
    used |= {str(path.absolute()) for path in (options.pairs, options.patients) if path is not None}
    if (scan.root / RUN).is_file():
        used.add(str(scan.root / LINEAGE))
    tables = _TABLES if scan.kind == png.KIND else frozenset()
    if options.labels is None and scan.kind in (png.KIND, pairs.KIND):
        used |= _tool_tables(scan)
    found = LeftAlone()
    _look(str(scan.root), "", used, tables, found)
    return found


def _tool_tables(scan: Scan) -> set[str]:
    """Return the tables written by tools, in the source and in its label folders, that name the labels."""
    folders = {scan.root, *(Path(case.label).parent for case in scan.cases if case.label is not None)}
    return {
        str(path)
        for folder in folders
        if folder.is_relative_to(scan.root)
        for path in tool_tables.find_tool_tables(folder)
        if tool_tables.read_tool_table(path, scan.root) is not None
    }


def _look(folder: str, relative: str, used: Collection[str], tables: Collection[str], found: LeftAlone) -> bool:
    """Add the unused files of a folder; return whether any of its files is used."""
    names: list[str] = []
    below = LeftAlone()
    some_used = False
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # if a case needs it, reading reports it
        return False
    for entry in entries:
        path = os.path.join(relative, entry.name)
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.path in used or entry.name in tables:
            some_used = True
        elif is_stray(entry.name):
            count = sum(len(files) for _, _, files in os.walk(entry.path)) if is_folder else 1
            found.hidden |= {path: count} if count else {}
        elif is_folder:
            inner = LeftAlone()
            if _look(entry.path, path, used, tables, inner):
                some_used = True
                below.files |= inner.files
                below.folders |= inner.folders
                found.hidden |= inner.hidden
            elif inner.count:
                below.folders[f"{path}/"] = inner.count
        elif entry.is_symlink() and os.path.realpath(entry.path) in used:
            some_used = True
        elif not entry.is_symlink() or not os.path.isdir(entry.path):
            names.append(entry.name)
    if names:
        found.files[relative] = names
    found.files |= below.files
    found.folders |= below.folders
    return some_used
