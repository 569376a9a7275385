"""Which files of a folder are the label of which case: a file, a folder of slices, or one of masks of a class each.

What several files are cannot be told from their names alone. It is what the lineage of a restored folder
says, or what the user says, or guessed: folders in which the same names return hold a mask for each
class. Everything else is a case for each file, as it is to `convert` where nobody gives a spacing.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ... import reading
from ...dataset import lineage
from ...errors import SegconvError
from ...image import raster, segmentation, stack, volumes

FILE = "file"
SLICES = "slices"
CLASSES = "classes"
SERIES = "series"
LAYOUTS = ("files", SLICES, CLASSES)
"""What a user may say."""

WHOLE = "."
"""Name of the case of a folder that is one case itself."""

_DICOM = (128, b"DICM")
_DIGITS = re.compile(r"\d+")
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
        return self.files[0] if self.form == FILE else os.path.dirname(self.files[0])


@dataclass(frozen=True)
class Layout:
    """What the files of a folder are together.

    Parameters
    ----------
    form
        `SLICES` or `CLASSES`.
    case
        What the case is called: the folder, or that around it.
    names
        File without ending → the name of its class; of slices, in order, to themselves.
    """

    form: str
    case: str
    names: Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """The labels of a folder.

    Parameters
    ----------
    units
        Sorted by name.
    layouts
        Folder → what its files are together.
    guessed
        Why, in words, if nobody said so.
    """

    units: tuple[LabelUnit, ...]
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    guessed: str = ""


def find_labels(root: Path, layout: str | None = None, like: Mapping[str, Layout] | None = None) -> Found:
    """Return the labels of a folder.

    Parameters
    ----------
    layout
        One of `LAYOUTS`, if somebody says so; otherwise as the lineage says, or a guess.
    like
        The layouts of the other folder, which this one shares whatever `layout` is.

    Raises
    ------
    SegconvError
        ``SC010`` if it is no folder, ``SC030`` if it cannot be listed, ``SC085`` for two files of one name,
        ``SC087`` for slices whose order is not certain.
    """
    if not root.is_dir():
        raise SegconvError("is no folder", code="SC010", file=str(root))
    tree = {folder: _by_stem(folder, files) for folder, files in _walk(root) if files}
    guessed = ""
    layouts: Mapping[str, Layout] = {}
    if like is not None:
        layouts = _shared(tree, like)
    elif layout in (SLICES, CLASSES):
        layouts = {folder: _said(layout, folder, files) for folder, files in tree.items()}
    elif layout is None:
        layouts = _recorded(root)
        if not layouts and (layouts := _recurring(tree)):
            names = list(dict.fromkeys(name for one in layouts.values() for name in one.names.values()))
            shown = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
            guessed = (
                f"the names {shown} return in its folders: a mask for each class; --layout files if each is a case"
            )
    units: dict[str, LabelUnit] = {}
    for folder, files in tree.items():
        for unit in _units(root, folder, files, layouts.get(folder)):
            twin = units.setdefault(unit.name, unit)
            if twin is not unit:
                other = os.path.relpath(twin.shown, root)
                what = f"and {other} are labels of one case, {unit.name}: which of them counts?"
                raise SegconvError(what, code="SC085", file=unit.shown, hint="move one of them away")
    return Found(tuple(units[name] for name in sorted(units)), layouts, guessed)


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
        raise SegconvError(f"cannot be listed ({error.strerror})", code="SC030", file=str(root / folder)) from error
    yield folder, sorted(files)
    for name in sorted(folders):
        below = f"{folder}/{name}" if folder else name
        if os.path.realpath(root / below) not in (*above, here):
            yield from _walk(root, below, (*above, here))


def _ending_of(name: str) -> str | None:
    """Return the ending of a label's file as it is written, or None if it is another file."""
    lower = name.lower()
    endings = (segmentation.ENDING, *volumes.ENDINGS, *raster.ENDINGS)
    ending = next((ending for ending in endings if lower.endswith(ending)), None)
    return None if ending is None else name[len(name) - len(ending) :]


def _by_stem(folder: str, names: list[str]) -> dict[str, str]:
    """Return stem → name of the labels among files; of a folder with none, every name that may be a slice of DICOM."""
    found: dict[str, str] = {}
    for name in names:
        ending = _ending_of(name)
        if ending is None:
            continue
        stem = name[: len(name) - len(ending)]
        if found.setdefault(stem, name) != name:
            path = f"{folder}/{name}" if folder else name
            raise SegconvError(
                f"and {found[stem]} have one name: which of them is the label?", code="SC085", file=path,
                hint="move one of them away",
            )  # fmt: skip
    slices = (name for name in names if name.lower().endswith((".dcm", ".ima")) or not _SUFFIX.search(name))
    return found or {name: name for name in slices}


def _units(root: Path, folder: str, files: Mapping[str, str], layout: Layout | None) -> Iterator[LabelUnit]:
    paths = {stem: str(root / folder / name) for stem, name in files.items()}
    if not any(_ending_of(name) for name in files.values()):
        if any(_is_dicom(path) for path in paths.values()):
            yield LabelUnit(folder or WHOLE, SERIES, tuple(paths.values()))
        return
    if layout is None:
        for stem, path in paths.items():
            yield LabelUnit(f"{folder}/{stem}" if folder else stem, FILE, (path,))
        return
    # Files that the layout does not name stand behind those that it does: whoever opens them sees what they are.
    order = [stem for stem in layout.names if stem in paths] + [stem for stem in paths if stem not in layout.names]
    names = tuple(layout.names.get(stem, stem) for stem in order) if layout.form == CLASSES else ()
    yield LabelUnit(layout.case, layout.form, tuple(paths[stem] for stem in order), names)


def _said(form: str, folder: str, files: Mapping[str, str]) -> Layout:
    stems = list(files)
    order = stack.ordered(stems) if form == SLICES else range(len(stems))
    return Layout(form, folder or WHOLE, {stems[at]: stems[at] for at in order})


def _recorded(root: Path) -> dict[str, Layout]:
    """Return what the lineage of a restored folder says of its folders."""
    found = {}
    for record in lineage.read_records(root):
        stored = record.label_file
        targets = [str(target.get("path", "")) for target in record.targets]
        if stored.get("form") not in ("stack", "layers") or not targets:
            continue
        stems = {_stem(path): _stem(path) for path in targets}
        if stored["form"] == "layers":
            stems |= {_stem(str(entry.get("file", ""))): str(entry.get("name", "")) for entry in stored["files"]}
        form = SLICES if stored["form"] == "stack" else CLASSES
        folder = os.path.dirname(targets[0])
        found[folder] = Layout(form, folder, stems)
    return found


def _recurring(tree: Mapping[str, Mapping[str, str]]) -> dict[str, Layout]:
    """Return a mask for each class, where every name comes again in another folder and is more than a number."""
    counts = Counter(stem for files in tree.values() for stem in files)
    several = [files for files in tree.values() if len(files) > 1]
    numbered = any(len({_DIGITS.sub("#", stem) for stem in files}) == 1 for files in several)
    if "" in tree or not several or numbered or min(counts.values()) < 2:
        return {}
    return {folder: Layout(CLASSES, folder, {stem: stem for stem in files}) for folder, files in tree.items()}


def _shared(tree: Mapping[str, Mapping[str, str]], like: Mapping[str, Layout]) -> dict[str, Layout]:
    """Return the layouts of another folder for the folders of its names, for those within, and for others like them."""
    found = {}
    for folder, files in tree.items():
        for place in (folder, folder.rpartition("/")[0]):
            layout = like.get(place)
            if layout is not None and set(files) & set(layout.names):
                found[folder] = layout
                break
    # p1/segmentations holds the masks of p1; then p2/segmentations holds those of p2, which the other folder lacks.
    ends = {folder[len(one.case) :] if one.case != WHOLE else "" for folder, one in found.items()} or {""}
    forms = {layout.form for layout in like.values()}
    names = {stem: name for layout in like.values() for stem, name in layout.names.items()}
    cases = {one.case for one in found.values()}
    for folder, files in tree.items():
        end = next((end for end in sorted(ends, reverse=True) if folder.endswith(end)), None)
        if not folder or folder in found or folder in cases or end is None or len(forms) != 1:
            continue
        case = folder.removesuffix(end)
        if forms == {SLICES}:
            found[folder] = replace(_said(SLICES, folder, files), case=case)
        elif set(files) & set(names):
            found[folder] = Layout(CLASSES, case, names)
    return found


def _stem(path: str) -> str:
    name = os.path.basename(path)
    return name[: len(name) - len(_ending_of(name) or "")]


def _is_dicom(path: str) -> bool:
    try:
        with reading.opened(os.path.realpath(path)) as file:
            file.seek(_DICOM[0])
            return file.read(len(_DICOM[1])) == _DICOM[1]
    except (OSError, SegconvError):
        return False
