"""The origin of every file of a dataset, kept in the folder ``segconv/`` next to dataset.json.

Format 1
--------
``segconv/run.json``
    The run: ``format``, ``version``, ``command``, ``options``, ``seed``, ``source`` (its kind and
    name), ``label_map`` and ``label_file`` of the complete dataset, ``findings``, ``extra`` (entries of the
    source's json that nnU-Net does not know), ``prepared`` (what this run and earlier ones did to images, see
    `prepared`), and ``files``: path, size and SHA-256 of the files that belong to no case; ``sha256`` over the bytes
    of the file without this key.
``segconv/cases.jsonl``
    One JSON object per line and case, with the keys of `CaseRecord`. Paths are relative: source paths
    to the root of the source, target paths to the dataset.

Readers ignore unknown keys. nnU-Net ignores the folder.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import reading
from ..errors import SegconvError
from ..image.voxels import SHARES
from ..typed import (
    Misfit,
    anything,
    brief,
    count,
    entries,
    file_name,
    many,
    mapping,
    number,
    one_of,
    optional,
    text,
    truth,
)
from ..work.owned import Manifest, Written
from .label_readers import label_map, label_value_text, shape_of_grid, stored_label
from .names import CASE_IDENTIFIER
from .runs import FILE, RunRecord
from .seal import sha256_as_written
from .stored_label import NOTHING_KNOWN, StoredLabel
from .strictjson import dump_line, load_object, read_file

if TYPE_CHECKING:
    from ..work.run import Result

FOLDER = "segconv"
RUN = f"{FOLDER}/run.json"
CASES = f"{FOLDER}/cases.jsonl"

LONGEST_LINE = 16 << 20
"""Longest line of cases.jsonl in bytes: a case with thousands of files takes less."""

DATASETS = ("convert", "augment")
"""Commands that make datasets; repairs and voxel edits are conversions."""
RESTORED = ("restore", "infer")
"""Commands that make folders of predictions."""
SEGMENTED = "totalseg"
"""Command that makes folders of TotalSegmentator's results."""
VIEWED = "view"
"""Command that makes folders of pictures."""

TRAIN = "train"
TEST = "test"
PREDICTION = "prediction"
"""Split of restored files, which are not in a dataset."""

VALIDATION = "validation"
"""Split of nnU-Net v1's imagesVal: kept, but ignored by nnU-Net v2."""


@dataclass(frozen=True)
class CaseRecord:
    """The lineage of one case.

    Parameters
    ----------
    case
        Its identifier.
    split
        ``"train"`` or ``"test"``.
    patient
        Its patient, if known; cases of one patient stay in one fold.
    parent
        The case of which this one is an augmented copy, or None.
    sources
        ``path``, ``size`` and ``sha256`` of each file that was read.
    targets
        ``path``, ``size`` and ``sha256`` of each file that was written; ``carried``, true, if a
        source was carried over byte for byte, including any texts in its header; ``external``,
        true, if it stayed in its place.
    original_name
        The user's name for the case, with the ending of the label file if there is one.
    label_map
        Value in the source, as text → value in the dataset.
    label_file
        How the user's label is stored, for restoring.
    label_voxels
        Value in the dataset, as text → number of voxels.
    geometry
        The grid, as written by `Geometry.as_json`, or None for pictures.
    repairs
        Changes other than to label values, in words.
    transform
        Parameters of the augmentation, or None.
    warnings
        Findings of this case, as written by `Finding.as_json`.
    intensity
        Smallest and largest value of each channel of a volume.
    shares
        For each channel of a volume, the values at the percentiles `voxels.SHARES`, estimated from a sample.
    """

    case: str
    split: str = TRAIN
    patient: str | None = None
    parent: str | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)
    original_name: str = ""
    label_map: dict[str, int] = field(default_factory=dict)
    label_file: StoredLabel = NOTHING_KNOWN
    label_voxels: dict[str, int] = field(default_factory=dict)
    geometry: dict[str, Any] | None = None
    repairs: list[str] = field(default_factory=list)
    transform: dict[str, Any] | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    intensity: list[list[float]] = field(default_factory=list)
    shares: list[list[float]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the line; its values are the record's own, not copies."""
        return {name: getattr(self, name) for name in _FIELDS} | {"label_file": self.label_file.as_json()}

    @classmethod
    def of_result(cls, result: Result) -> CaseRecord:
        """Return the record from a worker's result, with the files that it read and wrote, and its warnings."""
        warnings = [finding.as_json() for finding in result.warnings]
        files = {"sources": result.sources, "targets": result.targets}
        return cls.from_json({**result.record, **files, "warnings": warnings})

    def to_line(self) -> bytes:
        """Return the line of cases.jsonl."""
        return dump_line(self.as_json())

    @classmethod
    def from_json(cls, found: Any) -> CaseRecord:
        """Return the record of a parsed line; unknown keys are left out.

        Raises
        ------
        SegconvError
            ``SC096`` if a key is missing, or its value has another type.
        """
        try:
            read = _case(found)
        except Misfit as misfit:
            raise SegconvError(str(misfit), code="SC096") from None
        if read["split"] != PREDICTION and not CASE_IDENTIFIER.fullmatch(read["case"]):
            raise SegconvError(f"'case' is {brief(read['case'])}, expected the identifier of a case", code="SC096")
        return cls(**{key: read[key] for key in _FIELDS if key in read})


_FIELDS = tuple(f.name for f in dataclasses.fields(CaseRecord))


def composed(first: Mapping[str, int], then: Mapping[str, int]) -> dict[str, int]:
    """Return the combined label map of two conversions in sequence.

    If several values merge, the one that named the label stays first: restoring uses it.

    Parameters
    ----------
    first
        The user's value or colour, as text → value.
    then
        That value, as text → value in the dataset.
    """
    return {
        found: written for middle, written in then.items() for found, value in first.items() if str(value) == middle
    }


def manifest(*commands: str) -> Manifest:
    """Return a function that lists the files of a folder written by one of these commands; see `owned.Manifest`."""
    return partial(_written, commands=commands)


def _written(folder: Path, *, commands: Collection[str]) -> Iterator[Written]:
    run = read_run(folder)
    if run is None:
        raise SegconvError("it has no lineage", code="SC096", file=str(folder))
    if run.command not in commands:
        raise SegconvError(f"its lineage names the command {run.command!r}", code="SC096", file=str(folder))
    yield Written(RUN, sha256_as_written(run))
    for entry in run.files:
        yield Written(entry["path"], entry["sha256"])
    for record in read_records(folder):
        for target in record.targets:
            if not target.get("external"):
                yield Written(target["path"], target["sha256"], target.get("carried", False))


_case = entries(
    {
        "case": file_name,
        "split": one_of(TRAIN, TEST, VALIDATION, PREDICTION),
        "patient": optional(text),
        "parent": optional(file_name),
        "sources": many(entries(FILE)),
        "targets": many(entries(FILE, {"carried": truth, "external": truth, "at": text})),
        "original_name": text,
        "label_map": label_map,
        "label_file": stored_label,
        "label_voxels": mapping(count, label_value_text),
        "geometry": optional(shape_of_grid),
        "repairs": many(text),
        "transform": optional(mapping(anything)),
        "warnings": many(mapping(text)),
        "intensity": many(many(number, least=2, most=2)),
    },
    {"shares": many(many(number, least=len(SHARES), most=len(SHARES)))},
)


def read_run(dataset: Path) -> RunRecord | None:
    """Return the contents of a dataset's run.json, or None if segconv did not make the dataset.

    Raises
    ------
    SegconvError
        ``SC096`` if it cannot be used, ``SC061`` if it is not a regular file.
    """
    path = dataset / RUN
    if not reading.is_there(path, links_followed=False):
        return None
    with _as_lineage(path):
        return RunRecord(load_object(read_file(path)))


def read_records(dataset: Path) -> Iterator[CaseRecord]:
    """Yield the records of a dataset in the order in which they were written; none without a lineage.

    Raises
    ------
    SegconvError
        ``SC096`` if a line is not a record, with its line number; ``SC061`` if the file is not a regular file.
    """
    path = dataset / CASES
    if not reading.is_there(path, links_followed=False):
        return
    with _as_lineage(path), reading.opened(os.path.realpath(path)) as lines:
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE + 1), b""), 1):
            try:
                record = CaseRecord.from_json(load_object(line))
            except SegconvError as error:
                raise SegconvError(f"line {number} is not a case record ({error})", code="SC096") from error
            yield record


@contextmanager
def _as_lineage(path: Path) -> Iterator[None]:
    """Raise any error in a file of the lineage with the name of the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise SegconvError("does not exist any more, or is a link to nowhere", code="SC096", file=str(path)) from error
    except OSError as error:
        raise reading.refusal(error, path) from error
    except SegconvError as error:
        code = error.code if error.code in ("SC030", "SC060", "SC061") else "SC096"
        raise SegconvError(error.message, code=code, file=str(path), hint=error.hint) from error
    except Misfit as error:
        raise SegconvError(f"cannot be used: {error}", code="SC096", file=str(path)) from error
