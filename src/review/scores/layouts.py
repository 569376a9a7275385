"""What several files of a folder are together: slices of a volume, or masks of one class each.

That cannot be told from names alone. It is what the lineage of a restored folder says, what the user says,
what the other side is, or guessed: where the same names return in every folder, each is the mask of a
class. Everything else is a case for each file, as it is to `convert` where nobody gives a spacing.
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
from ...image.formats import segmentation

FILE = "file"
SLICES = "slices"
CLASSES = "classes"
SERIES = "series"
"""Forms of a label; the last is one of DICOM."""

CLASS_FOLDERS = "class-folders"
LAYOUTS = ("files", SLICES, CLASSES, CLASS_FOLDERS)
"""What a user may say: the last is a folder a class with a mask of each case, where `CLASSES` is a folder a case."""

WHOLE = "."
"""Name of the case of a folder that is one case itself."""

_SHOWN = 3
_DIGITS = re.compile(r"\d+")
_SEPARATED = re.compile(r"[_\-. ][^_\-. ]+$")

Tree = Mapping[str, Mapping[str, str]]
"""Folder → name without ending → name of a file."""


@dataclass(frozen=True)
class Place:
    """What a file is part of.

    Parameters
    ----------
    case
        Name of the case.
    form
        `SLICES` or `CLASSES`.
    name
        Of the class.
    rank
        Of the slice.
    """

    case: str
    form: str
    name: str = ""
    rank: int = 0


Places = dict[tuple[str, str], Place]
"""Folder and name without ending → what that file is part of; files that are not there are cases."""


def ending_of(name: str) -> str | None:
    """Return the ending of a label's file as it is written, or None if it is another file."""
    lower = name.lower()
    endings = (segmentation.ENDING, *opened.ENDINGS)
    ending = next((ending for ending in endings if lower.endswith(ending)), None)
    return None if ending is None else name[len(name) - len(ending) :]


def stem_of(path: str) -> str:
    """Return the name of a label's file without its ending."""
    name = os.path.basename(path)
    return name[: len(name) - len(ending_of(name) or "")]


def settled(root: Path, tree: Tree, layout: str | None) -> tuple[Places, str]:
    """Return what the files of a folder are parts of, and why in words if that is a guess.

    Parameters
    ----------
    layout
        One of `LAYOUTS`, if somebody says so.

    Raises
    ------
    SegconvError
        ``SC087`` for slices whose order is not certain; what reading the lineage raises.
    """
    if layout is not None:
        return _said(tree, layout), ""
    if recorded := _recorded(root):
        return recorded, ""
    if _recurs(tree):
        names = list(dict.fromkeys(stem for files in tree.values() for stem in files))
        shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
        told = f"{shown} return in its folders: masks of a class each; --layout files or class-folders, if they are not"
        return _said(tree, CLASSES), told
    return {}, ""


def shared(tree: Tree, cases: Mapping[str, tuple[str, Mapping[str, str]]]) -> Places:
    """Return what the files of a folder are parts of, as those of the other side.

    Parameters
    ----------
    cases
        Of the other side, those of several files: name → form, and name of a file without ending → class.
    """
    forms = {form for form, _ in cases.values()}
    names = {stem: name for _, of in cases.values() for stem, name in of.items()}
    found: Places = {}
    whose: dict[str, str] = {}
    for folder, files in tree.items():
        for case in (folder or WHOLE, folder.rpartition("/")[0] or WHOLE):
            if case in cases and set(files) & set(cases[case][1]):
                found |= _of_case(folder, files, case, *cases[case])
                whose[folder] = case
                break
    # Where p1/segmentations holds the masks of p1, p2/segmentations holds those of p2, which the other side lacks.
    if not whose and forms == {CLASSES}:
        called = {folder: name for folder in tree for name in names.values() if _same(os.path.basename(folder), name)}
        if called:
            return _by_class(tree, called)
    ends = {folder.removeprefix(case) for folder, case in whose.items()} or {""}
    for folder, files in tree.items():
        end = next((end for end in sorted(ends, reverse=True) if folder.endswith(end)), None)
        if folder and folder not in whose and folder not in whose.values() and end is not None and len(forms) == 1:
            (form,) = forms
            if form == SLICES or set(files) & set(names):
                found |= _of_case(folder, files, folder.removesuffix(end), form, names)
    return found


def _of_case(folder: str, files: Mapping[str, str], case: str, form: str, names: Mapping[str, str]) -> Places:
    # Files that the other side does not name stand behind those that it does: whoever opens them sees what they are.
    order = [stem for stem in names if stem in files] + [stem for stem in files if stem not in names]
    if form == SLICES and not set(files) & set(names):
        order = [list(files)[at] for at in stack.ordered(list(files))]
    return {(folder, stem): Place(case, form, names.get(stem, stem), rank) for rank, stem in enumerate(order)}


def _said(tree: Tree, layout: str) -> Places:
    if layout == CLASS_FOLDERS:
        return _by_class(tree, {folder: os.path.basename(folder) for folder in tree if folder})
    found: Places = {}
    for folder, files in tree.items() if layout in (SLICES, CLASSES) else ():
        stems = list(files)
        order = stack.ordered(stems) if layout == SLICES else range(len(stems))
        for rank, at in enumerate(order):
            found[folder, stems[at]] = Place(folder or WHOLE, layout, stems[at], rank)
    return found


def _by_class(tree: Tree, classes: Mapping[str, str]) -> Places:
    """Return the parts of cases whose masks lie in a folder a class, called as the case but for a word at the end."""
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
    """Return what the lineage of a restored folder says of its files."""
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
    """Return whether every name comes again in another folder and is more than a number."""
    counts = Counter(stem for files in tree.values() for stem in files)
    several = [files for files in tree.values() if len(files) > 1]
    numbered = any(len(_without_numbers(files)) == 1 for files in several)
    return bool(several) and "" not in tree and not numbered and min(counts.values()) > 1


def _without_numbers(stems: Iterable[str]) -> set[str]:
    return {_DIGITS.sub("#", stem) for stem in stems}


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
