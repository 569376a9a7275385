"""Files in a source that belong to no case: read-me files, previews, leftovers of file managers, unused folders."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ..dataset.folders import is_stray
from ..dataset.lineage import FOLDER as LINEAGE
from ..dataset.lineage import RUN
from ..dataset.splits import FILE as SPLITS
from ..words import SHOWN, count_of, some_of
from .case_list import FolderCases, parts_of
from .model import ConvertOptions, Scan, SourceCase
from .sources import nnunet_v1, pairs, png
from .tasks.task_json import JSON

T = TypeVar("T")

LISTED = 20
"""How many names ``--json`` prints at most."""


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

    def take(self, other: LeftAlone) -> None:
        """Add the files of another folder."""
        self.files |= other.files
        self.folders |= other.folders
        self.hidden |= other.hidden

    def without_empty(self) -> LeftAlone:
        """Return the folders that hold any such files."""
        return LeftAlone(_held(self.files), _held(self.folders), _held(self.hidden))

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


class _Used:
    """The files of the cases.

    Attributes
    ----------
    paths
        Of all that `names_in` does not return.
    """

    def __init__(self, cases: Sequence[SourceCase]) -> None:
        self.paths: set[str] = set()
        self._by_folder: dict[str, list[tuple[FolderCases, str]]] = {}
        self._kept: dict[str, Set[str]] = {}
        for part in parts_of(cases):
            if isinstance(part, FolderCases):
                for folder, ending in part.places:
                    self._by_folder.setdefault(folder, []).append((part, ending))
            else:
                self.paths.update(itertools.chain.from_iterable(case.files for case in part))

    def names_in(self, folder: str) -> Set[str]:
        """Return the names of files in a folder that cases made from names have."""
        own = self._by_folder.get(folder, ())
        return {name + ending for part, ending in own for name in part.names()}

    def holds(self, path: str) -> bool:
        """Return whether a file is of a case; for those to which links lead, in no order."""
        folder, _, name = path.rpartition("/")
        if folder not in self._kept:
            self._kept[folder] = self.names_in(folder)
        return path in self.paths or name in self._kept[folder]


def _held(found: Mapping[str, T]) -> dict[str, T]:
    return {path: held for path, held in found.items() if held}


def left_alone(scan: Scan, options: ConvertOptions) -> LeftAlone:
    """Return the files that a scan does not use; a link counts at its target, an empty folder does not count."""
    used = _Used(scan.cases)
    used.paths |= {str(scan.root / name) for name in (JSON, SPLITS, nnunet_v1.SPLITS)}
    used.paths |= {str(path.absolute()) for path in (options.pairs, options.patients) if path is not None}
    if (scan.root / RUN).is_file():
        used.paths.add(str(scan.root / LINEAGE))
    tables = _names_of_tables() if scan.kind == png.KIND else frozenset()
    if not options.declares_labels and scan.kind in (png.KIND, pairs.KIND):
        used.paths |= _tool_tables(scan)
    return _look(str(scan.root), "", used, tables)[0]


def _names_of_tables() -> frozenset[str]:
    """Return the names of files that say what the values of pictures mean."""
    from .labels import class_lists, colour_tables

    return frozenset((*colour_tables.FILES, *class_lists.FILES, colour_tables.PROJECT))


def _tool_tables(scan: Scan) -> set[str]:
    """Return the tables written by tools, in the source and in its label folders, that name the labels."""
    from .labels import tool_tables

    own = {os.path.dirname(case.label) for case in scan.cases if case.label is not None}
    folders = {scan.root, *map(Path, own)}
    return {
        str(path)
        for folder in folders
        if folder.is_relative_to(scan.root)
        for path in tool_tables.find_tool_tables(folder)
        if tool_tables.read_tool_table(path, scan.root) is not None
    }


def _look(folder: str, relative: str, used: _Used, tables: Collection[str]) -> tuple[LeftAlone, bool]:
    """Return the unused files of a folder, and whether any of its files is used."""
    some_used = False
    names_used = used.names_in(folder)
    others: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in names_used or entry.path in used.paths:
                    some_used = True
                else:
                    others.append(entry)
    except OSError:  # if a case needs it, reading reports it
        return LeftAlone(), False
    names: list[str] = []
    found = LeftAlone({relative: names})
    for entry in sorted(others, key=lambda entry: entry.name):
        path = os.path.join(relative, entry.name)
        if _is_used_by_link(entry, used) or entry.name in tables:
            some_used = True
        elif is_stray(entry.name):
            found.hidden[path] = _number_of_files(entry)
        elif entry.is_dir(follow_symlinks=False):
            inner, inner_used = _look(entry.path, path, used, tables)
            found.take(inner if inner_used else LeftAlone(folders={f"{path}/": inner.count}))
            some_used |= inner_used
        elif not entry.is_symlink() or not os.path.isdir(entry.path):
            names.append(entry.name)
    return found.without_empty(), some_used


def _is_used_by_link(entry: os.DirEntry[str], used: _Used) -> bool:
    return entry.is_symlink() and not is_stray(entry.name) and used.holds(os.path.realpath(entry.path))


def _number_of_files(entry: os.DirEntry[str]) -> int:
    is_folder = entry.is_dir(follow_symlinks=False)
    return sum(len(files) for _, _, files in os.walk(entry.path)) if is_folder else 1
