"""Which file of a case is its label, where more than one may be: refused with the choices, by what all cases hold."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...errors import Finding, SegconvError
from ...image import raster
from ...words import count_of
from ..find.globs import pattern_of_files
from ..find.mask_folders import CaseFolder
from ..find.patterns import pair_by_patterns
from ..find.raters import raters_in
from ..find.roles import MASK, role_of_stem
from ..model import ConvertOptions
from ..survey import Survey
from ..tree import Unit, units_in
from ..volumes.volume_units import volume_units

NO_CHOICE = "--images GLOB --masks GLOB says which is the image and which the label"

FEW_MASKS = 3
"""A case with more masks has one for each class, whatever they are called."""

_REGION = re.compile(r"(brain|body|head|skull|breast|thorax|fov|roi|foreground|patient)(?![a-z])", re.IGNORECASE)


def choices_of_masks(
    images: Mapping[str, Sequence[Unit]],
    masks: Mapping[str, Sequence[Unit]],
    root: Path,
    options: ConvertOptions,
    first: str = "",
) -> str:
    """Return options, ready to type, that take one of several files of each case as its label.

    Parameters
    ----------
    images
        Name of the channel → its file in each case.
    masks
        Name of the candidate → its file in each case.
    first
        What each of them begins with.
    """
    names = f" --channels {','.join(images)}" if len(images) > 1 and not options.channels else ""
    told = []
    for name, files in masks.items():
        patterns = patterns_of(list(images.values()), files, root, options)
        if not patterns:
            return NO_CHOICE
        told.append(f"{first}{patterns}{names} if {name} is the label")
    return "; ".join(told)


def patterns_of(images: Sequence[Sequence[Unit]], masks: Sequence[Unit], root: Path, options: ConvertOptions) -> str:
    """Return options, ready to type, that find these images and labels; nothing where patterns cannot say it.

    Parameters
    ----------
    images
        The files of each channel.
    """
    units = [*volume_units(Survey(root, options))[0], *units_in(Survey(root), raster.ending_of)[0]]
    sides, pattern = [pattern_of_files(files) for files in images], pattern_of_files(masks)
    if not _fits(units, sides, pattern, masks, root):
        return ""
    return " ".join(f"--images {shlex.quote(side)}" for side in sides) + f" --masks {shlex.quote(pattern)}"


def rival_masks(folders: Sequence[CaseFolder], root: Path, options: ConvertOptions) -> list[Finding]:
    """Return an error if masks of a case are by their names not one of each class, and nobody said that they are."""
    if options.masks is not None:
        return []
    for rivals_in, what in (
        (raters_in, "which by their names are one label as several people drew it"),
        (_of_other_manners, "which by their names are a label and a mask of the region around it"),
    ):
        rivals = {folder.name: found for folder in folders if (found := rivals_in(folder.masks))}
        if rivals:
            own = [folder for folder in folders if folder.name in rivals]
            return [_rivalry(own, rivals, what, root, options)]
    return []


def _rivalry(
    folders: Sequence[CaseFolder],
    rivals: Mapping[str, Sequence[str]],
    what: str,
    root: Path,
    options: ConvertOptions,
) -> Finding:
    names = list(dict.fromkeys(name for found in rivals.values() for name in found))
    everywhere = [name for name in names if all(name in folder.masks for folder in folders)]
    masks = {name: [folder.masks[name] for folder in folders] for name in everywhere}
    shared = [name for name in folders[0].images if all(name in folder.images for folder in folders)]
    channels = {name: [folder.images[name] for folder in folders] for name in shared}
    choices = "--from pairs --images GLOB --masks GLOB takes one of them"
    if channels and masks:
        choices = choices_of_masks(channels, masks, root, options, "--from pairs ")
    return Finding(
        "SC003",
        f"holds {' and '.join(rivals[folders[0].name][:4])}, {what}, in {count_of(len(folders), 'case')} in all",
        file=folders[0].name or ".",
        hint=f"{choices}; or --from masks --masks {','.join(names)} takes them as classes",
    )


def _of_other_manners(names: Iterable[str]) -> list[str]:
    """Return two or three masks of which some are called a mask and others not, or one is of a whole body part."""
    names = list(names)
    called = [name for name in names if role_of_stem(name)[0] == MASK]
    regions = [name for name in names if _REGION.search(name)]
    mixed = 0 < len(called) < len(names) or (called and 0 < len(regions) < len(names))
    return names if 2 <= len(names) <= FEW_MASKS and mixed else []


def _fits(units: Sequence[Unit], images: Sequence[str], masks: str, files: Sequence[Unit], root: Path) -> bool:
    """Return whether patterns find what they are to find, so that they may be printed."""
    try:
        found = pair_by_patterns(units, images, masks, root)
    except SegconvError:
        return False
    labels = {unit.path for pair in found.pairs for unit in pair.labels}
    return labels == {unit.path for unit in files} and not found.findings
