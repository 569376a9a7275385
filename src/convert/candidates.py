"""Which file of a case is its label, where more than one may be: refused with the choices, by what all cases hold."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import Finding, SegconvError
from ..image import volumes
from ..image.stored import DecodedVolume
from .mask_folders import CaseFolder
from .pairing import Pair
from .patterns import pair_by_patterns
from .png import ending_of as picture_ending_of
from .raters import raters_in
from .roles import MASK, role_of_stem
from .source import DETACHED, SERIES, ConvertOptions, SourceCase, count_of, read_source
from .strangers import pattern_of_files
from .tree import Unit, units_in
from .volume_units import volume_units

MOST_VALUES = 32
"""An image holds more grey values; a label map of the body may have as many classes."""

FEW_MASKS = 3
"""A case with more masks has one for each class, whatever they are called."""

_REGION = re.compile(r"(brain|body|head|skull|breast|thorax|fov|roi|foreground|patient)(?![a-z])", re.IGNORECASE)
_SAMPLED = 50_000
"""Voxels that are looked at first: most images show that they are none of labels."""


def questioned_channels(
    pairs: Sequence[Pair],
    cases: Sequence[SourceCase],
    keys: Sequence[str],
    root: Path,
    options: ConvertOptions,
) -> list[Finding]:
    """Return an error if channels hold few whole numbers in all cases: they may be the label, or a mask of the body.

    Parameters
    ----------
    pairs
        As they were found, before anybody opened a file.
    keys
        Names of the channels that every case has, in order.
    """
    declared = options.images or options.pairs is not None or len(options.channels) == len(keys)
    if declared or len(keys) < 2:
        return []
    labelled = [case for case in cases if case.label is not None and len(case.images) == len(keys)]
    held = dict(_held_in_all(labelled, keys, options))
    named = [pair for pair in pairs if len(pair.labels) == 1 and set(pair.images) == set(keys)]
    if not held or not named:
        return []
    first = named[0]
    suspect = next(iter(held))
    label = first.labels[0]
    what = "; ".join(f"{_name(first.images[key])} holds only {_listed(values)}" for key, values in held.items())
    return [
        Finding(
            "SC003",
            f"{what} in {'the only case' if len(labelled) == 1 else f'all {len(labelled)} cases'}, as labels do,"
            f" and {_name(label)} was taken for the label by its name: which of them is it?",
            file=first.images[suspect].path,
            hint=f"{_choices(named, [key for key in keys if key not in held], held, root, options)};"
            f" or --channels {','.join(keys)} keeps {_name(label)} as the label and the others as channels",
        )
    ]


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
    units = [*volume_units(root, options, [])[0], *units_in(root, picture_ending_of, [])[0]]
    sides = [pattern_of_files(files) for files in images.values()]
    told = []
    for name, files in masks.items():
        pattern = pattern_of_files(files)
        if not _fits(units, sides, pattern, files, root):
            return "--images GLOB --masks GLOB says which is the image and which the label"
        options_of = first + " ".join(f"--images {shlex.quote(side)}" for side in sides)
        names = f" --channels {','.join(images)}" if len(images) > 1 and not options.channels else ""
        told.append(f"{options_of} --masks {shlex.quote(pattern)}{names} if {name} is the label")
    return "; ".join(told)


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


def _choices(
    pairs: Sequence[Pair], images: Sequence[str], held: Mapping[str, set[int]], root: Path, options: ConvertOptions
) -> str:
    channels = {key: [pair.images[key] for pair in pairs] for key in images}
    if not channels:
        return "--images GLOB --masks GLOB says which is the image and which the label"
    masks = {_name(pairs[0].images[key]): [pair.images[key] for pair in pairs] for key in held}
    masks[_name(pairs[0].labels[0])] = [pair.labels[0] for pair in pairs]
    return choices_of_masks(channels, masks, root, options)


def _fits(units: Sequence[Unit], images: Sequence[str], masks: str, files: Sequence[Unit], root: Path) -> bool:
    """Return whether patterns find what they are to find, so that they may be printed."""
    try:
        found = pair_by_patterns(units, images, masks, root)
    except SegconvError:
        return False
    labels = {unit.path for pair in found.pairs for unit in pair.labels}
    return labels == {unit.path for unit in files} and not found.findings


def _held_in_all(
    cases: Sequence[SourceCase], keys: Sequence[str], options: ConvertOptions
) -> Iterator[tuple[str, set[int]]]:
    """Yield each channel that holds few whole numbers in every case, and which; most are out after one file."""
    for index, key in enumerate(keys):
        held: set[int] = set()
        for case in cases:
            values = _few_values(case, case.images[index], options)
            held |= values
            if not values or len(held) > MOST_VALUES:
                break
        else:
            if len(held) > 1 and 0 in held:
                yield key, held


def _few_values(case: SourceCase, path: str, options: ConvertOptions) -> set[int]:
    """Return the values of a volume if they are few whole numbers; nothing of one that cannot be read."""
    form = case.form(path)
    files = case.files_of(path)
    try:
        if form == SERIES:
            from ..image import dicom  # brings SimpleITK

            return few_whole_numbers(dicom.read_series(files, options.max_volume))
        if form not in (None, DETACHED):
            return set()
        companion = read_source(files[1]) if len(files) > 1 else None
        with options.mending.reading():
            ending = volumes.ending_of(path) or ""
            return few_whole_numbers(volumes.decode(read_source(files[0]), ending, companion, options.max_volume))
    except SegconvError:
        return set()  # said when the case is converted


def few_whole_numbers(volume: DecodedVolume) -> set[int]:
    """Return the values of a volume if they are whole numbers from 0 on, `MOST_VALUES` at most; otherwise nothing."""
    stored = np.asarray(volume.stored).reshape(-1)
    part = _unique(stored[:: max(1, stored.size // _SAMPLED)], volume)
    return _unique(stored, volume) if part else part


def _unique(stored: NDArray[np.generic], volume: DecodedVolume) -> set[int]:
    found = np.unique(stored)
    if found.size > MOST_VALUES:
        return set()
    values = found.astype(np.float64) * volume.header.slope + volume.header.intercept
    whole = np.isfinite(values).all() and (values == np.rint(values)).all() and (values >= 0).all()
    return {int(value) for value in values} if whole else set()


def _name(unit: Unit) -> str:
    return unit.stem + unit.ending


def _listed(values: set[int]) -> str:
    shown = ", ".join(map(str, sorted(values)[:6]))
    return shown + (f" … ({count_of(len(values), 'value')})" if len(values) > 6 else "")
