"""The folders of a source and the names in them, listed once for all the readings of it that are tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .. import reading
from ..dataset.folders import is_stray
from ..errors import Cure, Finding
from ..image import opened
from .model import SERIES, STACK, Parts

OWN_FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
"""Folders of datasets, which are not part of a source that contains them."""


class Unit(NamedTuple):
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
        return f"{self.folder}/{self.stem}{self.ending}" if self.folder else self.stem + self.ending

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


class Folder:
    """A folder of a source.

    Attributes
    ----------
    path
        Relative to the source, with slashes; empty for the source itself.
    names
        Of its files, sorted, without stray ones.
    findings
        On links in it to folders that are not entered.
    """

    __slots__ = ("_units", "findings", "names", "path")

    def __init__(self, path: str, names: list[str], findings: tuple[Finding, ...] = ()) -> None:
        self.path = path
        self.names = names
        self.findings = findings
        self._units: list[Unit] | None = None

    @property
    def units(self) -> list[Unit]:
        """Its pictures and volumes by name, in the order of their names; not to be changed."""
        if self._units is None:
            ending_of = opened.ending_of
            self._units = [
                Unit(self.path, name[: -len(ending)], name[-len(ending) :])
                for name in self.names
                if (ending := ending_of(name)) is not None
            ]
        return self._units


class Listing:
    """The folders of a source, listed when they are first asked for.

    Parameters
    ----------
    root
        The source, resolved.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[bool, list[Folder]] = {}

    def folders(self, *, external: bool) -> list[Folder]:
        """Return each folder, a folder before those in it, sorted by name; stray files and `OWN_FOLDERS` are left out.

        A folder that is a link is entered if it stays inside the source; a link that leaves it, or leads to a folder
        above itself, becomes a finding.

        Parameters
        ----------
        external
            Follow links that leave the source.
        """
        if external not in self._found:
            real_root = Path(os.path.realpath(self._root))
            self._found[external] = list(self._listed("", real_root, external=external))
        return self._found[external]

    def _listed(self, relative: str, real_root: Path, *, external: bool) -> Iterator[Folder]:
        files: list[str] = []
        folders: list[str] = []
        findings: list[Finding] = []
        place = os.path.join(self._root, relative)
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    name = entry.name
                    if is_stray(name) or name in OWN_FOLDERS:
                        continue
                    if not _is_folder(entry):
                        files.append(name)
                        continue
                    path = f"{relative}/{name}" if relative else name
                    closed = _closed(self._root, path, real_root, external=external) if entry.is_symlink() else None
                    if closed is None:
                        folders.append(path)
                    else:
                        findings.append(closed)
        except OSError as error:
            raise reading.unlisted(error, place) from error
        files.sort()
        yield Folder(relative, files, tuple(findings))
        for folder in sorted(folders):
            yield from self._listed(folder, real_root, external=external)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a loop: reported when it is opened


def _closed(root: Path, path: str, real_root: Path, *, external: bool) -> Finding | None:
    """Return the finding on a link to a folder that is not entered; None if it is."""
    link = root / path
    target = Path(os.path.realpath(link))
    if Path(os.path.realpath(link.parent)).is_relative_to(target):
        return Finding("SC060", "is a link that ends in a circle", file=path, hint="remove it")
    if external or target.is_relative_to(real_root):
        return None
    return Finding(
        "SC060",
        f"is a link that leaves the source, to {target}",
        file=path,
        hint="copy the folder into the source",
        cures=(Cure("allow_external"),),
    )
