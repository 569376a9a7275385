"""imagesTr, labelsTr and their like: which file is which channel, or the label, of which case, by its name.

nnU-Net v1 and v2 and the Medical Segmentation Decathlon lay out their data alike. Sources of these kinds are read
through this module, and so is a dataset that is checked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from .lineage import TEST, TRAIN, VALIDATION

NIFTI = re.compile(r"\.nii(\.gz)?\Z", re.IGNORECASE)
"""The ending of files of nnU-Net v1 and of the Decathlon."""
_CHANNEL = re.compile(r"(.+)_(\d{4})", re.DOTALL)
_LEFT_BY_FILE_MANAGERS = (".ds_store", "thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class SplitFolders:
    """The names of the folders in which the images and the labels of a split are."""

    split: str
    images: str
    labels: str


TRAINING = SplitFolders(TRAIN, "imagesTr", "labelsTr")
TESTING = SplitFolders(TEST, "imagesTs", "labelsTs")
VALIDATING = SplitFolders(VALIDATION, "imagesVal", "labelsVal")
SPLIT_FOLDERS = (TRAINING, TESTING, VALIDATING)


@dataclass(frozen=True)
class ChannelFiles:
    """The files of a folder of images that has a file for each channel.

    Parameters
    ----------
    cases
        Case → number of the channel → name of the file.
    unnumbered
        Names with the right ending that do not end in the number of a channel.
    twins
        Names of files whose case and channel another file already has.
    """

    cases: dict[str, dict[int, str]] = field(default_factory=dict)
    unnumbered: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, names: Iterable[str], ending: re.Pattern[str]) -> ChannelFiles:
        """Sort the names of files; those with another ending are left out."""
        found = cls()
        for name in names:
            if not ending.search(name):
                continue
            numbered = channel_of(ending.sub("", name))
            if numbered is None:
                found.unnumbered.append(name)
                continue
            case, channel = numbered
            if channel in found.cases.setdefault(case, {}):
                found.twins.append(name)
            found.cases[case][channel] = name
        return found


@dataclass(frozen=True)
class CaseFiles:
    """The files of a folder that has one file for each case, such as labels.

    Parameters
    ----------
    cases
        Case → name of the file.
    twins
        Name of a file whose case another file already has → the name of that one.
    """

    cases: dict[str, str] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str], ending: re.Pattern[str]) -> CaseFiles:
        """Sort the names of files; those with another ending are left out."""
        found = cls()
        for name in filter(ending.search, names):
            case = ending.sub("", name)
            if case in found.cases:
                found.twins[name] = found.cases[case]
            found.cases[case] = name
        return found


def ending_pattern(ending: str) -> re.Pattern[str]:
    """Return the pattern of a dataset's own ending, which is the same to the letter in all of its files."""
    return re.compile(rf"{re.escape(ending)}\Z")


def channel_of(stem: str) -> tuple[str, int] | None:
    """Return case and channel of a file's name without its ending, such as ``a`` and 1 of ``a_0001``."""
    match = _CHANNEL.fullmatch(stem)
    return None if match is None else (match[1], int(match[2]))


def misnumbered(channels: Mapping[int, str], count: int = 0) -> str:
    """Return what is wrong with the numbers of a case's channels; nothing if they count from 0 without a gap.

    Parameters
    ----------
    channels
        Number of the channel → its file.
    count
        How many there must be; 0 if that is not known.
    """
    numbers = sorted(channels)
    if numbers == list(range(count or len(numbers))):
        return ""
    expected = f"0000 to {count - 1:04d}" if count else "0000 and on without a gap"
    return f"has the channels {in_digits(numbers)}, expected {expected}"


def in_digits(channels: Collection[int]) -> str:
    """Return numbers of channels as files carry them."""
    return ", ".join(f"{number:04d}" for number in channels)


def is_stray(name: str) -> bool:
    """Return whether a file is one that a file manager left behind, or is hidden, as macOS's ``._*`` are."""
    return name.startswith(".") or name.lower() in _LEFT_BY_FILE_MANAGERS
