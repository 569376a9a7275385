"""Group the folders of a source: those whose paths differ only in the words that mean images or labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from ..blocks import Chained
from ..listing import FolderUnits
from ..survey import Remarks
from ..tree import Unit
from .matching import match
from .named_labels import labels_by_name
from .roles import FILLERS, IMAGE, IMAGE_WORDS, MASK, MASK_WORDS, place_of, role_of_stem, tokens_of, with_one_open

MAX_NEAR = 20
"""Maximum number of folders compared with a label folder without a clear place; each costs a look at its names."""

Files = dict[str, Sequence[Unit]]
"""Folder → its files."""


@dataclass
class Group:
    """Folders that differ only in their roles.

    Parameters
    ----------
    split, validation
        What their paths say of the split.
    key
        What is left of their paths.
    images, masks, plain
        Folders whose paths say that they hold images, or labels, or nothing.
    """

    split: str | None
    validation: bool
    key: tuple[str, ...]
    images: Files = field(default_factory=dict)
    masks: Files = field(default_factory=dict)
    plain: Files = field(default_factory=dict)

    @property
    def pictures(self) -> Files:
        """The folders of images, or those with no role if no path says images."""
        return self.images or self.plain

    def take_out(self, folder: str) -> None:
        """Forget a folder that does not hold labels."""
        self.plain.pop(folder, None)
        self.images.pop(folder, None)


def groups_of(units: Iterable[Unit], remarks: Remarks) -> list[Group]:
    """Return the folders of a source in groups; notes say where file names, rather than folders, decided the role."""
    groups: dict[tuple[str | None, bool, tuple[str, ...]], Group] = {}
    for folder, own in _by_folder(units):
        place = place_of(folder)
        key = (place.split, place.validation, place.key)
        group = groups.get(key) or groups.setdefault(key, Group(*key))
        files = {IMAGE: group.images, MASK: group.masks, None: group.plain}[place.role]
        known = files.get(folder)
        if isinstance(known, list):
            known += own
        else:
            files[folder] = own if known is None else [*known, *own]
    found = list(groups.values())
    _heed_names(found, remarks)
    _bring_together(found)
    return found


def _by_folder(units: Iterable[Unit]) -> Iterator[tuple[str, Sequence[Unit]]]:
    """Yield folder after folder with its files; one may come again."""
    for part in units.parts if isinstance(units, Chained) else [units]:
        if isinstance(part, FolderUnits):
            yield part.folder, part
        else:
            for folder, own in itertools.groupby(part, attrgetter("folder")):
                yield folder, list(own)


def _heed_names(groups: Sequence[Group], remarks: Remarks) -> None:
    """Bring together folders with no role of their own where the names of their files show it."""
    owners: dict[tuple[str | None, bool], dict[str, Group]] = {}
    for group in groups:
        if not group.masks:
            folders = owners.setdefault((group.split, group.validation), {})
            folders.update(dict.fromkeys((*group.plain, *group.images), group))
    images_by_folder = frozenset[str]().union(*(group.images for group in groups))
    for own in owners.values():
        units = {folder: group.plain.get(folder) or group.images[folder] for folder, group in own.items()}
        by_name = labels_by_name(units, images_by_folder)
        for labels, images in by_name.items():
            target = own[images[0]]
            own[labels].plain.pop(labels, None)
            target.masks[labels] = units[labels]
            for folder in images:  # if there are several, they are refused when they are paired
                own[folder].take_out(folder)
                target.images[folder] = units[folder]
                own[folder] = target
        for labels, images in list(by_name.items())[:1]:
            remarks.note(_in_words(labels, images[0], units[labels][0]))


def _in_words(labels: str, images: str, label: Unit) -> str:
    by_name = role_of_stem(label.stem)[0] == MASK
    reason = f"as {label.name} says by its name" if by_name else "whose pictures are JPEG and hold none"
    return f"{labels or '.'} holds the labels of {images or '.'}, {reason}"


def _bring_together(groups: Sequence[Group]) -> None:
    """Give masks without images next to them the images of a folder whose path differs in one place, if names match.

    Thus ``Data_Part1_GroundTruth`` finds ``Data_Images``. Both ``lung masks`` and ``infection masks``, or
    ``masks/lung`` and ``masks/infection``, find ``images``, which is then refused because it has two mask folders.
    """
    # Folders are found by their path with one place left open, so that thousands take no longer than a few.
    open_paths: dict[tuple[str | None, bool, str], list[tuple[str, Group]]] = {}
    for group in groups:
        for folder in {**group.plain, **group.images}:
            for path in with_one_open(folder):
                open_paths.setdefault((group.split, group.validation, path), []).append((folder, group))
    for group in groups:
        if not group.pictures:
            for folder in list(group.masks):
                keys = [(group.split, group.validation, path) for path in with_one_open(folder)]
                near = [candidate for key in keys for candidate in open_paths.get(key, ())]
                _give_images(folder, group, near)


def _give_images(folder: str, group: Group, near: Sequence[tuple[str, Group]]) -> None:
    """Move a folder of masks into the one group near it whose images it matches."""
    if len(near) > MAX_NEAR:
        return
    fitting: dict[str, tuple[Sequence[Unit], Group]] = {}
    for found, other in near:
        units = other.images.get(found) or other.plain.get(found, [])
        if _related(found, folder) and match(units, group.masks[folder]).cases:
            fitting[found] = units, other
    if len(fitting) == 1:
        found, (units, other) = next(iter(fitting.items()))
        other.plain.pop(found, None)
        other.images[found] = units
        other.masks[folder] = group.masks.pop(folder)


def _related(one: str, other: str) -> bool:
    """Return whether one path has all the words of the other; paths of masks of another site do not."""
    words, others = (
        {t for part in folder.split("/") for t in tokens_of(part)} - IMAGE_WORDS - MASK_WORDS - FILLERS
        for folder in (one, other)
    )
    return words <= others or others <= words


def all_in(files: Mapping[str, Sequence[Unit]]) -> Sequence[Unit]:
    """Return the files of several folders."""
    return [unit for units in files.values() for unit in units]
