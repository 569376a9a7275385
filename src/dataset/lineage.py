"""Where every file of a dataset comes from: the folder ``segconv/`` beside dataset.json.

Format 1
--------
``segconv/run.json``
    What was run: ``format``, ``version``, ``command``, ``options``, ``seed``, ``source`` (kind and
    name of what was read), ``label_map`` and ``label_file`` of the whole dataset, ``findings``, as
    ``extra`` what the source's json said that nnU-Net does not know, and as ``files`` the path, size and
    SHA-256 of the files that belong to no case.
``segconv/cases.jsonl``
    One JSON object a line and case, with the keys of `CaseRecord`. Paths are relative: of sources
    to the root of the source, of targets to the dataset.

Readers ignore keys that they do not know. nnU-Net ignores the folder.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import SegconvError
from ..work.owned import Manifest, Written
from .strictjson import MAX_BYTES, dump_line, dumps, load_object

FORMAT = 1
FOLDER = "segconv"
RUN = f"{FOLDER}/run.json"
CASES = f"{FOLDER}/cases.jsonl"

DATASETS = ("convert", "augment")
"""Commands that make datasets; repairs and edits of voxels are conversions."""
RESTORED = ("restore", "infer")
"""Commands that make folders of predictions."""

TRAIN = "train"
TEST = "test"
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
        How the user's label is stored, for the way back: ``ending``, ``dtype``; ``name`` where it is
        called otherwise than the case; of pictures ``mode``, ``depth`` and ``palette``; ``form`` of
        labels in several files, with ``files``; ``lost``, what cannot come back.
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
    """

    case: str
    split: str = TRAIN
    patient: str | None = None
    parent: str | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)
    original_name: str = ""
    label_map: dict[str, int] = field(default_factory=dict)
    label_file: dict[str, Any] = field(default_factory=dict)
    label_voxels: dict[str, int] = field(default_factory=dict)
    geometry: dict[str, Any] | None = None
    repairs: list[str] = field(default_factory=list)
    transform: dict[str, Any] | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    intensity: list[list[float]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the line; its values are those of the record, not copies."""
        return {name: getattr(self, name) for name in _FIELDS}

    def to_line(self) -> bytes:
        """Return the line of cases.jsonl."""
        return dump_line(self.as_json())

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> CaseRecord:
        """Return the record of a parsed line; unknown keys are left out."""
        return cls(**{key: value for key, value in found.items() if key in _FIELDS})


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


def run_record(
    *,
    version: str,
    command: str,
    options: Mapping[str, Any],
    source: Mapping[str, Any],
    seed: int | None = None,
    label_map: Mapping[str, int] | None = None,
    label_file: Mapping[str, Any] | None = None,
    findings: list[dict[str, str]] | None = None,
    extra: Mapping[str, Any] | None = None,
    files: Iterable[Mapping[str, Any]] = (),
) -> bytes:
    """Return the bytes of run.json, which is written after the other files."""
    return dumps(
        {
            "format": FORMAT,
            "tool": "segconv",
            "version": version,
            "command": command,
            "options": dict(options),
            "seed": seed,
            "source": dict(source),
            "label_map": dict(label_map or {}),
            "label_file": dict(label_file or {}),
            "findings": list(findings or []),
            **({"extra": dict(extra)} if extra else {}),
            "files": [dict(file) for file in files],
        }
    )


def manifest(*commands: str) -> Manifest:
    """Return what tells with which files a folder was written by one of these commands; see `owned.Manifest`."""
    return partial(_written, commands=commands)


def _written(folder: Path, *, commands: Collection[str]) -> Iterator[Written]:
    run = read_run(folder)
    if run is None:
        raise SegconvError("it has no lineage", code="SC096", file=str(folder))
    if run.get("command") not in commands:
        raise SegconvError(f"its lineage names the command {run.get('command')!r}", code="SC096", file=str(folder))
    yield Written(RUN, None)
    files = run.get("files")
    for entry in files if isinstance(files, list) else []:
        if isinstance(entry, dict):
            yield Written(str(entry.get("path")), str(entry.get("sha256")))
    for record in read_records(folder):
        for target in record.targets:
            if not target.get("external"):
                yield Written(str(target["path"]), str(target.get("sha256")), bool(target.get("carried")))


def read_run(dataset: Path) -> dict[str, Any] | None:
    """Return what run.json of a dataset says, or None if segconv did not make it."""
    path = dataset / RUN
    if not path.is_file():
        return None
    try:
        return load_object(reading.whole(os.path.realpath(path)))
    except SegconvError as error:
        raise SegconvError(error.message, code="SC096", file=str(path)) from error


def read_records(dataset: Path) -> Iterator[CaseRecord]:
    """Yield the records of a dataset in the order in which they were written; none if there is no lineage.

    Raises
    ------
    SegconvError
        ``SC096`` if a line is no record, with its number.
    """
    path = dataset / CASES
    if not path.is_file():
        return
    with reading.opened(os.path.realpath(path)) as lines:
        for number, line in enumerate(iter(lambda: lines.readline(MAX_BYTES + 1), b""), 1):
            try:
                yield CaseRecord.from_json(load_object(line))
            except (SegconvError, TypeError) as error:
                raise SegconvError(
                    f"line {number} is no case record ({error})", code="SC096", file=str(path)
                ) from error
