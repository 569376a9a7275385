"""Which file of a case is its label, if several may be: refused, with choices that fit all cases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import Cure, SegconvError
from ...image import raster
from ...words import count_of
from ..find.globs import pattern_of_files
from ..find.mask_folders import CaseFolder
from ..find.patterns import pair_by_patterns
from ..find.raters import raters_in
from ..find.roles import MASK, role_of_stem
from ..survey import Survey
from ..tree import Unit, units_in
from ..volumes.volume_units import volume_units

NO_CHOICE = Cure("name_images_and_masks")

FEW_MASKS = 3
"""A case with more masks has one per class, whatever their names."""

_REGION = re.compile(r"(brain|body|head|skull|breast|thorax|fov|roi|foreground|patient)(?![a-z])", re.IGNORECASE)


def choices_of_masks(
    survey: Survey, images: Mapping[str, Sequence[Unit]], masks: Mapping[str, Sequence[Unit]], **more: object
) -> tuple[Cure, ...]:
    """Return cures that take one of several files of each case as its label.

    Parameters
    ----------
    images
        Name of the channel → its file in each case.
    masks
        Name of the candidate → its file in each case.
    """
    patterns = [patterns_of(survey, list(images.values()), files) for files in masks.values()]
    if not all(patterns):
        return (NO_CHOICE,)
    if len(images) > 1 and not survey.options.channels:
        more = {"channels": list(images), **more}
    return tuple(
        Cure.of("take_as_label", images=found.images, masks=found.masks, label=name, **more)
        for name, found in zip(masks, patterns, strict=True)
        if found is not None
    )


@dataclass(frozen=True)
class Patterns:
    """Patterns that find given images, one per channel, and given labels."""

    images: tuple[str, ...]
    masks: str


def patterns_of(survey: Survey, images: Sequence[Sequence[Unit]], masks: Sequence[Unit]) -> Patterns | None:
    """Return the patterns that find these images and labels; None if patterns cannot express it.

    Parameters
    ----------
    images
        The files of each channel.
    """
    units = [*volume_units(survey.again())[0], *units_in(survey.again(), raster.ending_of)[0]]
    found = Patterns(tuple(map(pattern_of_files, images)), pattern_of_files(masks))
    return found if _fits(units, found, masks, survey.root) else None


def judge_rivals(survey: Survey, folders: Sequence[CaseFolder]) -> None:
    """Add an error if a case's masks, by their names, are not one per class, unless the user says that they are."""
    if survey.options.masks is not None:
        return
    for rivals_in, what in (
        (raters_in, "which by their names are one label as several people drew it"),
        (_of_other_manners, "which by their names are a label and a mask of the region around it"),
    ):
        rivals = [(folder, found) for folder in folders if (found := rivals_in(folder.masks))]
        if rivals:
            first, names = rivals[0]
            survey.error(
                "SC003",
                f"holds {' and '.join(names[:4])}, {what}, in {count_of(len(rivals), 'case')} in all",
                file=first.name or ".",
                cures=_choices(
                    survey, [folder for folder, _ in rivals], [name for _, found in rivals for name in found]
                ),
            )
            return


def _choices(survey: Survey, folders: Sequence[CaseFolder], rivals: Iterable[str]) -> tuple[Cure, ...]:
    """Return cures that take one of several masks as the label, or take them as classes."""
    rivals = list(dict.fromkeys(rivals))
    masks = _in_all(rivals, [folder.masks for folder in folders])
    channels = _in_all(folders[0].images, [folder.images for folder in folders])
    choices: tuple[Cure, ...] = (Cure("take_one_of_pairs"),)
    if channels and masks:
        choices = choices_of_masks(survey, channels, masks, kind="pairs")
    return (*choices, Cure.of("take_as_classes", names=rivals))


def _in_all(names: Iterable[str], cases: Sequence[Mapping[str, Unit]]) -> dict[str, list[Unit]]:
    """Return the names that all cases have, each with its file in each case."""
    return {name: [files[name] for files in cases] for name in names if all(name in files for files in cases)}


def _of_other_manners(names: Iterable[str]) -> list[str]:
    """Return two or three masks if some are called a mask and others not, or one is of a complete body part."""
    names = list(names)
    called = [name for name in names if role_of_stem(name)[0] == MASK]
    regions = [name for name in names if _REGION.search(name)]
    mixed = 0 < len(called) < len(names) or (called and 0 < len(regions) < len(names))
    return names if 2 <= len(names) <= FEW_MASKS and mixed else []


def _fits(units: Sequence[Unit], patterns: Patterns, files: Sequence[Unit], root: Path) -> bool:
    """Return whether patterns find exactly these files and may therefore be proposed."""
    try:
        found = pair_by_patterns(units, patterns.images, patterns.masks, root)
    except SegconvError:
        return False
    labels = {unit.path for pair in found.pairs for unit in pair.labels}
    return labels == {unit.path for unit in files} and not found.findings
