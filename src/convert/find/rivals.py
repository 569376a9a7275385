"""Folders of cases in which several files are labels by their names, and any of them may be the one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import Finding
from ...words import count_of
from ..tree import Unit
from .raters import raters_in
from .strangers import listed, pattern_of_files

_SUBJECT = re.compile(r"^sub-[A-Za-z0-9]+_(?:ses-[A-Za-z0-9]+_)?")


@dataclass(frozen=True)
class Rivals:
    """The folder of a case: its images, and the files each of which may be its label."""

    images: list[Unit]
    masks: list[Unit]


def of_rivals(found: Sequence[Rivals]) -> Finding:
    """Return one finding on cases that have several labels, with options that take one of them."""
    first = found[0]
    whose = f" of {listed(first.images)}" if first.images else ""
    more = f"; and so do {count_of(len(found) - 1, 'folder')} more" if found[1:] else ""
    images = _by_name([one.images for one in found])
    masks = _by_name([one.masks for one in found])
    sides = " ".join(f"--images {shlex.quote(pattern_of_files(files))}" for files in images.values())
    names = f" --channels {','.join(images)}" if len(images) > 1 else ""
    told = [
        f"{sides} --masks {shlex.quote(pattern_of_files(files))}{names} takes {name}" for name, files in masks.items()
    ]
    beside = all(len({unit.folder for unit in (*one.images, *one.masks)}) == 1 for one in found)
    if images and masks and beside and not raters_in(masks):
        told.append(f"{' '.join(f'--image {shlex.quote(name)}' for name in images)} takes each for a class")
    return Finding(
        "SC003",
        f"holds {listed(first.masks)}, each of which may be the label{whose}{more}",
        file=first.masks[0].folder or ".",
        hint=" or ".join(told) if images and masks else "--images GLOB --masks GLOB says which it is",
    )


def of_subjects(found: Sequence[Rivals]) -> Finding | None:
    """Return what `of_rivals` does of the subjects of BIDS, who all have masks of the same names; None of others."""
    if not found or not all(_SUBJECT.match(unit.stem) for one in found for unit in (*one.images, *one.masks)):
        return None
    return of_rivals(found) if len(_by_name([one.masks for one in found])) > 1 else None


def own_part(unit: Unit) -> str:
    """Return the name of a file without that of its folder, or the subject and session of BIDS, that it begins with."""
    folder = unit.folder.rpartition("/")[2]
    rest = unit.stem.removeprefix(folder).lstrip("_-. ")
    if folder and rest and unit.stem.startswith(folder):
        return rest
    return _SUBJECT.sub("", unit.stem) or unit.stem


def _by_name(found: Sequence[Sequence[Unit]]) -> dict[str, list[Unit]]:
    """Return the files that every case has, by what they are called in each."""
    files: dict[str, list[Unit]] = {}
    for units in found:
        for unit in units:
            files.setdefault(own_part(unit), []).append(unit)
    return {name: own for name, own in files.items() if len(own) == len(found)}
