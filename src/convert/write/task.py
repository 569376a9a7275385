"""What a worker is told about one case, and what it tells the lineage."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.compiler import Compiled
from ...dataset.label_table import LabelTable
from ...dataset.labels import BACKGROUND, value_text
from ...dataset.layout import image_path, label_path
from ...dataset.lineage import TRAIN, CaseRecord, composed
from ...dataset.stored_label import NOTHING_KNOWN, StoredLabel
from ...errors import warning
from ...image.geometry import Geometry
from ...image.read_options import MAX_VOLUME, ReadOptions
from ...words import count_of
from ...work.caseio import COPY, EXTERNAL, SYMBOLIC, CaseIO
from ..labels.coding import Coding
from ..model import BANDS, FRAME, SourceCase
from ..repairs import NOTHING, Mending
from ..source_files import shown

PICTURES = (".png", ".tif")
"""Endings of datasets whose cases are pictures; a picture holds its channels in one file."""

MOST_TOLD = 8
"""Values that took the nearest, each of which is told."""

Settle = Callable[[NDArray[Any]], tuple[dict[int, int], dict[int, int]]]


@dataclass(frozen=True)
class Recipe:
    """What all cases of a conversion have in common.

    Parameters
    ----------
    root
        Root of the source, for messages.
    channels
        Number of channels that a case must have.
    coding
        How labels are coded.
    ending
        Of the dataset's files.
    label_file
        How labels are stored, where a case has none that could tell.
    mending
        What may be mended.
    verify_source
        Prove files that are carried over unchanged.
    strip_headers
        Carry no file over unchanged.
    max_volume
        Largest decoded file, in bytes.
    spacing_mm
        ``(x, y, z)`` of volumes that are stored as pictures.
    link
        How files that need no change come into the dataset.
    compiled
        How overlapping masks become labels.
    missing_masks
        ``"empty"``: a mask that a case lacks counts as empty.
    channel_names
        In order; empty if that does not matter.
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
    source
        The files.
    recipe
        What it shares with all others.
    origin
        What the source says of where this case came from, if segconv made the source.
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
        """How files that need no change come into the dataset; nnU-Net finds external ones for training alone."""
        external = self.recipe.link == EXTERNAL
        return SYMBOLIC if external and self.source.split != TRAIN else self.recipe.link

    def shown(self, path: str) -> str:
        """Return a path as messages name it."""
        return shown(path, self.recipe.root)


def settled(
    values: NDArray[Any], settle: Settle, task: CaseTask, path: str, io: CaseIO, repairs: list[str]
) -> tuple[dict[int, int], dict[int, int]]:
    """Return what a label holds, by declared value, and what was snapped, which is told.

    Parameters
    ----------
    settle
        `Coding.settle`, or `Coding.settle_lossy`.
    """
    counts, snapped = settle(values)
    unit = "voxel" if values.ndim == 3 else "pixel"
    for told in _snaps(counts, snapped, unit, task.recipe.coding):
        io.warn(warning("SC079", told, file=task.shown(path)))
        repairs.append(told)
    if not snapped:
        return counts, snapped
    merged: dict[int, int] = {}
    for value, number in counts.items():
        found = snapped.get(value, value)
        merged[found] = merged.get(found, 0) + number
    return merged, snapped


def _snaps(counts: Mapping[int, int], snapped: Mapping[int, int], unit: str, coding: Coding) -> Iterator[str]:
    """Yield what is said of values that took the nearest: of each, or of many, together for each that they took."""
    taken: dict[int, list[int]] = {}
    for value, nearest in snapped.items():
        taken.setdefault(nearest, []).append(value)
    for nearest, values in taken.items():
        target = value_text(nearest, coding.kind)
        if len(snapped) <= MOST_TOLD:
            for value in values:
                yield f"{count_of(counts[value], unit)} snapped from {value_text(value, coding.kind)} to {target}"
            continue
        number = count_of(sum(counts[value] for value in values), unit)
        farthest = max(coding.distance(value, nearest) for value in values)
        yield f"{number} snapped from {count_of(len(values), 'value')} up to {farthest:.3g} off to {target}"


def is_identity(counts: Mapping[int, int], task: CaseTask) -> bool:
    """Return whether no value of a label changes."""
    return all(task.recipe.table.forward.get(value) == value for value in counts)


def written_counts(counts: Mapping[int, int], task: CaseTask) -> dict[int, int]:
    """Return value as written → number of voxels."""
    written: dict[int, int] = {}
    for value, number in counts.items():
        target = task.recipe.table.forward[value]
        written[target] = written.get(target, 0) + number
    return written


def warn_empty(written: Iterable[int], task: CaseTask, io: CaseIO) -> None:
    """Warn of a label that holds nothing but background."""
    if set(written) == {0}:
        label = task.source.label or ""
        where, hint = "", ""
        if task.source.form(label) == FRAME:
            where = f" in frame {int(task.source.parts[label].names[0]) + 1}"
            hint = "--unlabelled skip leaves out frames that have no label while others of their file do"
        io.warn(warning("SC075", f"holds nothing but {BACKGROUND}{where}", file=task.shown(label), hint=hint))


def record_of(
    task: CaseTask,
    repairs: list[str],
    written: Mapping[int, int],
    label_file: StoredLabel | None,
    geometry: Geometry | None = None,
    intensity: list[tuple[float, float]] | None = None,
    shares: list[tuple[float, ...]] | None = None,
) -> dict[str, Any]:
    """Return the lineage of a case.

    Parameters
    ----------
    repairs
        What was changed besides label values.
    written
        Value as written → number of voxels.
    label_file
        How its label is stored, or None if it has none.
    geometry
        The grid of volumes.
    intensity
        Smallest and largest value of each channel.
    shares
        Of each channel what `shares_of` returns, in the image's values.
    """
    case = task.source
    stored = label_file or task.recipe.label_file
    if case.label_name is not None:
        stored = dataclasses.replace(stored, name=case.label_name)
    record = CaseRecord(
        case=case.case,
        split=case.split,
        patient=case.patient,
        original_name=case.original_name,
        label_map=task.recipe.table.as_json(),
        label_file=stored,
        label_voxels={str(value): number for value, number in sorted(written.items())},
        geometry=geometry.as_json() if geometry is not None else None,
        repairs=repairs,
        intensity=[[float(low), float(high)] for low, high in intensity or ()],
        shares=[[float(f"{value:.6g}") for value in channel] for channel in shares or ()],
    )
    if task.origin is not None:
        record = _carried_on(record, task.origin, task.recipe.table.forward)
    return record.as_json()


def _carried_on(record: CaseRecord, origin: CaseRecord, forward: Mapping[int, int]) -> CaseRecord:
    """Return the record of a case whose source segconv made: the way back leads to what the user had."""
    own = record.label_file
    # The user's own order and forms, or those of the source, whose voxels are the same.
    where = StoredLabel(turned_from=own.turned_from, forms=own.forms)
    return dataclasses.replace(
        record,
        original_name=origin.original_name or record.original_name,
        patient=record.patient or origin.patient,
        parent=origin.parent,
        label_map=composed(origin.label_map, record.label_map) or record.label_map,
        label_file=where.updated(origin.label_file.moved(forward) or own),
        repairs=[*origin.repairs, *record.repairs],
        transform=origin.transform,
    )


def smallest_dtype(array: NDArray[Any]) -> str:
    """Return the name of the integer type in which a label is given back: its own, or uint8."""
    return str(array.dtype.name if array.dtype.kind in "iu" else np.dtype(np.uint8).name)
