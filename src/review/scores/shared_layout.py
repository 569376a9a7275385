"""Find the layout of a folder's files if they are stored like those of the other side."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ...image import stack
from .layouts import CLASSES, SLICES, WHOLE, Place, Places, Tree, by_class

Case = tuple[str, Mapping[str, str]]
"""Form of a case of several files; name of each file without ending → class."""


def shared(tree: Tree, cases: Mapping[str, Case]) -> Places:
    """Return the place of each file of a folder.

    Parameters
    ----------
    cases
        Cases of several files on the other side, by name.
    """
    forms = {form for form, _ in cases.values()}
    names = {stem: name for _, files in cases.values() for stem, name in files.items()}
    whose = dict(_counterparts(tree, cases))
    if not whose and forms == {CLASSES} and (classes := _class_folders(tree, names)):
        return by_class(tree, classes)
    found: Places = {}
    for folder, case in whose.items():
        found |= _of_case(folder, tree[folder], case, *cases[case])
    if len(forms) == 1:
        found |= _without_counterpart(tree, whose, forms.pop(), names)
    return found


def _counterparts(tree: Tree, cases: Mapping[str, Case]) -> Iterator[tuple[str, str]]:
    """Yield each folder that holds files of a case of the other side, and that case."""
    for folder, files in tree.items():
        for case in (folder or WHOLE, folder.rpartition("/")[0] or WHOLE):
            if case in cases and set(files) & set(cases[case][1]):
                yield folder, case
                break


def _class_folders(tree: Tree, names: Mapping[str, str]) -> dict[str, str]:
    """Return folder → class for folders named after a class."""
    known = {name.casefold(): name for name in names.values()}
    found = {folder: known.get(os.path.basename(folder).casefold()) for folder in tree}
    return {folder: name for folder, name in found.items() if name is not None}


def _without_counterpart(tree: Tree, whose: Mapping[str, str], form: str, names: Mapping[str, str]) -> Places:
    """Return the places of files of cases that the other side lacks.

    If p1/segmentations holds the masks of p1, p2/segmentations holds those of p2.
    """
    found: Places = {}
    ends = sorted({folder.removeprefix(case) for folder, case in whose.items()} or {""}, reverse=True)
    for folder in sorted(tree.keys() - whose.keys() - {*whose.values(), ""}):
        end = next((end for end in ends if folder.endswith(end)), None)
        if end is not None and (form == SLICES or not names.keys().isdisjoint(tree[folder])):
            found |= _of_case(folder, tree[folder], folder.removesuffix(end), form, names)
    return found


def _of_case(folder: str, files: Mapping[str, str], case: str, form: str, names: Mapping[str, str]) -> Places:
    # Files that the other side does not name come after those that it does: what they are shows when they are opened.
    order = [stem for stem in names if stem in files] + [stem for stem in files if stem not in names]
    if form == SLICES and not set(files) & set(names):
        order = [list(files)[at] for at in stack.ordered(list(files))]
    return {(folder, stem): Place(case, form, names.get(stem, stem), rank) for rank, stem in enumerate(order)}
