"""Input and output of a worker that checks a case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...errors import Finding
from .coded import Coded
from .history import Recorded
from .inventory import DatasetCase


@dataclass(frozen=True)
class Rules:
    """The rules for every case of a dataset.

    Parameters
    ----------
    root
        The dataset, resolved.
    external
        Follow links that leave it.
    written_ending
        Ending of its files, as written in dataset.json.
    readers
        Readers that nnU-Net may choose.
    channels
        Number of channels per case; None if unknown.
    values
        Label values that may occur; None if unknown.
    learned
        Values that a network learns: neither background nor ignore.
    reader
        The reader that nnU-Net chooses, judging by the first image.
    """

    root: str
    external: bool
    written_ending: str
    readers: tuple[str, ...]
    channels: int | None
    values: frozenset[int] | None
    learned: frozenset[int]
    reader: str = ""

    @property
    def ending(self) -> str:
        """Ending of its files in lower case."""
        return self.written_ending.lower()

    def declares(self, value: int) -> bool:
        """Return whether a label value is allowed."""
        return self.values is None or value in self.values


@dataclass(frozen=True)
class Assigned:
    """A case, and the lineage of its files.

    Parameters
    ----------
    number
        Position of the case in the dataset.
    files
        Its files.
    recorded
        The record of each file; None without one.
    """

    number: int
    files: DatasetCase
    recorded: tuple[Recorded | None, ...] = ()


@dataclass
class CaseReport:
    """The facts and findings of one case.

    Parameters
    ----------
    number
        Position of the case in the dataset.
    findings
        In the order of its files.
    digests
        SHA-256 per image; fewer if some could not be read.
    voxel_types
        Type per channel.
    ranges
        Smallest and largest value per channel.
    shares
        Result of `shares_of` per channel of a volume, in the image's values.
    size
        ``(x, y, z)`` or ``(x, y)``.
    spacing_mm
        Spacing of a volume, ``(x, y, z)``.
    orientation
        Orientation of a volume, such as ``LPS``; None for pictures.
    pages
        Number of pages of a picture.
    label_voxels
        Value → number of voxels; None if there is no usable label.
    coded
        Coding of its files.
    seen
        What a witness made of the decoded files; see `case_check.Witness`.
    """

    number: int
    findings: list[Finding] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    voxel_types: list[str] = field(default_factory=list)
    ranges: list[tuple[float, float]] = field(default_factory=list)
    shares: list[tuple[float, ...]] = field(default_factory=list)
    size: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    orientation: str | None = None
    pages: int | None = None
    label_voxels: dict[int, int] | None = None
    coded: Coded = field(default_factory=Coded)
    seen: Any = None
