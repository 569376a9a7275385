"""The folders of a source and the names in them, listed once for all the readings of it that are tried."""

from __future__ import annotations

import itertools
import os
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import reading
from ..dataset.folders import is_stray
from ..errors import Cure, Finding
from ..image import opened
from .blocks import InBlocks, Names
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
    odd
        Whether some of its files are links, pipes, or anything else but regular files.
    findings
        On links in it to folders that are not entered.
    """

    __slots__ = ("_endings", "_names", "_units", "findings", "odd", "path")

    def __init__(self, path: str, names: Sequence[str], findings: tuple[Finding, ...], *, odd: bool) -> None:
        self.path = path
        self._names = Names(names)
        self.odd = odd
        self.findings = findings
        self._units: FolderUnits | None = None
        self._endings: Counter[str] | None = None

    @property
    def names(self) -> Sequence[str]:
        """The names of its files, sorted, without stray ones."""
        return self._names

    @property
    def endings(self) -> Counter[str]:
        """The endings of its pictures and volumes, as written, and how many files have each."""
        if self._endings is None:
            self._endings = Counter(filter(None, map(_Endings().of, self._names)))
        return self._endings

    @property
    def units(self) -> FolderUnits:
        """Its pictures and volumes by name, in the order of their names."""
        if self._units is None:
            self._units = self.units_with(self.endings.keys())
        return self._units

    def units_with(self, wanted: Collection[str]) -> FolderUnits:
        """Return its pictures and volumes with some of its `endings`."""
        names = self._names
        if sum(self.endings[ending] for ending in wanted) < len(names):
            ending_of = _Endings().of
            names = Names([name for name in names if ending_of(name) in wanted])
        return FolderUnits(self.path, names, next(iter(wanted)) if len(wanted) == 1 else None)


class FolderUnits(InBlocks[Unit]):
    """Pictures and volumes of one folder, by name; they are made when they are read.

    Parameters
    ----------
    names
        All with an ending of a picture or volume.
    ending
        The ending of all of them, as written; None if they have several.
    """

    def __init__(self, folder: str, names: Names, ending: str | None) -> None:
        super().__init__(len(names))
        self.folder = folder
        self.names = names
        self.ending = ending

    def stems(self, number: int) -> list[str]:
        """Return the names of a block without the ending that they have in common."""
        end = -len(self.ending or "") or None
        return [name[:end] for name in self.names.block(number)]

    def all_stems(self) -> Iterator[str]:
        """Yield the name of each file without its ending."""
        if self.ending is None:
            return (unit.stem for unit in self)
        return itertools.chain.from_iterable(self.stem_blocks())

    def stem_blocks(self) -> Iterator[list[str]]:
        """Yield what `stems` returns, block after block."""
        end = -len(self.ending or "") or None
        return ([name[:end] for name in names] for names in self.names.blocks())

    def block(self, number: int) -> list[Unit]:
        """Return the files of a block."""
        folder, ending = self.folder, self.ending
        if ending is None:
            ending_of = _Endings().of
            found = [(name, ending_of(name) or "") for name in self.names.block(number)]
            return [Unit(folder, name[: len(name) - len(own)], own) for name, own in found]
        # As `Unit(…)`, in a third of the time.
        return [tuple.__new__(Unit, (folder, stem, ending, None)) for stem in self.stems(number)]


class _Endings(dict[str, str | None]):
    """What follows the last dot of a name → the ending of a picture or volume, if it alone tells; otherwise None.

    The names of a source end in few ways, so that a plan over 100,000 files judges few endings.
    """

    def __missing__(self, last: str) -> str | None:
        known = last.lower() in opened.ENDINGS
        alone = known and not any(ending.endswith(last.lower()) for ending in opened.ENDINGS if ending != last.lower())
        self[last] = last if alone else None
        return self[last]

    def of(self, name: str) -> str | None:
        """Return the ending of a name, as written; None if it is not that of a picture or volume."""
        return self[name[name.rfind(".") :]] or _ending_as_written(name)


def _ending_as_written(name: str) -> str | None:
    ending = opened.ending_of(name)
    return None if ending is None else sys.intern(name[-len(ending) :])


class Listing:
    """The folders of a source, listed when they are first asked for.

    Parameters
    ----------
    root
        The source, resolved.

    Attributes
    ----------
    tried
        Kind of source → what its recognition found out that its scan can use.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[bool, list[Folder]] = {}
        self._regular: dict[str, bool] = {}
        self.tried: dict[str, Any] = {}

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
            self._regular.update({folder.path: not folder.odd for folder in self._found[external]})
        return self._found[external]

    def forget(self) -> None:
        """Free the memory for the names of the files."""
        self._found.clear()
        self.tried.clear()

    def is_regular(self, folder: str) -> bool:
        """Return whether a folder was listed, and all of its files were regular files then, and no links."""
        return self._regular.get(folder, False)

    def _listed(self, relative: str, real_root: Path, *, external: bool) -> Iterator[Folder]:
        files: list[str] = []
        odd = False
        folders: list[str] = []
        findings: list[Finding] = []
        place = os.path.join(self._root, relative)
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    name = entry.name
                    if is_stray(name) or name in OWN_FOLDERS:
                        continue
                    if entry.is_file(follow_symlinks=False):
                        files.append(name)
                        continue
                    if not leads_to_folder(entry):
                        files.append(name)
                        odd = True
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
        yield Folder(relative, files, tuple(findings), odd=odd)
        for folder in sorted(folders):
            yield from self._listed(folder, real_root, external=external)


def leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, or a link to one."""
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
