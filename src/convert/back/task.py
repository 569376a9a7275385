"""A planned restoration: what each prediction becomes, and the dataset that determines it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...dataset.description import DatasetDescription
from ...dataset.label_readers import LARGEST_VALUE, grid
from ...dataset.label_table import LabelTable
from ...dataset.layout import Dataset
from ...dataset.lineage import CaseRecord
from ...dataset.runs import RunRecord
from ...dataset.stored_label import LAYERS, NOTHING_KNOWN, SEGMENTS, STACK, StoredLabel, StoredMask
from ...errors import Finding, SegconvError, warning
from ...image.geometry import Geometry
from ...typed import Misfit, can_be_a_path
from ...words import some_of
from ...work.plan import Plan
from ..model import CASE

SHOWN_VALUES = 8
"""How many values that became one label a message names."""


@dataclass(frozen=True)
class Restoration:
    """A planned restoration; nothing has been written.

    Parameters
    ----------
    like
        The dataset whose lineage has the names and values.
    """

    like: Dataset
    plan: Plan


@dataclass(frozen=True)
class RestoreTask:
    """Payload of a work item: one prediction and what it becomes.

    Parameters
    ----------
    prediction
        Absolute path.
    ending
        File ending of the predictions.
    case
        Its identifier in the dataset.
    name
        The user's name for its label, without ending; may include a subfolder.
    table
        The user's value for each value in the prediction.
    stored
        How the user's label is stored.
    geometry
        The grid of the case, or None if it is not known.
    absent
        Masks that other cases have and that are not segments of this one.
    names
        The user's value → name, to write into the header of a label map whose format has a place for it.
    """

    prediction: str
    ending: str
    case: str
    name: str
    table: LabelTable
    stored: StoredLabel
    geometry: Geometry | None = None
    absent: tuple[StoredMask, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def form(self) -> str | None:
        """How several files form the label, or None."""
        return self.stored.form

    @property
    def own_ending(self) -> str:
        """The ending of the user's files; a detached NRRD is restored as one file."""
        ending = self.stored.ending or self.ending
        return ending[:-5] + ".nrrd" if ending.lower().endswith(".nhdr") else ending

    @property
    def outputs(self) -> tuple[str, ...]:
        """Paths of the restored files, relative to the output folder."""
        if self.form == LAYERS:
            names = [
                f"{self.name}/{mask.file}" if mask.place is None else mask.place.replace(CASE, self.name)
                for mask in self.stored.masks
            ]
        elif self.form == STACK:
            names = [f"{self.name}/{file}" for file in self.stored.slices]
        elif self.form == SEGMENTS:
            names = [f"{self.name}/{file}" for file in self.stored.files_of_segments]
        elif self.own_ending.lower() == ".mhd":
            names = [f"{self.name}.mhd", f"{self.name}.raw"]
        else:
            names = [f"{self.name}{self.own_ending}"]
        return tuple(_inside(name) for name in names)


def _inside(name: str) -> str:
    """Return a path from a lineage, which is untrusted data: it must stay in the output folder."""
    normal = posixpath.normpath(name)
    if not can_be_a_path(name):
        raise SegconvError(
            f"the lineage names the file {name[:60]!r}…, which no file can be called",
            code="SC060",
            hint="convert again: the lineage was changed",
        )
    if "\0" in name or name.startswith("/") or normal != name or normal.startswith("../") or normal in ("..", "."):
        raise SegconvError(
            f"the lineage names the file {name!r}, expected a path inside the output folder",
            code="SC060",
            hint="convert again: the lineage was changed",
        )
    return normal


def task_of(prediction: str, like: DatasetDescription, record: CaseRecord, usual: StoredLabel) -> RestoreTask:
    """Return the work on one prediction, from the record of its case and the usual storage of labels."""
    stored, absent = _with_absent(record.label_file, usual)
    table = LabelTable.from_json(record.label_map, like.labels)
    if not record.label_map or max(table.inverse) > LARGEST_VALUE:
        what = f"reach {max(table.inverse)}" if record.label_map else "are not recorded"
        raise SegconvError(f"the labels of {record.case} {what}", code="SC096")
    try:
        geometry = grid(record.geometry) if record.geometry is not None else None
    except Misfit as misfit:
        raise SegconvError(f"the geometry of {record.case} {misfit.message}", code="SC096") from None
    name = stored.name or record.original_name or record.case
    if not name.strip("/"):
        raise SegconvError("the lineage names no file", code="SC096")
    return RestoreTask(prediction, like.file_ending, record.case, name, table, stored, geometry, absent)


def _with_absent(stored: StoredLabel, usual: StoredLabel) -> tuple[StoredLabel, tuple[StoredMask, ...]]:
    """Return how a label is stored, with the masks that its case lacks added; and these masks.

    They counted as empty, but a prediction may hold them.
    """
    own = {mask.name for mask in stored.masks} | {segment.name for segment in stored.segments}
    absent = tuple(mask for mask in usual.masks if mask.name not in own)
    return (replace(stored, masks=(*stored.masks, *absent)) if stored.form == LAYERS else stored), absent


def lost_by(record: CaseRecord, path: Path) -> list[Finding]:
    """Return a warning for anything that cannot be restored."""
    lost = [*map(str, record.label_file.losses), *filter(None, [record.label_file.lost])]
    merged: dict[int, list[str]] = {}
    for found, written in record.label_map.items():
        merged.setdefault(written, []).append(found)
    lost += [
        f"the values {_listed(values)} were one label and come back as {values[0]}"
        for values in merged.values()
        if len(values) > 1
    ]
    return [warning("SC097", f"not everything comes back: {what}", file=path.name) for what in lost]


def _listed(values: Sequence[str]) -> str:
    return " and ".join(values) if len(values) <= SHOWN_VALUES else some_of(values, SHOWN_VALUES)


def unknown_case(
    case: str, run: RunRecord, names: Mapping[str, str], way_back: StoredLabel = NOTHING_KNOWN
) -> CaseRecord:
    """Return the record of a case outside the dataset: its labels are those of the dataset.

    Parameters
    ----------
    way_back
        Where its image is, or which slices it is stored as, as far as known.
    """
    stored = run.label_file.updated(way_back)
    return CaseRecord(case, original_name=names.get(case, case), label_map=run.label_map, label_file=stored)
