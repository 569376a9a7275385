"""Everything a worker needs to convert one case."""

from __future__ import annotations

from dataclasses import dataclass

from ...dataset.label_table import LabelTable
from ...dataset.layout import image_path, label_path
from ...dataset.lineage import TRAIN, CaseRecord
from ...dataset.overlaps import Compiled
from ...dataset.stored_label import NOTHING_KNOWN, StoredLabel
from ...image.opened import decoded_bytes
from ...image.read_options import MAX_VOLUME, ReadOptions
from ...work.caseio import COPY, EXTERNAL, SYMBOLIC
from ...work.plan import Item
from ..labels.coding import Coding
from ..model import BANDS, SERIES, STACK, SourceCase
from ..repairs import NOTHING, Mending
from ..source_files import shown

PICTURES = (".png", ".tif")
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
    mending
        Repairs that are allowed.
    verify_source
        Verify files that go into the dataset unchanged.
    strip_headers
        Put no file into the dataset unchanged.
    max_volume
        Largest decoded file, in bytes.
    spacing_mm
        ``(x, y, z)`` of volumes that are stored as pictures.
    link
        How unchanged files come into the dataset.
    compiled
        How overlapping masks become labels.
    missing_masks
        ``"empty"``: a missing mask counts as empty.
    channel_names
        In order; empty if they do not matter.
    grey_to_rgb, drop_alpha
        See `ConvertOptions`.
    """

    root: str
    channels: int
    coding: Coding
    ending: str
    label_file: StoredLabel = NOTHING_KNOWN
    mending: Mending = NOTHING
    verify_source: bool = True
    strip_headers: bool = False
    max_volume: int = MAX_VOLUME
    spacing_mm: tuple[float, float, float] | None = None
    link: str = COPY
    compiled: Compiled | None = None
    missing_masks: str | None = None
    channel_names: tuple[str, ...] = ()
    grey_to_rgb: bool = False
    drop_alpha: bool = False

    @property
    def read_options(self) -> ReadOptions:
        """How volumes are read."""
        return self.mending.read_options(self.max_volume)

    @property
    def table(self) -> LabelTable:
        """The labels."""
        return self.coding.table


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
        external = self.recipe.link == EXTERNAL
        return SYMBOLIC if external and self.source.split != TRAIN else self.recipe.link

    def shown(self, path: str) -> str:
        """Return a path as messages name it."""
        return shown(path, self.recipe.root)


def decoded(item: Item) -> int:
    """Return the decoded size, in bytes, of the largest image or label of a case, from the heads of its files."""
    task: CaseTask = item.payload
    source = task.source
    # Slices are in memory together; masks and channels one by one.
    return max(
        (sum if source.form(unit) in (SERIES, STACK) else max)(map(decoded_bytes, source.files_of(unit)))
        for unit in source.units
    )
