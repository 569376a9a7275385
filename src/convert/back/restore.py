"""Restore predictions in the user's own names, label values, colours, files and formats."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset import lineage
from ...dataset.labels import value_text
from ...dataset.layout import Dataset
from ...dataset.lineage import CaseRecord
from ...dataset.runs import NewRun, RunRecord
from ...dataset.stored_label import CHANNELS, LAYERS, NOTHING_KNOWN, SEGMENTS, StoredLabel
from ...errors import Finding, SegconvError, refuse_if_any, warning
from ...image import opened
from ...image.opened import decoded_bytes
from ...words import some_of
from ...work.plan import Item, Plan, Target
from ...work.run import Outcome, Result, execute
from ...work.run_options import USUAL, RunOptions
from ...work.staging import Staged
from ..model import collect
from ..source_files import files_of, resolve_inside
from .restore_case import restore_case
from .task import Restoration, RestoreTask, lost_by, task_of, unknown_case

COMMAND = "restore"


def is_restored(folder: Path) -> bool:
    """Return whether segconv has already restored the files of a folder."""
    run = lineage.read_run(folder)
    return run is not None and run.command == COMMAND


def plan_restore(predictions: Path, like: Dataset, out: Path) -> Restoration:
    """Plan the restoration of a folder of predictions.

    Parameters
    ----------
    predictions
        Label files named by case identifier, as nnU-Net writes them.
    like
        The dataset whose lineage has the names and values.
    out
        Folder to create.

    Raises
    ------
    Refused
        ``SC096`` if segconv did not make the dataset, ``SC011`` if there are no predictions, ``SC062`` if
        the dataset was replaced since it was opened.
    """
    with like.unchanged():
        run = _run_of(like)
        if not reading.is_folder(predictions):
            raise SegconvError("is not a folder", code="SC010", file=str(predictions))
        root = Path(os.path.realpath(predictions))
        ending = like.description.file_ending
        files = files_of(root)
        found = {p.name[: -len(ending)]: p for p in files if p.name.endswith(ending)}
        if not found:
            raise SegconvError(
                f"holds no prediction, expected files that end in {ending}", code="SC011", file=str(predictions)
            )
        records = {record.case: record for record in like.records() if record.case in found}
        known = {case: records.get(case) or unknown_case(case, run, {}) for case in found}

        def located(path: Path) -> tuple[str, int]:
            return resolve_inside(path, root), reading.size_of(path)

        planned = _plan(found, known, located, root, like, out, {})
    left = _left_out(files, found.values(), ending)
    return dataclasses.replace(
        planned, plan=dataclasses.replace(planned.plan, warnings=(*planned.plan.warnings, *left))
    )


def _left_out(files: Iterable[Path], taken: Iterable[Path], ending: str) -> list[Finding]:
    """Return a warning for files that may be predictions in a form that nnU-Net does not write for this dataset."""
    known = {*taken}
    left = [
        path.name
        for path in files
        if path not in known
        and (opened.ending_of(path.name) is not None or (path.is_dir() and path.name != lineage.FOLDER))
    ]
    if not left:
        return []
    return [
        warning(
            "SC063",
            f"{some_of(left)}: left out; predictions of this dataset are files that end in {ending}",
            hint="move predictions into the folder itself, in the format of the dataset",
        )
    ]


def plan_restore_of(
    names: Mapping[str, str],
    predictions: Path,
    like: Dataset,
    out: Path,
    ways_back: Mapping[str, StoredLabel] | None = None,
) -> Restoration:
    """Plan the restoration of future predictions, so that anything to refuse is refused before they are made.

    Parameters
    ----------
    names
        Case identifier → the user's name for it; none of them is a case of the dataset, whatever its name.
    predictions
        Folder that will hold them, named by case identifier.
    like, out
        As for `plan_restore`, which raises the same errors.
    ways_back
        Case identifier → where its image is; see `inputs.ways_back`.
    """
    with like.unchanged():
        run = _run_of(like)
        root = Path(os.path.realpath(predictions))
        expected = {case: root / f"{case}{like.description.file_ending}" for case in names}
        # A file that the user brings may share its name with a case of the dataset and still be another.
        records = {case: unknown_case(case, run, names, (ways_back or {}).get(case, NOTHING_KNOWN)) for case in names}
        return _plan(expected, records, lambda path: (str(path), 0), root, like, out, names)


def _run_of(like: Dataset) -> RunRecord:
    """Return the run that made a dataset; refuse a dataset that segconv did not make."""
    if like.run is None:
        raise SegconvError(
            "has no folder segconv/: nothing is known about its source",
            code="SC096",
            file=str(like.path),
            hint="name the dataset that segconv made of the source, if it made one",
        )
    return like.run


def _plan(
    predictions: Mapping[str, Path],
    records: Mapping[str, CaseRecord],
    located: Callable[[Path], tuple[str, int]],
    root: Path,
    like: Dataset,
    out: Path,
    names: Mapping[str, str],
) -> Restoration:
    """Plan the restoration of files by case; `located` returns the real path and the size of each."""
    findings: list[Finding] = []
    warnings: list[Finding] = []
    items = []
    owners: dict[str, str] = {}
    usual = _run_of(like).label_file
    for case, path in predictions.items():
        record = records[case]
        try:
            prediction, size = located(path)
            task = task_of(prediction, like.description, record, usual)
            if len(set(task.outputs)) < len(task.outputs):
                raise SegconvError("the lineage names a file twice", code="SC096")
            for output in task.outputs:
                if owners.setdefault(output.casefold(), path.name) != path.name:
                    raise SegconvError(f"would be restored as {output!r}, as would {owners[output.casefold()]}",
                                       code="SC085", hint="restore them one folder at a time")  # fmt: skip
            items.append(Item(case, (task.prediction,), task.outputs, task, size))
            warnings += lost_by(record, path)
        except SegconvError as error:
            collect(findings, error, str(like.path / lineage.CASES if error.code == "SC096" else path))
    refuse_if_any(findings)
    key = {"command": COMMAND, "like": like.path.name, "names": dict(names)}
    out = out.absolute()
    target = Target(out, out.name, lineage.manifest(*lineage.RESTORED))
    return Restoration(like, Plan(target, root, tuple(items), key, tuple(warnings), (like.held,)))


def report(restoration: Restoration) -> list[dict[str, Any]]:
    """Return what becomes of each prediction: its file, the files restored from it, and its values."""
    rows = []
    for item in restoration.plan.items:
        task: RestoreTask = item.payload
        if task.form in (LAYERS, CHANNELS, SEGMENTS):
            parts = [(mask.name, mask.values) for mask in task.stored.masks]
            parts += [(part.segment.name, part.values) for part in task.stored.segments]
            said = "; ".join(f"{name} from {', '.join(map(str, values)) or 'nothing'}" for name, values in parts)
        else:
            said = ", ".join(
                f"{value} → {value_text(own, task.table.coding)}" for value, own in sorted(task.table.inverse.items())
            )
        rows.append({"prediction": Path(task.prediction).name, "files": list(task.outputs), "labels": said})
    return rows


def run_restore(restoration: Restoration, how: RunOptions = USUAL) -> Outcome:
    """Run a planned restoration."""
    plan, like = restoration.plan, restoration.like

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        staged.write_lines(
            lineage.CASES,
            (CaseRecord.of_result(result).to_line() for result in results),
        )
        source = {"kind": "prediction", "name": like.path.name}
        staged.write(lineage.RUN, NewRun(command=COMMAND, source=source, files=staged.targets).to_bytes())
        return []

    return execute(plan, restore_case, finish, how, decoded=lambda item: decoded_bytes(item.payload.prediction))
