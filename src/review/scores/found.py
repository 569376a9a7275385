"""Find the files of a folder that form the label of each case."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...dataset import lineage
from ...errors import SegconvError
from ...image.opened import decoded_bytes
from .layouts import (
    CLASS_FOLDERS,
    CLASSES,
    FILE,
    FILES,
    SERIES,
    WHOLE,
    Place,
    Places,
    Tree,
    ending_of,
    settled,
    stem_of,
)
from .shared_layout import shared

_DICOM = (128, b"DICM")
_SUFFIX = re.compile(r"\.[A-Za-z]\w*$")


@dataclass(frozen=True)
class LabelUnit:
    """The label of one case in a folder.

    Parameters
    ----------
    name
        Path of the case in the folder, without ending.
    form
        `FILE`, `SLICES`, `CLASSES` or `SERIES`.
    files
        Absolute paths, in their significant order.
    classes
        For `CLASSES`: the name of each.
    """

    name: str
    form: str
    files: tuple[str, ...]
    classes: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The file, or the folder of several files."""
        if self.form == FILE:
            return self.files[0]
        return os.path.commonpath([os.path.dirname(file) for file in self.files])

    @property
    def decoded_bytes(self) -> int:
        """Decoded size: slices of a volume are held all at once, class masks one by one."""
        return (max if self.form == CLASSES else sum)(map(decoded_bytes, self.files))

    @property
    def names(self) -> dict[str, str]:
        """File without ending → the name of its class; of slices, to themselves."""
        stems = [stem_of(file) for file in self.files]
        return dict(zip(stems, self.classes or stems, strict=True))


@dataclass(frozen=True)
class Found:
    """The labels of a folder.

    Parameters
    ----------
    units
        Sorted by name.
    guessed
        If several files are only guessed to be one case, the reason in words.
    """

    units: tuple[LabelUnit, ...]
    guessed: str = ""


def find_labels(root: Path, layout: str | None = None, like: Found | None = None) -> Found:
    """Return the labels of a folder.

    Parameters
    ----------
    layout
        How cases are stored, if the user says so, see `layouts.settled`; otherwise from the lineage, or guessed.
    like
        The other side, which is stored in the same way.

    Raises
    ------
    SegconvError
        ``SC010`` if it is not a folder, ``SC030`` if it cannot be listed, ``SC085`` for two files of one name,
        ``SC087`` for slices whose order is uncertain.
    """
    if not reading.is_folder(root):
        raise SegconvError("is not a folder", code="SC010", file=str(root))
    tree = {folder: _by_stem(root, folder, files) for folder, files in _walk(root) if files}
    places, guessed = _placed(root, tree, layout, like)
    units: dict[str, LabelUnit] = {}
    for unit in (*_cases(root, tree, places), *_several(root, tree, places)):
        twin = units.setdefault(unit.name, unit)
        if twin is not unit:
            other = os.path.relpath(twin.shown, root)
            message = f"is a label of the case {unit.name}, and so is {other}"
            raise SegconvError(message, code="SC085", file=unit.shown, hint="move one of them away")
    return Found(tuple(units[name] for name in sorted(units)), guessed)


def _placed(root: Path, tree: Tree, layout: str | None, like: Found | None) -> tuple[Places, str]:
    """Return the place of each file in a case, and the reason in words if guessed."""
    places: Places = {}
    guessed = ""
    if like is None or layout is not None:
        places, guessed = settled(root, tree, layout)
    if like is not None and layout not in (FILES, CLASS_FOLDERS):
        several = {unit.name: (unit.form, unit.names) for unit in like.units if unit.form not in (FILE, SERIES)}
        places = shared(tree, several) or places
    return places, guessed


def _walk(root: Path, folder: str = "", above: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder below the root with its file names; skip hidden files, the lineage and loops of links."""
    files: list[str] = []
    folders: list[str] = []
    here = os.path.realpath(root / folder)
    try:
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.name.startswith(".") or (not folder and entry.name == lineage.FOLDER):
                    continue
                (folders if entry.is_dir() else files).append(entry.name)
    except OSError as error:
        raise reading.refusal(error, root / folder) from error
    yield folder, sorted(files)
    for name in sorted(folders):
        below = f"{folder}/{name}" if folder else name
        if os.path.realpath(root / below) not in (*above, here):
            yield from _walk(root, below, (*above, here))


def _by_stem(root: Path, folder: str, names: list[str]) -> dict[str, str]:
    """Return stem → name of the labels among files; without any, all names that may be DICOM slices."""
    found: dict[str, str] = {}
    for name in names:
        if ending_of(name) is None:
            continue
        stem = stem_of(name)
        if found.setdefault(stem, name) != name:
            message = f"has the same name as {found[stem]} but for the ending"
            raise SegconvError(message, code="SC085", file=str(root / folder / name), hint="move one of them away")
    slices = (name for name in names if name.lower().endswith((".dcm", ".ima")) or not _SUFFIX.search(name))
    return found or {name: name for name in slices}


def _cases(root: Path, tree: Tree, places: Places) -> Iterator[LabelUnit]:
    """Yield labels of one file, and DICOM series."""
    for folder, files in tree.items():
        if not any(ending_of(name) for name in files.values()):
            slices = tuple(str(root / folder / name) for name in files.values())
            if any(map(_is_dicom, slices)):
                yield LabelUnit(folder or WHOLE, SERIES, slices)
            continue
        for stem, name in files.items():
            if (folder, stem) not in places:
                yield LabelUnit(f"{folder}/{stem}" if folder else stem, FILE, (str(root / folder / name),))


def _several(root: Path, tree: Tree, places: Places) -> Iterator[LabelUnit]:
    """Yield the labels of several files."""
    parts: dict[tuple[str, str], list[tuple[Place, str]]] = {}
    for (folder, stem), place in places.items():
        name = tree.get(folder, {}).get(stem)
        if name is not None and ending_of(name) is not None:
            parts.setdefault((place.case, place.form), []).append((place, str(root / folder / name)))
    for (case, form), found in parts.items():
        found.sort(key=lambda part: part[0].rank)
        files = tuple(path for _, path in found)
        classes = tuple(place.name for place, _ in found) if form == CLASSES else ()
        for number, name in enumerate(classes):
            if name in classes[:number]:
                raise SegconvError(f"is a second mask of {name} of the case {case}", code="SC085", file=files[number])
        yield LabelUnit(case, form, files, classes)


def _is_dicom(path: str) -> bool:
    try:
        with reading.opened(os.path.realpath(path)) as file:
            file.seek(_DICOM[0])
            return file.read(len(_DICOM[1])) == _DICOM[1]
    except (OSError, SegconvError):
        return False
