"""Write folds to a dataset and to its preprocessed data, unless models depend on those that are there.

Each file is replaced as a whole, and the same command finishes what a kill interrupted: the preprocessed data come
first, then the dataset, then its lineage.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...dataset import lineage, seal
from ...dataset.edit import refuse_links
from ...dataset.runs import RunRecord
from ...dataset.splits import FILE, PARTS, Splits, parse_splits
from ...dataset.strictjson import dumps, loads, read_file
from ...errors import Cure, SegconvError
from ...train.default_split import default_split
from ...train.holds import preprocessing
from ...train.paths import Paths
from ...version import VERSION
from ...work import fsops
from ...work.locks import locked
from ...work.plan import Target
from ...work.writing import writing
from .make import NewSplits


@dataclass(frozen=True)
class _Place:
    """A file of folds: its path, and its bytes as they are, or None."""

    path: Path
    data: bytes | None

    @classmethod
    def at(cls, folder: Path) -> _Place:
        path = folder / FILE
        refuse_links(path)
        return cls(path, read_file(path) if os.path.lexists(path) else None)

    def holds(self, folds: Splits) -> bool:
        """Return whether nnU-Net would read these folds from it."""
        try:
            return self.data is not None and _sorted(parse_splits(loads(self.data))) == _sorted(folds)
        except SegconvError:
            return False


def write_splits(made: NewSplits, paths: Paths, *, overwrite: bool = False) -> list[Path]:
    """Write folds where nnU-Net reads them; return the files that changed.

    Parameters
    ----------
    overwrite
        Replace folds that are neither segconv's nor nnU-Net's own.

    Raises
    ------
    SegconvError
        ``SC210`` if a model was trained with other folds; ``SC020`` for folds of the user's own, without `overwrite`;
        ``SC035`` if another run works on the dataset, or trains with it; ``SC060`` if a file to replace is a link;
        ``SC062`` if the dataset changed since the folds were made; ``SC031`` or ``SC032`` if the disk refuses.
    """
    dataset = made.dataset
    with locked(Target(dataset.path, dataset.name.slot)):
        dataset.held.refuse_if_changed()
        refuse_links(dataset.path / lineage.FOLDER, dataset.path / lineage.RUN)
        own = _Place.at(dataset.path)
        preprocessed = None if paths.preprocessed is None else paths.preprocessed / dataset.path.name
        if preprocessed is None or not preprocessed.is_dir():
            _refuse_in_use(made, own, paths)
            return _replace(made, [own], overwrite=overwrite)
        with preprocessing(paths, dataset.path.name):
            planned = _Place.at(preprocessed)
            _refuse_in_use(made, planned if planned.data is not None else own, paths)
            return _replace(made, [planned, own], overwrite=overwrite)


def _refuse_in_use(made: NewSplits, used: _Place, paths: Paths) -> None:
    """Refuse if a model was trained with other folds: its scores and ensembles would be wrong without a sign."""
    if paths.results is None or used.holds(made.folds):
        return
    trained = sorted((paths.results / made.dataset.path.name).glob("*/fold_[0-9]*"))
    if trained:
        raise SegconvError(
            "was trained with the folds that exist",
            code="SC210",
            file=str(trained[0]),
            hint=f"keep them, move {trained[0].parent.parent} away, or make a new dataset",
        )


def _replace(made: NewSplits, places: Sequence[_Place], *, overwrite: bool) -> list[Path]:
    """Write the folds to each place that holds others, and record them."""
    run = made.dataset.run
    changed = [place for place in places if not place.holds(made.folds)]
    for place in changed:
        if not (overwrite or _may_go(place, places[-1], made, run)):
            raise SegconvError(
                "holds other folds, which segconv did not make",
                code="SC020",
                file=str(place.path),
                hint="move it away",
                cures=[Cure.of("overwrite")],
            )
    data = dumps(made.folds)
    for place in changed:
        with writing(place.path):
            fsops.write_atomic(place.path, data, sync=True)
            fsops.sync_folder(place.path.parent)
    if run is not None:
        _record(made, run)
    return [place.path for place in changed]


def _may_go(place: _Place, own: _Place, made: NewSplits, run: RunRecord | None) -> bool:
    """Return whether no work of the user is lost: folds are absent, recorded in the lineage, or nnU-Net's own."""
    if place.data is None:
        return True
    files = [] if run is None else run.files
    recorded = next((file["sha256"] for file in files if file["path"] == FILE), None)
    if own.data is not None and hashlib.sha256(own.data).hexdigest() == recorded and place.holds(_folds(own.data)):
        return True
    try:
        return place.holds(default_split(made.dataset.cases()))
    except SegconvError:  # too few cases for nnU-Net's own
        return False


def _folds(data: bytes) -> Splits:
    try:
        return parse_splits(loads(data))
    except SegconvError:
        return []


def _sorted(folds: Splits) -> list[list[list[str]]]:
    return [[sorted(fold[part]) for part in PARTS] for fold in folds]


def _record(made: NewSplits, run: RunRecord) -> None:
    """Record how the folds were made, and the hash of their file."""
    folder = made.dataset.path
    data = read_file(folder / FILE)
    file = {"path": FILE, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    entry = {"what": "splits", "version": VERSION, "new": dict(made.options)}
    if file in run.files and entry in run.edits:
        return
    files: list[dict[str, Any]] = [one for one in run.files if one["path"] != FILE]
    edited = {**run.said, "edits": [*run.edits, entry], "files": [*files, file]}
    # Of a file that somebody else has changed, the hash must not become valid again.
    record = seal.sealed(edited) if seal.holds(run) else dumps(edited)
    with writing(folder / lineage.RUN):
        fsops.write_atomic(folder / lineage.RUN, record, sync=True)
