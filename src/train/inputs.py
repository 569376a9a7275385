"""Remember what a dataset's files were when nnU-Net read them, and find out whether they changed since.

nnU-Net reuses a fingerprint, plans and preprocessed cases without comparing them with the dataset. So `plan` writes
down, for each of them, size, time and SHA-256 of the files that it was made from. Where nnU-Net planned without
segconv there is no such record, and only times tell.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import reading
from ..dataset.layout import Dataset
from ..dataset.strictjson import dumps, load_object, read_file
from ..errors import SegconvError, naming
from ..typed import Misfit, count, entries, many, mapping, sha256
from ..work import fsops
from ..work.writing import writing
from .plans import configuration, read_plans
from .preprocessing_settings import settings

FINGERPRINT = "dataset_fingerprint.json"
RECORDS = "segconv"
"""Folder of the records in a preprocessed dataset; nnU-Net does not look into it."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Seen:
    """A file as it was.

    Parameters
    ----------
    size
        In bytes.
    mtime_ns
        When it was last changed, in nanoseconds.
    sha256
        Hash of its bytes.
    """

    size: int
    mtime_ns: int
    sha256: str


Snapshot = Mapping[str, Seen]
"""Path in the dataset, or elsewhere, → the file as it was."""


@dataclass(frozen=True)
class Changes:
    """What happened to the training files of a dataset since something was made from them; each is a path."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@contextmanager
def recorded(dataset: Dataset, folder: Path) -> Iterator[None]:
    """Let a block plan and preprocess a dataset, and record what its products were made from.

    The files of the dataset are read before. If the block fails, nothing is recorded.

    Parameters
    ----------
    folder
        The preprocessed dataset; it need not exist.

    Raises
    ------
    SegconvError
        What reading raises; ``SC031`` or ``SC032`` if the records cannot be written.
    """
    before, seen = products(folder), snapshot(dataset)
    yield
    remember(folder, seen, before)


def snapshot(dataset: Dataset) -> dict[str, Seen]:
    """Return the training files of a dataset as they are; reads all that exist."""
    return {name: _seen(path) for name, path in _training_files(dataset) if reading.is_there(path)}


def products(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what a preprocessed dataset holds that was made from the dataset's files.

    Returns
    -------
    products
        Name of the fingerprint or of a folder of cases → inode and time, which change when it is made again.
    """
    found = {}
    for entry in os.scandir(folder) if reading.is_folder(folder) else ():
        if entry.name == FINGERPRINT or (entry.is_dir() and entry.name not in (RECORDS, "gt_segmentations")):
            status = entry.stat()
            found[entry.name] = (status.st_ino, status.st_mtime_ns)
    return found


def remember(folder: Path, seen: Snapshot, before: Mapping[str, tuple[int, int]]) -> None:
    """Record what new products were made from.

    Parameters
    ----------
    folder
        The preprocessed dataset.
    seen
        The files as they were before the products were made.
    before
        The products at that time.

    Raises
    ------
    SegconvError
        ``SC031`` or ``SC032`` if the system refuses.
    """
    files = {name: vars(file) for name, file in seen.items()}
    for name, identity in products(folder).items():
        if before.get(name) != identity:
            path = _record(folder, name)
            with writing(path):
                fsops.mkdir(path.parent)
                fsops.write_atomic(path, dumps({"files": files, "settings": _settings_in_use(folder, name)}))


def changes_since(dataset: Dataset, folder: Path, product: str) -> Changes | None:
    """Return what changed in a dataset since a product was made from it; None if that was not recorded.

    Only files whose size or time differ are read.

    Parameters
    ----------
    dataset
        The dataset as it is.
    folder
        The preprocessed dataset.
    product
        Name of a folder of cases in it, or `FINGERPRINT`.

    Raises
    ------
    SegconvError
        ``SC086`` if the record is damaged; what reading raises.
    """
    record = _read(_record(folder, product))
    if record is None:
        return None
    seen = {name: Seen(file["size"], file["mtime_ns"], file["sha256"]) for name, file in record["files"].items()}
    return _compared(seen, dict(_training_files(dataset)))


def _compared(seen: Snapshot, now: Mapping[str, Path]) -> Changes:
    return Changes(
        tuple(name for name in now if name not in seen),
        tuple(name for name in seen if name not in now),
        tuple(name for name in now if name in seen and _differs(now[name], seen[name])),
    )


def touched_cases(dataset: Dataset, changes: Changes) -> set[str]:
    """Return the cases of which a file was added or changed."""
    touched = {*changes.added, *changes.changed}
    return {
        case
        for case in dataset.cases()
        if not touched.isdisjoint(
            _name(dataset, path) for path in (*dataset.image_files(case), dataset.label_file(case))
        )
    }


def is_made_otherwise(folder: Path, product: str, plans: Mapping[str, Any], name: str) -> bool:
    """Return whether cases are known to be preprocessed with other settings than plans have now.

    Parameters
    ----------
    folder, product
        As in `changes_since`.
    plans, name
        The plans, and the name of a configuration in them.

    Raises
    ------
    SegconvError
        ``SC086`` if the record is damaged.
    """
    record = _read(_record(folder, product))
    known = record.get("settings", []) if record else []
    return bool(known) and _settings(plans, name) not in known


def _settings_in_use(folder: Path, product: str) -> list[str]:
    """Return the hashes of all settings that the plans of a dataset have for cases in a folder."""
    found: set[str] = set()
    for path in folder.glob("*.json"):
        with suppress(SegconvError):  # other files of nnU-Net's, and plans that no one can train with
            plans = read_plans(path)
            names = [name for name in plans["configurations"] if _data_of(plans, name) == product]
            found.update(_settings(plans, name) for name in names)
    return sorted(found)


def _data_of(plans: Mapping[str, Any], name: str) -> Any:
    return configuration(plans, name).get("data_identifier")


def _settings(plans: Mapping[str, Any], name: str) -> str:
    """Return the hash of everything in a configuration that decides how its cases are preprocessed."""
    return hashlib.sha256(json.dumps(settings(plans, name), sort_keys=True).encode()).hexdigest()


def newer_than(dataset: Dataset, time_of: Mapping[str, int]) -> list[str]:
    """Return the training files that are newer than what was made from them.

    Parameters
    ----------
    time_of
        Case → time, in nanoseconds.
    """
    found = []
    for case in dataset.cases():
        for path in (*dataset.image_files(case), dataset.label_file(case)):
            if case in time_of and _time(path) > time_of[case]:
                found.append(_name(dataset, path))
    return found


def _training_files(dataset: Dataset) -> Iterator[tuple[str, Path]]:
    for case in dataset.cases():
        for path in (*dataset.stored_images(case), dataset.label_file(case)):
            yield _name(dataset, path), path


def _name(dataset: Dataset, path: Path) -> str:
    return str(path.relative_to(dataset.path)) if path.is_relative_to(dataset.path) else str(path)


def _seen(path: Path) -> Seen:
    try:
        with reading.opened(os.path.realpath(path)) as file, naming(str(path)):
            status = os.fstat(file.fileno())
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise reading.refusal(error, path) from error
    return Seen(status.st_size, status.st_mtime_ns, digest.hexdigest())


def _differs(path: Path, seen: Seen) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return True
    if (status.st_size, status.st_mtime_ns) == (seen.size, seen.mtime_ns):
        return False
    return status.st_size != seen.size or _seen(path).sha256 != seen.sha256


def _time(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0  # what is missing is reported elsewhere


def _record(folder: Path, product: str) -> Path:
    return folder / RECORDS / f"{product.removesuffix('.json')}.json"


_entries = entries(
    {"files": mapping(entries({"size": count, "mtime_ns": count, "sha256": sha256}))}, {"settings": many(sha256)}
)


def _read(path: Path) -> dict[str, Any] | None:
    if not os.path.lexists(path):
        return None
    with naming(str(path)):
        found = load_object(read_file(path))
        try:
            return _entries(found)
        except Misfit as misfit:
            raise SegconvError(
                f"is not a record of segconv's: {misfit}", code="SC086", hint="remove it, or plan the dataset again"
            ) from None
