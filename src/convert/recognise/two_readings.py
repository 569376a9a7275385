"""Folders of cases that may be an image with its label and something else, or an image with a mask for each class.

What each holds is said by name, with options that settle it, instead of the two kinds of source that it could be.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import SegconvError
from ...image import volumes
from ...image.label_like import as_labels_do, few_in_volume
from ...words import count_of
from ..find.mask_folders import CaseFolder, find_folders
from ..find.roles import MASK, role_of_stem
from ..judge.candidates import patterns_of
from ..source_files import read_source
from ..survey import Survey
from ..tree import Unit
from ..volumes.volume_units import companions_of


def refuse_two_readings(survey: Survey) -> None:
    """Refuse such folders, if all of them hold the same files.

    Raises
    ------
    SegconvError
        ``SC003`` with what a folder holds, and an option for each reading.
    """
    root, options = survey.root, survey.options
    cases = [folder for folder in find_folders(survey.again()) if folder.images]
    if not cases or any(folder.segmentations or folder.masks.keys() != cases[0].masks.keys() for folder in cases):
        return
    first = cases[0]
    images = [name for name in first.images if all(name in folder.images for folder in cases)]
    labels = [name for name in first.masks if role_of_stem(name)[0] == MASK]
    others = [name for name in first.masks if name not in labels]
    if len(first.masks) < 2 or not labels or len(images) < len(first.images) or any(u.parts for u in _files(first)):
        return
    values = {name: _values(unit, root) for name, unit in first.masks.items()}
    choices = []
    for name in [*labels, *(name for name in others if as_labels_do(values[name]))]:
        sides = [[folder.images[image] for folder in cases] for image in images]
        patterns = patterns_of(sides, [folder.masks[name] for folder in cases], root, options)
        if not patterns:
            return
        channels = f" --channels {','.join(images)}" if len(images) > 1 and not options.channels else ""
        choices.append(f"{patterns}{channels} takes {_name(first.masks[name])} as the label and leaves out the rest")
    if len(labels) == 1 and others:
        channels = ",".join(sorted([*images, *others]))
        what = "a channel" if len(others) == 1 else "channels"
        choices.append(f"--from pairs --channels {channels} takes {_listed(first, others)} for {what}")
    if all(len(held) <= 2 for held in values.values()):
        choices.append(f"--from masks --masks {','.join(first.masks)} takes each for a class")
    do = "does" if len(cases) == 2 else "do"
    more = f", and so {do} {count_of(len(cases) - 1, 'folder')} more" if cases[1:] else ""
    what = f"{_listed(first, labels)} {'is a label' if len(labels) == 1 else 'are labels'} by name"
    asked = (
        f"; what {'is' if len(others) == 1 else 'are'} {_listed(first, others)}?"
        if others
        else ": which of them is it?"
    )
    raise SegconvError(
        f"holds {', '.join(map(_name, _files(first)))}{more}: {what}{asked}",
        code="SC003",
        file=first.name or ".",
        hint="; ".join(choices),
    )


def _files(folder: CaseFolder) -> list[Unit]:
    return [*folder.images.values(), *folder.masks.values()]


def _listed(folder: CaseFolder, names: Sequence[str]) -> str:
    return " and ".join(_name(folder.masks[name]) for name in names)


def _name(unit: Unit) -> str:
    return unit.stem + unit.ending


def _values(unit: Unit, root: Path) -> set[int]:
    """Return what a file holds, if that is a few whole numbers; nothing of what cannot be read, said later."""
    path = str(root / unit.path)
    try:
        companion = next((read_source(file) for file in companions_of(path)), None)
        ending = volumes.ending_of(path)
        return few_in_volume(volumes.decode(read_source(path), ending, companion)) if ending is not None else set()
    except SegconvError:
        return set()
