"""Folders of cases in which several files are labels by their names, and any of them may be the one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Finding
from .source import count_of
from .strangers import listed, pattern_of_files
from .tree import Unit


@dataclass(frozen=True)
class Rivals:
    """The folder of a case: its images, and the files each of which may be its label."""

    images: list[Unit]
    masks: list[Unit]


def of_rivals(found: Sequence[Rivals]) -> Finding:
    """Return one finding on cases that have several labels, with options that take one of them."""
    first = found[0]
    more = f"; and so do {count_of(len(found) - 1, 'folder')} more" if found[1:] else ""
    images = _by_name([one.images for one in found])
    masks = _by_name([one.masks for one in found])
    sides = " ".join(f"--images {shlex.quote(pattern_of_files(files))}" for files in images.values())
    names = f" --channels {','.join(images)}" if len(images) > 1 else ""
    told = [
        f"{sides} --masks {shlex.quote(pattern_of_files(files))}{names} takes {name}" for name, files in masks.items()
    ]
    return Finding(
        "SC003",
        f"holds {listed(first.masks)}, each of which may be the label of {listed(first.images)}{more}",
        file=first.masks[0].folder or ".",
        hint=" or ".join(told) if images and masks else "--images GLOB --masks GLOB says which it is",
    )


def own_part(unit: Unit) -> str:
    """Return the name of a file without that of its folder, which many begin with."""
    folder = unit.folder.rpartition("/")[2]
    rest = unit.stem.removeprefix(folder).lstrip("_-. ")
    return rest if folder and rest and unit.stem.startswith(folder) else unit.stem


def _by_name(found: Sequence[Sequence[Unit]]) -> dict[str, list[Unit]]:
    """Return the files that every case has, by what they are called in each."""
    files: dict[str, list[Unit]] = {}
    for units in found:
        for unit in units:
            files.setdefault(own_part(unit), []).append(unit)
    return {name: own for name, own in files.items() if len(own) == len(found)}
