"""Channels that hold what labels do in every case: they may be the label, or a mask of the body, and are questioned.

A file of its own may be the label instead of the one that was taken for it; the only image may be the label, and the
label the image; and a file of several channels may hold a mask among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import Finding, SegconvError
from ...image import volumes
from ...image.label_like import MOST_VALUES, as_classes_are, as_labels_do, few_whole_numbers, in_words
from ...image.stored import DecodedVolume
from ..find.pairs import Pair
from ..model import DETACHED, FRAME, SERIES, ConvertOptions, SourceCase
from ..source_files import read_source
from ..survey import Survey
from ..tree import Unit
from .candidates import NO_CHOICE, choices_of_masks, patterns_of


@dataclass(frozen=True)
class _Suspect:
    """A channel that holds what labels do: its key, its number in its file, how many that has, and the values."""

    key: str
    number: int
    of: int
    values: set[int]


def questioned_channels(
    survey: Survey, pairs: Sequence[Pair], cases: Sequence[SourceCase], keys: Sequence[str], count: int
) -> None:
    """Add an error if channels hold few whole numbers in all cases, and the user did not declare them as channels.

    Patterns and lists declare it; the names of all of several channels do so as well. Where there are other errors,
    nothing is questioned.

    Parameters
    ----------
    pairs
        As they were found, before a file was opened.
    keys
        Names of the files that every case has as its image, in order.
    count
        How many channels these hold.
    """
    options = survey.options
    declared = options.images or options.pairs is not None or (count > 1 and len(options.channels) == count)
    if declared or survey.failed:
        return
    labelled = [case for case in cases if case.label is not None and len(case.images) == len(keys)]
    named = [pair for pair in pairs if len(pair.labels) == 1 and set(pair.images) == set(keys)]
    suspects = _suspects(labelled, keys, options) if labelled and named else []
    if not suspects:
        return
    where = "in the only case" if len(labelled) == 1 else f"in all {len(labelled)} cases"
    if any(suspect.of > 1 for suspect in suspects):
        survey.add([_of_channels(suspects, named[0], where, count)])
    elif len(keys) > 1:
        survey.add([_of_files(suspects, named, keys, where, survey.root, options)])
    elif as_classes_are(suspects[0].values):
        survey.add([_of_only_image(suspects[0], named, labelled[0], where, survey.root, options)])


def _of_files(
    suspects: Sequence[_Suspect],
    named: Sequence[Pair],
    keys: Sequence[str],
    where: str,
    root: Path,
    options: ConvertOptions,
) -> Finding:
    first = named[0]
    label = first.labels[0]
    held = {suspect.key: suspect.values for suspect in suspects}
    what = "; ".join(f"{_name(first.images[key])} holds only {in_words(values)}" for key, values in held.items())
    channels = {key: [pair.images[key] for pair in named] for key in keys if key not in held}
    choices = NO_CHOICE
    if channels:
        masks = {_name(first.images[key]): [pair.images[key] for pair in named] for key in held}
        masks[_name(label)] = [pair.labels[0] for pair in named]
        choices = choices_of_masks(channels, masks, root, options)
    return Finding(
        "SC003",
        f"{what} {where}, as labels do, and {_name(label)} was taken for the label by its name: which of them is it?",
        file=first.images[suspects[0].key].path,
        hint=f"{choices}; or --channels {','.join(keys)} keeps {_name(label)} as the label and the others as channels",
    )


def _of_only_image(
    suspect: _Suspect, named: Sequence[Pair], case: SourceCase, where: str, root: Path, options: ConvertOptions
) -> Finding:
    images = [pair.images[suspect.key] for pair in named]
    labels = [pair.labels[0] for pair in named]
    told = {images[0].path: patterns_of([images], labels, root, options)}
    if not any(as_labels_do(values) for values in _few_values(case, str(case.label), options)):
        told = {labels[0].path: patterns_of([labels], images, root, options), **told}
    choices = "; ".join(f"{patterns} if {name} is the image" for name, patterns in told.items())
    return Finding(
        "SC003",
        f"holds only {in_words(suspect.values)} {where}, as labels do, and was taken for the image of"
        f" {labels[0].path}: which of them is the image?",
        file=images[0].path,
        hint=f"{choices}; if neither is, add the images" if all(told.values()) else NO_CHOICE,
    )


def _of_channels(suspects: Sequence[_Suspect], first: Pair, where: str, count: int) -> Finding:
    what = "; ".join(
        f"{f'channel {suspect.number} of ' if suspect.of > 1 else ''}{_name(first.images[suspect.key])} holds only"
        f" {in_words(suspect.values)}"
        for suspect in suspects
    )
    names = ",".join(f"channel_{number}" for number in range(count))
    return Finding(
        "SC003",
        f"{what} {where}, as labels do: is it a channel of the image, a label, or a mask of the body?",
        file=first.images[suspects[0].key].path,
        hint=f"--channels {names}, or names of your own, keeps it as a channel; otherwise save the images without it",
    )


def _suspects(cases: Sequence[SourceCase], keys: Sequence[str], options: ConvertOptions) -> list[_Suspect]:
    """Return the channels that hold few whole numbers in every case; most are out after one file."""
    found = []
    for index, key in enumerate(keys):
        held: dict[int, set[int]] | None = None
        channels = 0
        for case in cases:
            values = _few_values(case, case.images[index], options)
            channels = max(channels, len(values))
            before = {number: set() for number in range(len(values))} if held is None else held
            both = {n: before[n] | values[n] for n in before if n < len(values) and values[n]}
            held = {number: union for number, union in both.items() if len(union) <= MOST_VALUES}
            if not held:
                break
        found += [_Suspect(key, n, channels, union) for n, union in (held or {}).items() if as_labels_do(union)]
    return found


def _few_values(case: SourceCase, path: str, options: ConvertOptions) -> list[set[int]]:
    """Return the values of each channel of a volume, if they are few whole numbers; nothing if it cannot be read."""
    form = case.form(path)
    files = case.files_of(path)
    try:
        if form == SERIES:
            from ...image.formats import dicom  # brings SimpleITK

            return _of_each(dicom.read_series(files, options.max_volume))
        if form not in (None, DETACHED, FRAME):
            return []
        companion = read_source(files[1]) if len(files) > 1 else None
        volume = volumes.decode(read_source(files[0]), path, companion, options.read_options)
        return _of_each(volume)[: 1 if form == FRAME else None]
    except SegconvError:
        return []  # said when the case is converted


def _of_each(volume: DecodedVolume) -> list[set[int]]:
    header = volume.header
    return [
        few_whole_numbers(volume.channel(number), header.slope, header.intercept) for number in range(header.channels)
    ]


def _name(unit: Unit) -> str:
    return unit.stem + unit.ending
