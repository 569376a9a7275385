"""Sort files of imagesTr, labelsTr and similar folders by name: which case, and which channel or label.

nnU-Net v1 and v2 and the Medical Segmentation Decathlon lay out their data alike. This module serves sources of these
kinds, and datasets that are checked.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from .lineage import TEST, TRAIN, VALIDATION

NIFTI = re.compile(r"\.nii(\.gz)?\Z", re.IGNORECASE)
"""File ending of nnU-Net v1 and of the Decathlon."""
_CHANNEL = re.compile(r"(.+)_(\d{4})", re.DOTALL)
_LEFT_BY_FILE_MANAGERS = (".ds_store", "thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class SplitFolders:
    """Names of the folders with the images and the labels of a split."""

    split: str
    images: str
    labels: str


TRAINING = SplitFolders(TRAIN, "imagesTr", "labelsTr")
TESTING = SplitFolders(TEST, "imagesTs", "labelsTs")
VALIDATING = SplitFolders(VALIDATION, "imagesVal", "labelsVal")
SPLIT_FOLDERS = (TRAINING, TESTING, VALIDATING)


@dataclass(frozen=True)
class ChannelFiles:
    """The files of an image folder with one file per channel.

    Parameters
    ----------
    cases
        Case → number of the channel → file name.
    unnumbered
        File names with the right ending, but without a channel number.
    twins
        File names with the same case and channel as another file.
    """

    cases: dict[str, dict[int, str]] = field(default_factory=dict)
    unnumbered: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, names: Iterable[str], ending: re.Pattern[str]) -> ChannelFiles:
        """Sort file names; leave out those with another ending."""
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
    """The files of a folder with one file per case, such as labels.

    Parameters
    ----------
    cases
        Case → file name.
    twins
        File name with the same case as another file → the name of that file.
    """

    cases: dict[str, str] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str], ending: re.Pattern[str]) -> CaseFiles:
        """Sort file names; leave out those with another ending."""
        found = cls()
        for name in filter(ending.search, names):
            case = ending.sub("", name)
            if case in found.cases:
                found.twins[name] = found.cases[case]
            found.cases[case] = name
        return found


def ending_pattern(ending: str) -> re.Pattern[str]:
    """Return the pattern of a dataset's own ending, which all its files share exactly."""
    return re.compile(rf"{re.escape(ending)}\Z")


def channel_of(stem: str) -> tuple[str, int] | None:
    """Return case and channel from a file name without ending, such as ``a`` and 1 from ``a_0001``."""
    match = _CHANNEL.fullmatch(stem)
    return None if match is None else (match[1], int(match[2]))


def nifti_stem(path: str) -> str:
    """Return the name of a NIfTI file without folder and ending."""
    return NIFTI.sub("", posixpath.basename(path))


def misnumbered(channels: Mapping[int, str], count: int = 0) -> str:
    """Return what is wrong with the channel numbers of a case; empty if they count from 0 without a gap.

    Parameters
    ----------
    channels
        Channel number → its file.
    count
        Required number of channels; 0 if not known.
    """
    numbers = sorted(channels)
    if numbers == list(range(count or len(numbers))):
        return ""
    expected = f"0000 to {count - 1:04d}" if count else "0000 and on without a gap"
    return f"has the channels {in_digits(numbers)}, expected {expected}"


def in_digits(channels: Collection[int]) -> str:
    """Return channel numbers as in file names."""
    return ", ".join(f"{number:04d}" for number in channels)


def is_stray(name: str) -> bool:
    """Return whether a file was left behind by a file manager or is hidden, such as macOS's ``._*``."""
    return name.startswith(".") or name.lower() in _LEFT_BY_FILE_MANAGERS
