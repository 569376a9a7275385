"""The result of finding: images with their labels, and files that fit nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..blocks import Chained, InBlocks
from ..survey import Remarks
from ..tree import Unit
from .globs import common_path
from .matching import OneFile, SameNames

SHOWN_FOLDERS = 3


class Pair(NamedTuple):
    """An image and its label, before they are opened.

    Parameters
    ----------
    folder
        Where the case is, without the folders that only say what is in them.
    stem
        The name of the case within its folder; empty if only the folder names it.
    split
        ``"train"`` or ``"test"``.
    images
        Name of the channel → file; one entry with an empty name for a case of one file.
    labels
        One file, several masks of one object each, or none.
    patient
        The patient, if known.
    where
        `folder`, including the folder that names the case's split.
    """

    folder: tuple[str, ...]
    stem: str
    split: str
    images: Mapping[str, Unit]
    labels: tuple[Unit, ...] = ()
    patient: str | None = None
    where: tuple[str, ...] = ()

    @property
    def path_name(self) -> str:
        """Name by path."""
        where = self.where or self.folder
        return "/".join((*where, self.stem) if self.stem else where)

    @property
    def name(self) -> str:
        """Name by file, or by folder where files have the same names in each."""
        return self.stem or "/".join(self.folder)

    @property
    def first_image(self) -> Unit:
        """The file of its first channel."""
        return self.images[next(iter(self.images))]


class FolderPairs(InBlocks[Pair]):
    """The pairs of a folder of images and a folder of labels whose files have the same names.

    Parameters
    ----------
    first
        The first of them; the others differ only in their names.
    """

    def __init__(self, first: Pair, cases: SameNames) -> None:
        super().__init__(len(cases))
        self.first = first
        self.images = cases.images
        self.labels = cases.labels

    def block(self, number: int) -> list[Pair]:
        """Return the pairs of a block."""
        folder, _, split, _, _, patient, where = self.first
        both = zip(self.images.block(number), self.labels.block(number), strict=True)
        return [Pair(folder, one.stem, split, OneFile(one), (label,), patient, where) for one, label in both]


@dataclass
class Pairing(Remarks):
    """The cases of a source.

    Parameters
    ----------
    pairs
        Includes those without a label.
    folders
        ``images + masks`` as they are in the source, for the evidence.
    several
        The masks of each image that has more than one with its name.
    """

    pairs: Chained[Pair] = field(default_factory=lambda: Chained[Pair]())
    folders: list[str] = field(default_factory=list)
    several: list[tuple[Unit, ...]] = field(default_factory=list)

    @property
    def paired(self) -> bool:
        """Whether any image has a label."""
        return any(pair.labels for pair in self.pairs)

    @property
    def evidence(self) -> str:
        """The folders, if they are few; otherwise what they have in common, or the first of them."""
        more = len(self.folders) - SHOWN_FOLDERS
        if more <= 0:
            return "; ".join(self.folders)
        sides = [folder.split("/ and ") for folder in self.folders]
        if len({len(side) for side in sides}) == 1:
            common = "/ and ".join(common_path(list(side)) for side in zip(*sides, strict=True))
            if set(common) - set("*/"):
                return f"{common}, {len(self.folders)} times"
        return "; ".join(self.folders[:SHOWN_FOLDERS]) + f"; and {more} more such"
