"""What a worker gets to check a case, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import Finding
from .coded import Coded
from .history import Recorded
from .inventory import DatasetCase


@dataclass(frozen=True)
class Rules:
    """What every case of a dataset must conform to.

    Parameters
    ----------
    root
        The dataset, resolved.
    external
        Follow links that leave it.
    written_ending
        Of its files, as it is written in dataset.json.
    readers
        Readers that nnU-Net may choose.
    channels
        How many a case must have; None if unknown.
    values
        Label values that may occur; None if unknown.
    learned
        Those of them that a network learns: neither background nor ignore.
    reader
        The reader that nnU-Net chooses, as far as the first image shows.
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
        """The ending of its files in lower case."""
        return self.written_ending.lower()

    def declares(self, value: int) -> bool:
        """Return whether a label value may occur."""
        return self.values is None or value in self.values


@dataclass(frozen=True)
class Assigned:
    """A case, and what the lineage says of its files.

    Parameters
    ----------
    number
        Position of the case in the dataset.
    files
        Its files.
    recorded
        What is recorded of each file; None where nothing is.
    """

    number: int
    files: DatasetCase
    recorded: tuple[Recorded | None, ...] = ()


@dataclass
class CaseReport:
    """What was found in one case.

    Parameters
    ----------
    number
        Position of the case in the dataset.
    findings
        In the order of its files.
    digests
        SHA-256 of each image; fewer if some could not be read.
    voxel_types
        Of each channel.
    ranges
        Smallest and largest value of each channel.
    shares
        What `shares_of` returns for each channel of a volume, in the image's values.
    size
        ``(x, y, z)`` or ``(x, y)``.
    spacing_mm
        Of volumes, ``(x, y, z)``.
    orientation
        Of a volume, such as ``LPS``; None for pictures.
    pages
        Number of pages of a picture.
    label_voxels
        Value → number of voxels; None if there is no usable label.
    coded
        How its files are coded.
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
