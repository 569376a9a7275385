"""Find by name, and remove, what killed commands left next to their outputs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..dataset.lineage import DATASETS, RESTORED, SEGMENTED, VIEWED, manifest
from ..dataset.names import MAX_ID
from ..errors import Cure, SegconvError
from ..train.holds import preprocessing
from ..train.paths import Paths
from ..train.planning_folder import PlanningFolder
from ..work.plan import HIDDEN, STRESS, WORKERS, Target, work_slot
from ..work.run import abort
from ..work.staging import made_for

_KIND = manifest(*DATASETS, *RESTORED, SEGMENTED, VIEWED, STRESS)
_FOLDER = re.compile(r"(?:Dataset|Task)(\d{3})_.+", re.DOTALL)
_NAME = re.compile(r"(Dataset|Task)?(\d{1,3})_(.+)")


def abandon(what: str, paths: Paths) -> list[Path]:
    """Remove the leftovers of an unfinished run.

    Parameters
    ----------
    what
        The number of a dataset in nnUNet_raw; the path of the output: a dataset, a task of
        nnU-Net v1, a folder or a file; the path of a staging folder; or the name of a dataset or task.

    Returns
    -------
    removed
        Staging folders and locks.

    Raises
    ------
    SegconvError
        ``SC010`` if there is nothing to remove; ``SC035`` if the run is still at work; ``SC021`` for files that
        segconv did not write, which stay.
    """
    if what.isdecimal() and 1 <= int(what) <= MAX_ID:
        return _abandon_number(what, paths)
    output = Path(what).absolute()
    where = _named(what, paths)
    removed = abandon_output(output) or (abandon_output(where) if where is not None else [])
    if removed:
        return removed
    raise _nothing(what, output.parent if where is None else where.parent)


def abandon_output(output: Path) -> list[Path]:
    """Remove the leftovers of unfinished runs next to an output; return their paths.

    Raises
    ------
    SegconvError
        As `abandon`.
    """
    output = output.absolute()
    return abort(*(target for target in _targets(output) if made_for(target.staging) in (None, target.path.name)))


def _targets(output: Path) -> Iterator[Target]:
    """Yield all targets that may represent an output while a command works on it."""
    if output.name.startswith(HIDDEN):  # a staging folder, or its lock
        staging = output.with_name(output.name.removesuffix(".lock"))
        yield Target(staging.with_name(made_for(staging) or staging.name), staging.name.removeprefix(HIDDEN), _KIND)
        return
    yield Target(output, output.name, _KIND)
    for command in WORKERS:
        yield Target(output, work_slot(command, output), _KIND)
    if match := _FOLDER.fullmatch(output.name):
        yield Target(output, match[1], _KIND)


def _abandon_number(number: str, paths: Paths) -> list[Path]:
    raw = paths.require("raw")
    slot = f"{int(number):03d}"
    target = Target(raw / f"Dataset{slot}", slot, _KIND)
    task = _task(target)
    removed = (abort(target) if task is None else []) + _planning(slot, paths)
    if removed:
        return removed
    with suppress(SegconvError):  # their location does not matter here
        task = task or _task(Target(paths.v1_tasks() / f"Task{slot}", slot))
    raise _nothing(number, raw, task)


def _planning(slot: str, paths: Paths) -> list[Path]:
    """Remove what an unfinished planning of a dataset left."""
    removed = []
    for folder in PlanningFolder.of_number(paths.preprocessed, slot) if paths.preprocessed is not None else ():
        with preprocessing(paths, folder.final.name):
            folder.abandon()
            removed.append(folder.folder)
    return removed


def _task(target: Target) -> Path | None:
    """Return the task of nnU-Net v1 that a staging folder will become; None for others, or if it does not exist."""
    name = made_for(target.staging)
    if name is not None:
        return target.path.with_name(name) if name.startswith("Task") else None
    of_tasks = target.path.name.startswith("Task") and os.path.lexists(target.staging)
    return target.staging if of_tasks else None


def _named(what: str, paths: Paths) -> Path | None:
    """Return where a dataset or task of this name is, or would be; None for other names."""
    match = _NAME.fullmatch(what) if os.path.basename(what) == what else None
    if match is None:
        return None
    folder = f"{match[1] or 'Dataset'}{int(match[2]):03d}_{match[3]}"
    try:
        return (paths.v1_tasks() if match[1] == "Task" else paths.require("raw")) / folder
    except SegconvError:  # an unset folder holds nothing of this name
        return None


def _nothing(what: str, where: Path, task: Path | None = None) -> SegconvError:
    hint = "give another id, if another run is meant" if task is None else ""
    cures = [] if task is None else [Cure.of("abort_task", target=task)]
    return SegconvError(f"no unfinished run of {what} in {where}", code="SC010", hint=hint, cures=cures)
