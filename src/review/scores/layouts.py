"""Decide whether several files of a folder form a volume of slices, or are masks of one class each.

Names do not show that. The lineage of a restored folder, the user, or the other side says it; otherwise it is
guessed: if every folder holds the same names, each is the mask of a class. All other files are separate cases,
as in `convert` without a spacing.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...dataset import lineage
from ...dataset.stored_label import LAYERS, STACK
from ...image import opened, stack
from ...image.segment import ENDING as SEGMENTATION
from ...words import some_of

FILE = "file"
SLICES = "slices"
CLASSES = "classes"
SERIES = "series"
"""Forms of a label; the last is a series of DICOM."""

FILES = "files"
CLASS_FOLDERS = "class-folders"
"""The other layouts: every file is a case; a folder per class has one mask per case."""

WHOLE = "."
"""Name of the case of a folder that is one case itself."""

_DIGITS = re.compile(r"\d+")
_SEPARATED = re.compile(r"[_\-. ][^_\-. ]+$")

Tree = Mapping[str, Mapping[str, str]]
"""Folder → name without ending → name of a file."""


@dataclass(frozen=True)
class Place:
    """The place of a file in a case.

    Parameters
    ----------
    case
        Name of the case.
    form
        `SLICES` or `CLASSES`.
    name
        Name of the class.
    rank
        Rank of the slice.
    """

    case: str
    form: str
    name: str = ""
    rank: int = 0


Places = dict[tuple[str, str], Place]
"""Folder and name without ending → what that file is part of; other files are cases of their own."""


def ending_of(name: str) -> str | None:
    """Return the ending of a label's file as written; None for other files."""
    lower = name.lower()
    endings = (SEGMENTATION, *opened.ENDINGS)
    ending = next((ending for ending in endings if lower.endswith(ending)), None)
    return None if ending is None else name[len(name) - len(ending) :]


def stem_of(path: str) -> str:
    """Return the name of a label's file without its ending."""
    name = os.path.basename(path)
    return name[: len(name) - len(ending_of(name) or "")]


def settled(root: Path, tree: Tree, layout: str | None) -> tuple[Places, str]:
    """Return the place of each file of a folder, and the reason in words if guessed.

    Parameters
    ----------
    layout
        `FILES`, `SLICES`, `CLASSES` or `CLASS_FOLDERS`, if the user says so.

    Raises
    ------
    SegconvError
        ``SC087`` for slices whose order is uncertain; what reading the lineage raises.
    """
    if layout is not None:
        return _said(tree, layout), ""
    if recorded := _recorded(root):
        return recorded, ""
    if _recurs(tree):
        names = dict.fromkeys(stem for files in tree.values() for stem in files)
        return _said(tree, CLASSES), f"every folder has {some_of(names)}: taken for masks of one class each"
    return {}, ""


def _said(tree: Tree, layout: str) -> Places:
    if layout == CLASS_FOLDERS:
        return by_class(tree, {folder: os.path.basename(folder) for folder in tree if folder})
    found: Places = {}
    for folder, files in tree.items() if layout in (SLICES, CLASSES) else ():
        stems = list(files)
        order = stack.ordered(stems) if layout == SLICES else range(len(stems))
        for rank, at in enumerate(order):
            found[folder, stems[at]] = Place(folder or WHOLE, layout, stems[at], rank)
    return found


def by_class(tree: Tree, classes: Mapping[str, str]) -> Places:
    """Return the parts of cases whose masks are in a folder per class, named as the case but for a word at the end.

    Parameters
    ----------
    classes
        Folder → name of the class.
    """
    found: Places = {}
    for folder, name in classes.items():
        parent = folder.rpartition("/")[0]
        ends = {match[0] if (match := _SEPARATED.search(stem)) else "" for stem in tree[folder]}
        end = ends.pop() if len(ends) == 1 else ""
        end = "" if _DIGITS.search(end) else end  # IDRiD_01_EX is IDRiD_01, and case_1 is not case
        for stem in tree[folder]:
            case = stem.removesuffix(end)
            found[folder, stem] = Place(f"{parent}/{case}" if parent else case, CLASSES, name)
    return found


def _recorded(root: Path) -> Places:
    """Return the places of files from the lineage of a restored folder."""
    found: Places = {}
    for record in lineage.read_records(root):
        stored = record.label_file
        targets = [str(target.get("path", "")) for target in record.targets]
        if stored.form not in (STACK, LAYERS) or not targets:
            continue
        form = SLICES if stored.form == STACK else CLASSES
        case = os.path.commonpath([os.path.dirname(path) for path in targets]) or record.original_name
        names = {stem_of(mask.file): mask.name for mask in stored.masks}
        for rank, path in enumerate(targets):
            stem = stem_of(path)
            found[os.path.dirname(path), stem] = Place(case, form, names.get(stem, stem), rank)
    return found


def _recurs(tree: Tree) -> bool:
    """Return whether every name occurs in several folders and is more than a number."""
    counts = Counter(stem for files in tree.values() for stem in files)
    several = [files for files in tree.values() if len(files) > 1]
    numbered = any(len(_without_numbers(files)) == 1 for files in several)
    return bool(several) and "" not in tree and not numbered and min(counts.values()) > 1


def _without_numbers(stems: Iterable[str]) -> set[str]:
    return {_DIGITS.sub("#", stem) for stem in stems}
