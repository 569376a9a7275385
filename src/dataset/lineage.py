"""The origin of every file of a dataset: the folder ``segconv/`` next to dataset.json.

Format 1
--------
``segconv/run.json``
    What was run: ``format``, ``version``, ``command``, ``options``, ``seed``, ``source`` (kind and
    name of what was read), ``label_map`` and ``label_file`` of the complete dataset, ``findings``, as
    ``extra`` what the source's json said that nnU-Net does not know, as ``prepared`` what this run and
    those before it did to images (see `prepared`), and as ``files`` the path, size and
    SHA-256 of the files that belong to no case; ``sha256`` over the bytes of the file without this key.
``segconv/cases.jsonl``
    One JSON object per line and case, with the keys of `CaseRecord`. Paths are relative: of sources
    to the root of the source, of targets to the dataset.

Readers ignore keys that they do not know. nnU-Net ignores the folder.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

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
from ..work.run import Result
from .label_readers import label_map, label_value_text, shape_of_grid, stored_label
from .names import CASE_IDENTIFIER
from .runs import FILE, RunRecord
from .seal import sha256_as_written
from .stored_label import NOTHING_KNOWN, StoredLabel
from .strictjson import dump_line, load_object, read_file

FOLDER = "segconv"
RUN = f"{FOLDER}/run.json"
CASES = f"{FOLDER}/cases.jsonl"

LONGEST_LINE = 16 << 20
"""Bytes of a line of cases.jsonl: thousands of files of one case take less."""

DATASETS = ("convert", "augment")
"""Commands that make datasets; repairs and edits of voxels are conversions."""
RESTORED = ("restore", "infer")
"""Commands that make folders of predictions."""

TRAIN = "train"
TEST = "test"
PREDICTION = "prediction"
"""Files that were restored, which are in no dataset."""

VALIDATION = "validation"
"""Cases of nnU-Net v1's imagesVal: carried along, ignored by nnU-Net v2."""


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
        Who it is of, if known; cases of one patient stay in one fold.
    parent
        The case that it is an augmented copy of, or None.
    sources
        ``path``, ``size`` and ``sha256`` of each file that was read.
    targets
        ``path``, ``size`` and ``sha256`` of each file that was written; ``carried``, true, where a
        source was carried over byte for byte, with whatever texts its header holds; ``external``,
        true, where it stayed where it is.
    original_name
        What the user calls the case, with the ending of the label file if there is one.
    label_map
        Value in the source, as text → value in the dataset.
    label_file
        How the user's label is stored, for the way back.
    label_voxels
        Value in the dataset, as text → number of voxels.
    geometry
        The grid, as `Geometry.as_json` writes it, or None for pictures.
    repairs
        What was changed besides label values, in words.
    transform
        Parameters of the augmentation, or None.
    warnings
        Findings of this case, as `Finding.as_json` writes them.
    intensity
        Smallest and largest value of each channel of a volume.
    shares
        Of each channel of a volume the values below which `voxels.SHARES` of it lie, by a sample.
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
        """Return the object of the line; its values are those of the record, not copies."""
        return {name: getattr(self, name) for name in _FIELDS} | {"label_file": self.label_file.as_json()}

    @classmethod
    def of_result(cls, result: Result) -> CaseRecord:
        """Return the record that a worker returned, with the files that it read and wrote, and its warnings."""
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
            ``SC096`` if a key is missing, or its value is of another type.
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
    """Return the label map of two conversions, one after the other.

    Where several values meet, the one stays first that gave the label its name: that is the way back.

    Parameters
    ----------
    first
        Value or colour of the user, as text → value.
    then
        That value, as text → value in the dataset.
    """
    return {
        found: written for middle, written in then.items() for found, value in first.items() if str(value) == middle
    }


def manifest(*commands: str) -> Manifest:
    """Return what lists the files with which a folder was written by one of these commands; see `owned.Manifest`."""
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
    """Return what run.json of a dataset says, or None if segconv did not make it.

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
    """Yield the records of a dataset in the order in which they were written; none if there is no lineage.

    Raises
    ------
    SegconvError
        ``SC096`` if a line is not a record, with its number; ``SC061`` if the file is not a regular one.
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
    """Raise what is wrong with a file of the lineage by the name of the file."""
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
