"""One case in a worker: what it reads and writes, which repairs it made, and what the lineage keeps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import BACKGROUND, value_text
from ...dataset.layout import image_path, label_path
from ...dataset.lineage import CaseRecord, composed
from ...dataset.losses import SNAPPED, Loss
from ...dataset.stored_label import NOTHING_KNOWN, StoredLabel
from ...errors import Cure, SegconvError, naming, warning
from ...image.geometry import Geometry
from ...words import count_of
from ...work.caseio import CaseIO
from ..labels.coding import Coding
from ..labels.recalled import RECALLED
from ..model import FRAME, ConvertOptions, SourceCase
from .task import CaseTask, Recipe

if TYPE_CHECKING:
    from ...dataset.overlaps import Compiled
    from ...image.picture import Picture


MOST_LISTED = 8
"""Snapped values that are reported one by one, at most."""

Settle = Callable[[NDArray[Any]], tuple[dict[int, int], dict[int, int]]]


@dataclass(frozen=True)
class WrittenLabel:
    """The label of a case, as written.

    Parameters
    ----------
    voxels
        Value as written → number of voxels.
    stored
        How the user's own label is stored.
    """

    voxels: Mapping[int, int]
    stored: StoredLabel


@dataclass(frozen=True)
class Settled:
    """Contents of a label.

    Parameters
    ----------
    counts
        Declared value → number of voxels.
    snapped
        Undeclared value → the declared value that it took.
    """

    coding: Coding
    counts: Mapping[int, int]
    snapped: Mapping[int, int]

    @property
    def unchanged(self) -> bool:
        """Whether its values are those of the dataset."""
        forward = self.coding.forward
        return not self.snapped and all(forward.get(value) == value for value in self.counts)

    @property
    def voxels(self) -> dict[int, int]:
        """Value as written → number of voxels."""
        return _summed((self.coding.forward[value], number) for value, number in self.counts.items())

    def dense(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the label in the dataset's values."""
        return self.coding.apply(values, self.snapped)


@dataclass(frozen=True)
class CaseWork:
    """The work on one case.

    Parameters
    ----------
    repairs
        Changes other than to label values, in words.
    snapped
        Voxels of the label that took the nearest declared value.
    intensity
        Smallest and largest value of each channel of volumes.
    shares
        Result of `shares_of` for each channel of volumes, in the image's values.
    """

    task: CaseTask
    io: CaseIO
    repairs: list[str] = field(default_factory=list)
    snapped: list[Loss] = field(default_factory=list)
    intensity: list[tuple[float, float]] = field(default_factory=list)
    shares: list[tuple[float, ...]] = field(default_factory=list)

    @property
    def source(self) -> SourceCase:
        """The files."""
        return self.task.source

    @property
    def options(self) -> ConvertOptions:
        """How files are read, repaired and carried over."""
        return self.recipe.options

    @property
    def recipe(self) -> Recipe:
        """Settings shared by all cases."""
        return self.task.recipe

    @property
    def coding(self) -> Coding:
        """How labels are coded."""
        return self.task.recipe.coding

    @property
    def compiled(self) -> Compiled:
        """How overlapping masks become labels."""
        if self.recipe.compiled is None:
            raise SegconvError("masks were not compiled", code="SC104")
        return self.recipe.compiled

    def shown(self, path: str) -> str:
        """Return a path as messages name it."""
        return self.task.shown(path)

    def naming(self, path: str) -> AbstractContextManager[None]:
        """Add this file to every error of the block that names none."""
        return naming(self.shown(path))

    def warn(self, path: str, code: str, message: str, *, hint: str = "", cures: tuple[Cure, ...] = ()) -> None:
        """Warn of a file."""
        self.io.warn(warning(code, message, file=self.shown(path), hint=hint, cures=cures))

    def read(self, path: str) -> bytes:
        """Return the bytes of a file of the source."""
        return self.io.read(path)

    def picture(self, path: str) -> Picture:
        """Read a picture of the source."""
        from ..labels.picture_file import open_picture

        data = self.read(path)
        return RECALLED.recall(self.io.sha256_of(path), data) or open_picture(data)

    def image_target(self, channel: int) -> str:
        """Return where a channel is written, relative to the dataset."""
        return image_path(self.source.case, channel, self.recipe.ending, self.source.split)

    @property
    def label_target(self) -> str:
        """Where the label is written, relative to the dataset."""
        return label_path(self.source.case, self.recipe.ending, self.source.split)

    def place(self, path: str, data: bytes, target: str) -> None:
        """Put a file that was already read into the dataset unchanged."""
        self.io.place(path, data, target, self.task.how)

    def settled(self, path: str, values: NDArray[Any], settle: Settle) -> Settled:
        """Return the contents of a label, and report snapped values.

        Parameters
        ----------
        settle
            `Coding.settle`, or `Coding.settle_lossy`.
        """
        counts, snapped = settle(values)
        for number, snap in _snaps(counts, snapped, "voxel" if values.ndim == 3 else "pixel", self.coding):
            self.warn(path, "SC079", snap)
            self.repairs.append(snap)
            self.snapped.append(Loss(SNAPPED, number))
        if snapped:
            counts = _summed((snapped.get(value, value), number) for value, number in counts.items())
        return Settled(self.coding, counts, snapped)

    def written(self, voxels: Mapping[int, int], stored: StoredLabel) -> WrittenLabel:
        """Return a written label; warn if it holds only background."""
        label = str(self.source.label)
        if set(voxels) == {0}:
            where = ""
            cures: tuple[Cure, ...] = ()
            if self.source.form(label) == FRAME:
                where = f" in frame {int(self.source.parts[label].names[0]) + 1}"
                cures = (Cure.of("skip_unlabelled_frames"),)
            self.warn(label, "SC075", f"holds nothing but {BACKGROUND}{where}", cures=cures)
        return WrittenLabel(voxels, stored)

    def record(
        self, label: WrittenLabel | None, way_back: StoredLabel = NOTHING_KNOWN, grid: Geometry | None = None
    ) -> dict[str, Any]:
        """Return the lineage of the case.

        Parameters
        ----------
        way_back
            Where its image is; a label with its own voxel order replaces it.
        grid
            Grid of the volumes.
        """
        case = self.source
        label = label or WrittenLabel({}, NOTHING_KNOWN)
        stored = way_back.updated(label.stored or self.recipe.label_file).losing(*self.snapped)
        if case.label_name is not None:
            stored = dataclasses.replace(stored, name=case.label_name)
        record = CaseRecord(
            case=case.case,
            split=case.split,
            patient=case.patient,
            original_name=case.original_name,
            label_map=self.recipe.table.as_json(),
            label_file=stored,
            label_voxels={str(value): number for value, number in sorted(label.voxels.items())},
            geometry=grid.as_json() if grid is not None else None,
            repairs=self.repairs,
            intensity=[[float(low), float(high)] for low, high in self.intensity],
            shares=[[float(f"{value:.6g}") for value in channel] for channel in self.shares],
        )
        if self.task.origin is not None:
            record = _carried_on(record, self.task.origin, self.recipe.table.forward)
        return record.as_json()


def _summed(numbers: Iterator[tuple[int, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for value, number in numbers:
        found[value] = found.get(value, 0) + number
    return found


def _snaps(
    counts: Mapping[int, int], snapped: Mapping[int, int], unit: str, coding: Coding
) -> Iterator[tuple[int, str]]:
    """Yield the number of snapped voxels with a report: one per value, or one per value taken if there are many."""
    taken: dict[int, list[int]] = {}
    for value, nearest in snapped.items():
        taken.setdefault(nearest, []).append(value)
    for nearest, values in taken.items():
        target = value_text(nearest, coding.kind)
        if len(snapped) <= MOST_LISTED:
            for value in values:
                found = value_text(value, coding.kind)
                yield counts[value], f"{count_of(counts[value], unit)} snapped from {found} to {target}"
            continue
        number = sum(counts[value] for value in values)
        farthest = max(coding.distance(value, nearest) for value in values)
        what = f"{count_of(number, unit)} snapped from {count_of(len(values), 'value')} up to {farthest:.3g} off"
        yield number, f"{what} to {target}"


def _carried_on(record: CaseRecord, origin: CaseRecord, forward: Mapping[int, int]) -> CaseRecord:
    """Return the record of a case whose source segconv made: its way back leads to the user's original files."""
    own = record.label_file
    snapped = [loss for loss in own.losses if loss.kind == SNAPPED]
    users = origin.label_file.moved(forward)
    # The user's own order and forms, or those of the source, which has the same voxels.
    where = StoredLabel(turned_from=own.turned_from, forms=own.forms)
    return dataclasses.replace(
        record,
        original_name=origin.original_name or record.original_name,
        patient=record.patient or origin.patient,
        parent=origin.parent,
        label_map=composed(origin.label_map, record.label_map) or record.label_map,
        label_file=where.updated(users.losing(*snapped) if users else own),
        repairs=[*origin.repairs, *record.repairs],
        transform=origin.transform,
    )


def smallest_dtype(array: NDArray[Any]) -> str:
    """Return the name of the integer type for a restored label: its own, or uint8."""
    return str(array.dtype.name if array.dtype.kind in "iu" else np.dtype(np.uint8).name)
