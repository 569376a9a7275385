"""Everything a worker needs to convert one case."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING

from ... import reading
from ...dataset.label_table import LabelTable
from ...dataset.layout import image_path, label_path
from ...dataset.lineage import TRAIN, CaseRecord
from ...dataset.stored_label import NOTHING_KNOWN, StoredLabel
from ...errors import SegconvError
from ...image.opened import decoded_bytes
from ...work.caseio import EXTERNAL, SYMBOLIC
from ...work.plan import Item
from ..labels.coding import Coding
from ..model import BANDS, SERIES, STACK, ConvertOptions, SourceCase
from ..source_files import shown

if TYPE_CHECKING:
    from ...dataset.overlaps import Compiled


PICTURES = (".png", ".tif", ".bmp")
"""File endings of datasets of pictures; a picture holds all its channels in one file."""


@dataclass(frozen=True)
class Recipe:
    """Settings shared by all cases of a conversion.

    Parameters
    ----------
    root
        Root of the source, for messages.
    channels
        Number of channels per case.
    coding
        How labels are coded.
    ending
        File ending of the dataset.
    label_file
        How labels are stored, for cases without one.
    options
        Decide how files are read, repaired and carried over.
    compiled
        How overlapping masks become labels.
    channel_names
        In order; empty if they do not matter.
    """

    root: str
    channels: int
    coding: Coding
    ending: str
    label_file: StoredLabel = NOTHING_KNOWN
    options: ConvertOptions = field(default_factory=ConvertOptions)
    compiled: Compiled | None = None
    channel_names: tuple[str, ...] = ()

    @property
    def table(self) -> LabelTable:
        """The labels."""
        return self.coding.table

    def __repr__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        """What `repr` returns, made once: the hash of each case's payload holds it."""
        said = ", ".join(f"{of.name}={getattr(self, of.name)!r}" for of in fields(self))
        return f"{type(self).__qualname__}({said})"


@dataclass(frozen=True, slots=True)
class CaseTask:
    """Payload of a work item.

    Parameters
    ----------
    recipe
        Settings shared by all cases.
    origin
        The source's own record of this case, if segconv made the source.
    """

    source: SourceCase
    recipe: Recipe
    origin: CaseRecord | None = None

    def item(self) -> Item:
        """Return the work on the case."""
        files = self.source.files
        return Item(self.source.case, files, self.outputs(), self, sum(map(_size_of, files)))

    def outputs(self) -> tuple[str, ...]:
        """Return the paths that the case is written to, relative to the dataset."""
        case, split, ending = self.source.case, self.source.split, self.recipe.ending
        files = sum(map(self._files_of, self.source.images)) if ending in PICTURES else self.recipe.channels
        images = [image_path(case, channel, ending, split) for channel in range(files)]
        return (*images, label_path(case, ending, split)) if self.source.label else tuple(images)

    def _files_of(self, image: str) -> int:
        return len(self.source.parts[image].names) if self.source.form(image) == BANDS else 1

    @property
    def how(self) -> str:
        """How unchanged files come into the dataset; nnU-Net finds external ones only for training."""
        link = self.recipe.options.link
        return SYMBOLIC if link == EXTERNAL and self.source.split != TRAIN else link

    def shown(self, path: str) -> str:
        """Return a path as messages name it."""
        return shown(path, self.recipe.root)


def _size_of(path: str) -> int:
    """Return the length of a file in bytes; 0 if it is gone, which its case reports when it reads it."""
    try:
        return reading.size_of(path)
    except SegconvError:
        return 0


def decoded(item: Item) -> int:
    """Return the decoded size, in bytes, of the largest image or label of a case, from the heads of its files."""
    task: CaseTask = item.payload
    source = task.source
    # Slices are in memory together; masks and channels one by one.
    return max(
        (sum if source.form(unit) in (SERIES, STACK) else max)(map(decoded_bytes, source.files_of(unit)))
        for unit in source.units
    )
