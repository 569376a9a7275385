"""A planned restoration: what each prediction is to become, and the dataset that says so."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..dataset.label_file import LARGEST_VALUE, grid
from ..dataset.labels import GRAY, RGB, TRANSPARENT, parse_value
from ..dataset.layout import Dataset
from ..dataset.lineage import CaseRecord, RunRecord
from ..errors import Finding, SegconvError, warning
from ..image.formats import segmentation
from ..typed import Misfit, can_be_a_path
from ..work.plan import Plan
from .model import CASE

NOWHERE: Mapping[str, Any] = MappingProxyType({})
"""Of an image nothing is known about."""


@dataclass(frozen=True)
class Restoration:
    """A planned restoration; nothing has been written.

    Parameters
    ----------
    like
        The dataset whose lineage tells names and values.
    plan
        The work.
    """

    like: Dataset
    plan: Plan


@dataclass(frozen=True)
class RestoreTask:
    """Payload of a work item: one prediction and what it is to become.

    Parameters
    ----------
    prediction
        Absolute path.
    ending
        Of the predictions.
    case
        Its identifier in the dataset.
    name
        What the user calls its label, without ending; may lead into a sub-folder.
    backward
        Value in the prediction → the user's value or colour.
    coding
        Whether those are `GRAY` or `RGB`.
    stored
        How the user's label is stored; see `CaseRecord`.
    geometry
        The grid of the case, or None if it is not known.
    """

    prediction: str
    ending: str
    case: str
    name: str
    backward: Mapping[int, int]
    coding: str
    stored: Mapping[str, Any]
    geometry: dict[str, Any] | None = None

    @property
    def form(self) -> str | None:
        """How the label is made up of several files, or None."""
        return self.stored.get("form")

    @property
    def own_ending(self) -> str:
        """The ending of the user's files; a detached NRRD comes back in one file."""
        ending = str(self.stored.get("ending", self.ending))
        return ending[:-5] + ".nrrd" if ending.lower().endswith(".nhdr") else ending

    @property
    def outputs(self) -> tuple[str, ...]:
        """Paths of the restored files, relative to the output folder."""
        if self.form == "layers":
            names = [
                entry["place"].replace(CASE, self.name) if "place" in entry else f"{self.name}/{entry['file']}"
                for entry in self.stored["files"]
            ]
        elif self.form == "stack":
            names = [f"{self.name}/{file}" for file in self.stored["files"]]
        elif self.form == "segments":
            usual = self.stored.get("file", f"segments{segmentation.ENDING}")
            files = dict.fromkeys(entry.get("file", usual) for entry in self.stored.get("segments", ()))
            names = [f"{self.name}/{file}" for file in files or (usual,)]
        elif self.own_ending.lower() == ".mhd":
            names = [f"{self.name}.mhd", f"{self.name}.raw"]
        else:
            names = [f"{self.name}{self.own_ending}"]
        return tuple(_inside(name) for name in names)


def _inside(name: str) -> str:
    """Return a path that a lineage names, which is data: it must stay in the output folder."""
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


def task_of(prediction: str, ending: str, record: CaseRecord, usual: Mapping[str, Any]) -> RestoreTask:
    """Return the work on one prediction, from the record of its case and from how labels are usually stored."""
    stored = record.label_file
    kept = {"layers": "files", "segments": "segments"}.get(str(stored.get("form")))
    if kept is not None and usual.get("form") == "layers":
        # A mask that the case lacked counted as empty; a prediction may well hold it.
        own = {entry.get("class", entry["name"]) for entry in stored[kept]}
        absent = [entry for entry in usual["files"] if entry["name"] not in own]
        stored = {**stored, **({"files": [*stored[kept], *absent]} if kept == "files" else {"absent": absent})}
    backward, coding = _inverse(record.label_map)
    if not record.label_map or max(backward) > LARGEST_VALUE:
        what = f"reach {max(backward)}" if record.label_map else "are not recorded"
        raise SegconvError(f"the labels of {record.case} {what}", code="SC096")
    if record.geometry is not None:
        try:
            grid(record.geometry)
        except Misfit as misfit:
            raise SegconvError(f"the geometry of {record.case} {misfit.message}", code="SC096") from None
    name = str(stored.get("name") or record.original_name or record.case)
    if not name.strip("/"):
        raise SegconvError("the lineage names no file", code="SC096")
    return RestoreTask(prediction, ending, record.case, name, backward, coding, stored, record.geometry)


def lost_by(record: CaseRecord, path: Path) -> list[Finding]:
    """Return a warning for what cannot come back: what was merged, snapped or united."""
    lost = [str(record.label_file["lost"])] if "lost" in record.label_file else []
    lost += [repair for repair in record.repairs if " snapped from " in repair]
    merged: dict[int, list[str]] = {}
    for found, written in record.label_map.items():
        merged.setdefault(written, []).append(found)
    lost += [
        f"the values {' and '.join(values)} were one label and come back as {values[0]}"
        for values in merged.values()
        if len(values) > 1
    ]
    return [warning("SC097", f"not everything comes back: {what}", file=path.name) for what in lost]


def unknown_case(
    case: str, run: RunRecord, names: Mapping[str, str], way_back: Mapping[str, Any] = NOWHERE
) -> CaseRecord:
    """Return what is known of a case that is not in the dataset: its labels are those of the dataset.

    Parameters
    ----------
    way_back
        Where its image lies, as far as that is known; see `way_back.WAY_BACK`.
    """
    stored = {**run.label_file, **way_back}
    return CaseRecord(case, original_name=names.get(case, case), label_map=run.label_map, label_file=stored)


def _inverse(label_map: Mapping[str, int]) -> tuple[dict[int, int], str]:
    """Return value as written → value or colour as the user has it, and which of the two."""
    back: dict[int, int] = {}
    coding = GRAY
    for found, written in label_map.items():
        value, coding = parse_value(found)
        back.setdefault(written, value)
    # Where no voxel of a source became background, as with scribbles, it is what nobody drew on.
    back.setdefault(0, TRANSPARENT if coding == RGB and TRANSPARENT in back.values() else 0)
    return back, coding
