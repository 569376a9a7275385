"""The files of a source, folder by folder; links are followed as long as they stay inside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import reading
from ..dataset.folders import is_stray
from ..errors import Cure
from .model import SERIES, STACK, Parts
from .survey import Survey

OWN_FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
"""Folders of datasets, which are not part of a source that contains them."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One image or one label in the source.

    Parameters
    ----------
    folder
        Relative to the source, with slashes; empty for the source itself.
    stem
        Its name without ending.
    ending
        As written; empty for a folder that is one volume.
    parts
        Its files, if there is more than one.
    """

    folder: str
    stem: str
    ending: str
    parts: Parts | None = None

    @property
    def name(self) -> str:
        """The name with its ending, without its folder."""
        return self.stem + self.ending

    @property
    def path(self) -> str:
        """The path, relative to the source."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    @property
    def shown(self) -> str:
        """The name for messages, without its folder; for slices in a folder, with the first file."""
        if self.parts is None or self.parts.form not in (SERIES, STACK):
            return self.name
        return os.path.join(self.name, os.path.basename(self.parts.files[0]))

    @property
    def slices(self) -> str:
        """The end of a message on a folder of slices, which names a slice so that a stray file shows; else empty."""
        if self.parts is None or self.parts.form not in (SERIES, STACK):
            return ""
        more = f" and {len(self.parts.files) - 1} more" if len(self.parts.files) > 1 else ""
        return f"; it holds the slice {os.path.basename(self.parts.files[0])}{more}"


def walk(survey: Survey) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder of a source, relative to it, and the names of its files; both sorted.

    Stray files and `OWN_FOLDERS` are left out.

    A folder that is a link is entered if it stays inside the source; a link that leaves it, or leads
    to a folder above itself, becomes a finding.
    """
    yield from _walk(survey, "", Path(os.path.realpath(survey.root)))


def _walk(survey: Survey, relative: str, real_root: Path) -> Iterator[tuple[str, list[str]]]:
    root = survey.root
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(root / relative) as entries:
            for entry in entries:
                if is_stray(entry.name) or entry.name in OWN_FOLDERS:
                    continue
                path = f"{relative}/{entry.name}" if relative else entry.name
                if not _is_folder(entry):
                    files.append(entry.name)
                elif not entry.is_symlink() or _may_enter(survey, path, real_root):
                    folders.append(path)
    except OSError as error:
        raise reading.unlisted(error, root / relative) from error
    yield relative, sorted(files)
    for folder in sorted(folders):
        yield from _walk(survey, folder, real_root)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a loop: reported when it is opened


def _may_enter(survey: Survey, path: str, root: Path) -> bool:
    link = survey.root / path
    target = Path(os.path.realpath(link))
    if Path(os.path.realpath(link.parent)).is_relative_to(target):
        survey.error("SC060", "is a link that ends in a circle", file=path, hint="remove it")
        return False
    if not survey.options.allow_external and not target.is_relative_to(root):
        survey.error(
            "SC060",
            f"is a link that leaves the source, to {target}",
            file=path,
            hint="copy the folder into the source",
            cures=(Cure("allow_external"),),
        )
        return False
    return True


def units_in(survey: Survey, ending_of: Callable[[str], str | None]) -> tuple[list[Unit], dict[str, list[str]]]:
    """Return the files with a known ending, and the names of all others by folder."""
    units: list[Unit] = []
    others: dict[str, list[str]] = {}
    for folder, names in walk(survey):
        own, rest = by_ending(folder, names, ending_of)
        if not own and ending_of(folder) is not None:
            survey.error("SC061", "is a folder, expected a file", file=folder)
        units += own
        if rest:
            others[folder] = rest
    return units, others


def by_ending(
    folder: str, names: Iterable[str], ending_of: Callable[[str], str | None]
) -> tuple[list[Unit], list[str]]:
    """Return the files of a folder with a known ending, and the names of all others."""
    found = {name: unit_with(ending_of(name), folder, name) for name in names}
    return [unit for unit in found.values() if unit is not None], [name for name in found if found[name] is None]


def unit_with(ending: str | None, folder: str, name: str) -> Unit | None:
    """Return a file of a folder as a unit; None if it has no known ending."""
    return None if ending is None else Unit(folder, name[: -len(ending)], name[-len(ending) :])
