"""The cases of a source as a sequence that may make them when they are read, and what is asked of all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..dataset.lineage import TRAIN
from .blocks import Chained, InBlocks
from .listing import FolderUnits
from .model import NO_PARTS, SourceCase

if TYPE_CHECKING:
    from ..image.picture_headers import PictureHeaders


class FolderCases(InBlocks[SourceCase]):
    """The cases of a folder of images and a folder of labels whose files have the same names, which name the cases.

    Parameters
    ----------
    images, labels
        Of one ending each.
    image_folder, label_folder
        Their real paths, with a slash at the end.
    split
        Of all of them.
    """

    def __init__(
        self, images: FolderUnits, labels: FolderUnits, image_folder: str, label_folder: str, split: str
    ) -> None:
        super().__init__(len(images))
        self._images = images
        self.image_folder = image_folder
        self.image_ending = images.ending or ""
        self.label_folder = label_folder
        self.label_ending = labels.ending or ""
        self.split = split

    @property
    def places(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """The folders of images and labels, without the slash, each with the ending of its files."""
        return (self.image_folder[:-1], self.image_ending), (self.label_folder[:-1], self.label_ending)

    def names(self) -> Iterator[str]:
        """Yield the name of each case."""
        return self._images.all_stems()

    def names_in_block(self, number: int) -> list[str]:
        """Return the names of the cases of a block."""
        return self._images.stems(number)

    def block(self, number: int) -> list[SourceCase]:
        """Return the cases of a block."""
        (images, image_ending), (labels, label_ending) = (
            (self.image_folder, self.image_ending),
            (self.label_folder, self.label_ending),
        )
        end = (self.split, None, None, NO_PARTS)
        # As `SourceCase(…)`, in a third of the time.
        return [
            tuple.__new__(
                SourceCase, (name, name, (f"{images}{name}{image_ending}",), f"{labels}{name}{label_ending}", *end)
            )
            for name in self._images.stems(number)
        ]


def parts_of(cases: Sequence[SourceCase]) -> Sequence[Sequence[SourceCase]]:
    """Return the sequences that cases are chained from."""
    return cases.parts if isinstance(cases, Chained) else [cases]


@dataclass(frozen=True)
class Identifiers(Collection[str]):
    """The identifier of each case."""

    cases: Sequence[SourceCase]

    def __len__(self) -> int:
        return len(self.cases)

    def __contains__(self, case: object) -> bool:
        return any(own == case for own in self)

    def __iter__(self) -> Iterator[str]:
        for part in parts_of(self.cases):
            yield from part.names() if isinstance(part, FolderCases) else (case.case for case in part)


def original_names(cases: Sequence[SourceCase]) -> Iterator[str]:
    """Yield the user's name for each case."""
    for part in parts_of(cases):
        yield from part.names() if isinstance(part, FolderCases) else (case.original_name for case in part)


def in_split(cases: Sequence[SourceCase], split: str) -> Sequence[SourceCase]:
    """Return the cases of a split."""
    found: Chained[SourceCase] = Chained()
    for part in parts_of(cases):
        if not isinstance(part, FolderCases):
            found.extend([case for case in part if case.split == split])
        elif part.split == split:
            found.extend(part)
    return found


def patients(cases: Sequence[SourceCase]) -> list[str | None]:
    """Return the patient of each case, if known."""
    found: list[str | None] = []
    for part in parts_of(cases):
        found += [None] * len(part) if isinstance(part, FolderCases) else [case.patient for case in part]
    return found


def training_first(cases: Sequence[SourceCase]) -> Sequence[SourceCase]:
    """Return training cases before all others, otherwise in their order."""
    training: Chained[SourceCase] = Chained()
    others: Chained[SourceCase] = Chained()
    for part in parts_of(cases):
        if isinstance(part, FolderCases):
            (training if part.split == TRAIN else others).extend(part)
        else:
            training.extend([case for case in part if case.split == TRAIN])
            others.extend([case for case in part if case.split != TRAIN])
    for part in others.parts:
        training.extend(part)
    return training


def number_in(cases: Sequence[SourceCase], split: str) -> int:
    """Return how many cases are in a split."""
    parts = parts_of(cases)
    made = sum(len(part) for part in parts if isinstance(part, FolderCases) and part.split == split)
    return made + sum(case.split == split for part in parts if not isinstance(part, FolderCases) for case in part)


def renamed_cases(cases: Sequence[SourceCase]) -> dict[str, str]:
    """Return the user's name → the identifier of each case where they differ."""
    lists = (part for part in parts_of(cases) if not isinstance(part, FolderCases))
    return {case.original_name: case.case for part in lists for case in part if case.case != case.original_name}


def alike(cases: Sequence[SourceCase], headers: PictureHeaders) -> Iterator[Sequence[SourceCase]]:
    """Yield cases whose files have the same headers: together where their folders show it, otherwise one by one."""
    for part in parts_of(cases):
        folders = (part.image_folder, part.label_folder) if isinstance(part, FolderCases) else ()
        if folders and all(map(headers.of_all_in, folders)):
            yield part
        else:
            yield from ([case] for case in part)
