"""Segment one case: write its image as TotalSegmentator reads it, let a process segment it, write the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...convert.back.restore_case import restore_case
from ...convert.back.task import RestoreTask
from ...convert.write.volumes import convert_volumes
from ...dataset.hounsfield import CURE_OF_HU, HounsfieldSet
from ...dataset.label_readers import grid
from ...dataset.lineage import PREDICTION, CaseRecord
from ...errors import naming, warning
from ...image import opened
from ...image.voxels import label_values
from ...train.totalsegmentator.working import Ready, Worker
from ...work import begun, fsops
from ...work.caseio import CaseIO
from ...work.plan import Item
from .plan import WORKING, SegmentTask

FOLDER = "work"
"""Folder of images and raw results in the staging folder."""

MADE_BY = "made_by"
"""Key for what the processes that made results said of themselves, in a record and in the lineage's options."""


def files_on_the_way(items: Iterable[Item]) -> list[str]:
    """Return the files that `segment_case` writes and removes again, relative to the staging folder."""
    found = []
    for item in items:
        task: SegmentTask = item.payload
        found += [f"{FOLDER}/{task.image.outputs()[0]}", f"{FOLDER}/{item.case}{WORKING}"]
    return found


def segment_case(item: Item, io: CaseIO, worker: Worker, staging: Path) -> dict[str, Any]:
    """Segment one case; return its lineage, and what the process said of itself.

    Raises
    ------
    SegconvError
        What reading the image raises, before the process is asked; ``SC195`` to ``SC197``.
    """
    task: SegmentTask = item.payload
    result = staging / FOLDER / f"{item.case}{WORKING}"
    with naming(task.image.shown(task.image.source.images[0])):
        image, record = _written_image(task, io, staging)
        try:
            ready, refused = worker.segment(task.request.options(image, result))
        finally:
            fsops.unlink(image)
        voxels = _voxels(result)
        _restored(replace(task.result, prediction=str(result)), record, io, staging)
        fsops.unlink(result)
    _warn(task, record, voxels, refused, io)
    own = replace(
        record,
        split=PREDICTION,
        label_map={str(value): value for value in (0, *task.request.classes)},
        label_file=record.label_file.updated(task.result.stored),
        label_voxels={str(value): count for value, count in voxels.items()},
    )
    return {**own.as_json(), MADE_BY: [_said(ready)]}


def _written_image(task: SegmentTask, io: CaseIO, staging: Path) -> tuple[Path, CaseRecord]:
    """Write the image of a case as a plain NIfTI file with a fresh header; return its path and its lineage."""
    folder = staging / FOLDER
    front = CaseIO(folder, Path(task.image.recipe.root), begun.mark_of(staging))
    record = CaseRecord.from_json(convert_volumes(task.image.item(), front))
    front.refuse_changed_sources()
    io.sources.update(front.sources)
    io.warnings += front.warnings
    (target,) = front.targets
    path = folder / target["path"]
    fsops.complete(path.with_name(target["temporary"]), path)
    return path, record


def _voxels(result: Path) -> dict[int, int]:
    """Return value → number of voxels of a result."""
    return label_values(opened.read_label(opened.read_bytes(str(result)), result.name).array)


def _restored(task: RestoreTask, record: CaseRecord, io: CaseIO, staging: Path) -> None:
    """Write a result in the place of the user's image, as one label map or as masks."""
    task = replace(
        task,
        stored=record.label_file.updated(task.stored),
        geometry=grid(record.geometry) if record.geometry is not None else None,
    )
    back = CaseIO(staging, staging, begun.mark_of(staging))
    restore_case(Item(task.case, (task.prediction,), task.outputs, task), back)
    io.targets += back.targets
    io.warnings += back.warnings


def _warn(task: SegmentTask, record: CaseRecord, voxels: Mapping[int, int], refused: Sequence[str], io: CaseIO) -> None:
    file = task.image.shown(task.image.source.images[0])
    if task.request.known.modality == "CT" and (what := _not_hu(record)):
        io.warn(warning("SC091", f"{what}; TotalSegmentator expects HU", file=file, hint=CURE_OF_HU))
    if not set(voxels) - {0}:
        io.warn(warning("SC120", "nothing was found in it", file=file))
    if refused:
        what = f"TotalSegmentator tried to connect to {', '.join(refused)}, which was refused"
        io.warn(warning("SC197", what, file=file, hint="nothing, if the result is complete"))


def _not_hu(record: CaseRecord) -> str:
    """Return what speaks against an image that counts as CT; empty if nothing does."""
    found = HounsfieldSet()
    for (low, high), shares in zip(record.intensity, record.shares, strict=True):
        found.add(record.case, low, high, shares)
    return next((what for _, what in found.outliers()), "")


def _said(ready: Ready) -> dict[str, Any]:
    return {
        "versions": dict(ready.versions),
        "device": ready.device,
        "resampling_order": ready.resampling_order,
        "keeps_models": ready.keeps_models,
    }
