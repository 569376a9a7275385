"""Which files of a folder are the label of which case; what several of them are together is `layouts`'."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...dataset import lineage
from ...errors import SegconvError
from .layouts import CLASS_FOLDERS, CLASSES, FILE, SERIES, WHOLE, Places, ending_of, settled, shared, stem_of

_DICOM = (128, b"DICM")
_SUFFIX = re.compile(r"\.[A-Za-z]\w*$")


@dataclass(frozen=True)
class LabelUnit:
    """The label of one case as it lies in a folder.

    Parameters
    ----------
    name
        Path of the case in the folder, without ending.
    form
        `FILE`, `SLICES`, `CLASSES` or `SERIES`.
    files
        Absolute paths, in the order in which they count.
    classes
        Of `CLASSES`: the name of each.
    """

    name: str
    form: str
    files: tuple[str, ...]
    classes: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The file, or the folder of several."""
        if self.form == FILE:
            return self.files[0]
        return os.path.commonpath([os.path.dirname(file) for file in self.files])

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
        Why some files are one case, in words, if nobody said so.
    """

    units: tuple[LabelUnit, ...]
    guessed: str = ""


def find_labels(root: Path, layout: str | None = None, like: Found | None = None) -> Found:
    """Return the labels of a folder.

    Parameters
    ----------
    layout
        One of `LAYOUTS`, if somebody says so; otherwise as the lineage says, or a guess.
    like
        Of the other side, whose layout this one shares.

    Raises
    ------
    SegconvError
        ``SC010`` if it is no folder, ``SC030`` if it cannot be listed, ``SC085`` for two files of one name,
        ``SC087`` for slices whose order is not certain.
    """
    if not reading.is_folder(root):
        raise SegconvError("is no folder", code="SC010", file=str(root))
    tree = {folder: _by_stem(root, folder, files) for folder, files in _walk(root) if files}
    if like is None or layout is not None:
        places, guessed = settled(root, tree, layout)
    else:
        places, guessed = {}, ""
    if like is not None and layout not in ("files", CLASS_FOLDERS):
        several = {unit.name: (unit.form, unit.names) for unit in like.units if unit.form not in (FILE, SERIES)}
        places = shared(tree, several) or places
    units: dict[str, LabelUnit] = {}
    for unit in (*_cases(root, tree, places), *_several(root, tree, places)):
        twin = units.setdefault(unit.name, unit)
        if twin is not unit:
            other = os.path.relpath(twin.shown, root)
            told = f"and {other} are labels of one case, {unit.name}: which of them counts?"
            raise SegconvError(told, code="SC085", file=unit.shown, hint="move one of them away")
    return Found(tuple(units[name] for name in sorted(units)), guessed)


def _walk(root: Path, folder: str = "", above: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder below the root, and the names of its files; nothing hidden, no lineage, no circle of links."""
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
    """Return stem → name of the labels among files; of a folder with none, every name that may be a slice of DICOM."""
    found: dict[str, str] = {}
    for name in names:
        if ending_of(name) is None:
            continue
        stem = stem_of(name)
        if found.setdefault(stem, name) != name:
            told = f"and {found[stem]} have one name: which of them is the label?"
            raise SegconvError(told, code="SC085", file=str(root / folder / name), hint="move one of them away")
    slices = (name for name in names if name.lower().endswith((".dcm", ".ima")) or not _SUFFIX.search(name))
    return found or {name: name for name in slices}


def _cases(root: Path, tree: Mapping[str, Mapping[str, str]], places: Places) -> Iterator[LabelUnit]:
    """Yield the labels of one file, and series of DICOM."""
    for folder, files in tree.items():
        if not any(ending_of(name) for name in files.values()):
            slices = tuple(str(root / folder / name) for name in files.values())
            if any(map(_is_dicom, slices)):
                yield LabelUnit(folder or WHOLE, SERIES, slices)
            continue
        for stem, name in files.items():
            if (folder, stem) not in places:
                yield LabelUnit(f"{folder}/{stem}" if folder else stem, FILE, (str(root / folder / name),))


def _several(root: Path, tree: Mapping[str, Mapping[str, str]], places: Places) -> Iterator[LabelUnit]:
    """Yield the labels of several files."""
    parts: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for (folder, stem), place in places.items():
        name = tree.get(folder, {}).get(stem)
        if name is not None and ending_of(name) is not None:
            path = str(root / folder / name)
            parts.setdefault((place.case, place.form), []).append((place.rank, place.name, path))
    for (case, form), found in parts.items():
        ordered = sorted(found, key=lambda part: part[0])
        classes = tuple(name for _, name, _ in ordered) if form == CLASSES else ()
        twice = next((name for name in classes if classes.count(name) > 1), None)
        if twice is not None:
            _, second = (path for _, name, path in ordered if name == twice)
            raise SegconvError(f"is a second mask of {twice} of the case {case}", code="SC085", file=second)
        yield LabelUnit(case, form, tuple(path for _, _, path in ordered), classes)


def _is_dicom(path: str) -> bool:
    try:
        with reading.opened(os.path.realpath(path)) as file:
            file.seek(_DICOM[0])
            return file.read(len(_DICOM[1])) == _DICOM[1]
    except (OSError, SegconvError):
        return False
