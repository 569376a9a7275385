"""Case folders in which several files are labels by name, and any of them may be the label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import Cure, Finding
from ...words import count_of
from ..tree import Unit
from .globs import listed, pattern_of_files
from .raters import raters_in

_SUBJECT = re.compile(r"^sub-[A-Za-z0-9]+_(?:ses-[A-Za-z0-9]+_)?")


@dataclass(frozen=True)
class Rivals:
    """A case folder: its images, and the files that may each be its label."""

    images: Sequence[Unit]
    masks: Sequence[Unit]


def of_rivals(found: Sequence[Rivals]) -> Finding:
    """Return one finding on cases that have several labels, with patterns that take one of them."""
    first = found[0]
    whose = f" of {listed(first.images)}" if first.images else ""
    more = f"; and so do {count_of(len(found) - 1, 'folder')} more" if found[1:] else ""
    return Finding(
        "SC003",
        f"holds {listed(first.masks)}, each of which may be the label{whose}{more}",
        file=first.masks[0].folder or ".",
        cures=_choices(found),
    )


def _choices(found: Sequence[Rivals]) -> tuple[Cure, ...]:
    images = _by_name([one.images for one in found])
    masks = _by_name([one.masks for one in found])
    if not images or not masks:
        return (Cure("name_images_and_masks"),)
    cures = [take_as_label(images, pattern_of_files(files), name) for name, files in masks.items()]
    beside = all(len({unit.folder for unit in (*one.images, *one.masks)}) == 1 for one in found)
    if beside and not raters_in(masks):
        cures.append(Cure.of("take_each_beside_as_class", image=list(images)))
    return tuple(cures)


def take_as_label(images: Mapping[str, Sequence[Unit]], pattern: str, label: str, **more: object) -> Cure:
    """Return the cure that takes one of several files of each case as its label.

    Parameters
    ----------
    images
        Name of each channel → its file in each case.
    pattern
        Pattern that finds the label.
    label
        Name of the label in messages.
    """
    if len(images) > 1:
        more = {"channels": list(images), **more}
    patterns = [pattern_of_files(files) for files in images.values()]
    return Cure.of("take_as_label", images=patterns, masks=pattern, label=label, **more)


def of_subjects(found: Sequence[Rivals]) -> Finding | None:
    """Return the finding of `of_rivals` for BIDS subjects that all have masks of the same names; None for others."""
    if not found or not all(_SUBJECT.match(unit.stem) for one in found for unit in (*one.images, *one.masks)):
        return None
    return of_rivals(found) if len(_by_name([one.masks for one in found])) > 1 else None


def own_part(unit: Unit) -> str:
    """Return a file's name without the name of its folder, or the BIDS subject and session, at its start."""
    folder = unit.folder.rpartition("/")[2]
    rest = unit.stem.removeprefix(folder).lstrip("_-. ")
    if folder and rest and unit.stem.startswith(folder):
        return rest
    return _SUBJECT.sub("", unit.stem) or unit.stem


def _by_name(found: Sequence[Sequence[Unit]]) -> dict[str, list[Unit]]:
    """Return the files that every case has, by their name within the case."""
    files: dict[str, list[Unit]] = {}
    for units in found:
        for unit in units:
            files.setdefault(own_part(unit), []).append(unit)
    return {name: own for name, own in files.items() if len(own) == len(found)}
