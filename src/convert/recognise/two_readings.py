"""Case folders that may hold an image, its label and something else, or an image with one mask per class.

The refusal names the files of a folder and the choices, rather than the two kinds of source that it could be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import Cure, SegconvError
from ...image import volumes
from ...image.label_like import as_labels_do
from ...words import count_of
from ..find.mask_folders import CaseFolder, find_folders
from ..find.roles import MASK, role_of_stem
from ..judge.candidates import patterns_of
from ..judge.looks import few_in_file
from ..survey import Survey
from ..tree import Unit


@dataclass(frozen=True)
class _Cases:
    """Folders that hold the same files.

    Parameters
    ----------
    folders
        One per case.
    images
        Names of the images.
    labels, others
        Names of the files that are labels by name, and of those that are not.
    """

    folders: Sequence[CaseFolder]
    images: Sequence[str]
    labels: Sequence[str]
    others: Sequence[str]

    @classmethod
    def of(cls, folders: Sequence[CaseFolder]) -> _Cases | None:
        """Return the cases; None if they do not hold the same files, or if nothing about them is open."""
        if not folders or not _alike(folders):
            return None
        first = folders[0]
        labels = [name for name in first.masks if role_of_stem(name)[0] == MASK]
        others = [name for name in first.masks if name not in labels]
        return cls(folders, list(first.images), labels, others) if labels and len(first.masks) > 1 else None

    @property
    def masks(self) -> Mapping[str, Unit]:
        """The files of the first case that are not images."""
        return self.folders[0].masks

    def in_words(self) -> str:
        """Return what the first folder holds, and the question."""
        first = self.folders[0]
        number = len(self.folders) - 1
        more = f", and so {'does' if number == 1 else 'do'} {count_of(number, 'folder')} more" if number else ""
        labels = f"{self._listed(self.labels)} {'is a label' if len(self.labels) == 1 else 'are labels'} by name"
        asked = ": which of them is it?"
        if self.others:
            asked = f"; what {'is' if len(self.others) == 1 else 'are'} {self._listed(self.others)}?"
        names = ", ".join(unit.name for unit in (*first.images.values(), *first.masks.values()))
        return f"holds {names}{more}: {labels}{asked}"

    def _listed(self, names: Sequence[str]) -> str:
        return " and ".join(self.masks[name].name for name in names)


def refuse_two_readings(survey: Survey) -> None:
    """Refuse such folders if all of them hold the same files.

    Raises
    ------
    SegconvError
        ``SC003`` with what a folder holds, and a cure for each reading.
    """
    cases = _Cases.of([folder for folder in find_folders(survey.again()) if folder.images])
    if cases is not None and (cures := _cures(survey, cases)):
        raise SegconvError(cases.in_words(), code="SC003", file=cases.folders[0].name or ".", cures=cures)


def _alike(folders: Sequence[CaseFolder]) -> bool:
    """Return whether all folders have the images and masks of the first, of one file each, and no segmentations."""
    first = folders[0]
    return not any(unit.parts for unit in (*first.images.values(), *first.masks.values())) and all(
        not one.segmentations and one.masks.keys() == first.masks.keys() and first.images.keys() <= one.images.keys()
        for one in folders
    )


def _cures(survey: Survey, cases: _Cases) -> list[Cure]:
    """Return a cure for each reading; none if patterns cannot express them."""
    values = {name: _values(unit, survey.root) for name, unit in cases.masks.items()}
    labels = [*cases.labels, *(name for name in cases.others if as_labels_do(values[name]))]
    cures = _as_label(survey, cases, labels)
    if not cures:
        return []
    if len(cases.labels) == 1 and cases.others:
        channels = sorted([*cases.images, *cases.others])
        others = " and ".join(cases.masks[name].name for name in cases.others)
        cures.append(Cure.of("take_as_channels", channels=channels, others=others))
    if all(len(held) <= 2 for held in values.values()):
        cures.append(Cure.of("take_as_classes", names=list(cases.masks)))
    return cures


def _as_label(survey: Survey, cases: _Cases, names: Sequence[str]) -> list[Cure]:
    """Return cures that take one of several files as the label and leave out the rest; none if patterns cannot."""
    sides = [[folder.images[image] for folder in cases.folders] for image in cases.images]
    channels = {"channels": list(cases.images)} if len(cases.images) > 1 and not survey.options.channels else {}
    cures = []
    for name in names:
        patterns = patterns_of(survey, sides, [folder.masks[name] for folder in cases.folders])
        if patterns is None:
            return []
        label = cases.masks[name].name
        cures.append(Cure.of("take_as_label", images=patterns.images, masks=patterns.masks, label=label, **channels))
    return cures


def _values(unit: Unit, root: Path) -> set[int]:
    """Return the values in a file if they are few whole numbers; nothing if it cannot be read, as reported later."""
    with contextlib.suppress(SegconvError):
        if volumes.ending_of(unit.path) is not None:
            return few_in_file(str(root / unit.path))
    return set()
