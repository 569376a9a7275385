"""The way back: predictions in the user's own names, label values and file format."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset import lineage
from ..dataset.layout import Dataset
from ..dataset.lineage import CaseRecord
from ..errors import Finding, SegconvError, naming, refuse_if_any
from ..image import nifti, picture
from ..image.geometry import NEAR_GRID_VOXELS, Geometry
from ..image.mask import grey_mask
from ..image.voxels import label_values, remap
from ..version import VERSION
from ..work.caseio import CaseIO
from ..work.plan import Item, Plan, Target
from ..work.run import Outcome, Result, execute
from ..work.staging import Staged
from .source import collect, files_of, resolve_inside

COMMAND = "restore"


@dataclass(frozen=True)
class RestoreTask:
    """Payload of a work item: one prediction and what it is to become.

    Parameters
    ----------
    prediction
        Absolute path.
    case
        Its identifier in the dataset.
    original_name
        What the user calls it, without ending; may lead into a sub-folder.
    backward
        Value in the prediction → the user's value.
    ending, dtype
        Of the user's label files.
    geometry
        The grid of the case, or None if it is not known.
    """

    prediction: str
    case: str
    original_name: str
    backward: Mapping[int, int]
    ending: str
    dtype: str
    geometry: dict[str, Any] | None = None

    @property
    def output(self) -> str:
        """Path of the restored file, relative to the output folder."""
        return f"{self.original_name}{self.ending}"


def is_restored(folder: Path) -> bool:
    """Return whether segconv restored the files of a folder already."""
    run = lineage.read_run(folder)
    return run is not None and run.get("command") == COMMAND


def plan_restore(predictions: Path, like: Dataset, out: Path, *, names: Mapping[str, str] | None = None) -> Plan:
    """Plan the restoration of a folder of predictions.

    Parameters
    ----------
    predictions
        Label files named by case identifier, as nnU-Net writes them.
    like
        The dataset whose lineage tells names and values.
    out
        Folder to be made.
    names
        Case identifier → original name, for files that are not of the dataset.

    Raises
    ------
    Refused
        ``SC096`` if segconv did not make the dataset, ``SC011`` if there is no prediction.
    """
    run = like.run
    if run is None:
        raise SegconvError(
            "has no folder segconv/: nothing is known about its source",
            code="SC096",
            file=str(like.path),
            hint="restore works for datasets that segconv converted",
        )
    if not predictions.is_dir():
        raise SegconvError("is no folder", code="SC010", file=str(predictions))
    root = predictions.resolve()
    ending = like.description.file_ending
    found = {p.name[: -len(ending)]: p for p in files_of(root) if p.name.endswith(ending)}
    if not found:
        raise SegconvError(
            f"holds no prediction, expected files that end in {ending}", code="SC011", file=str(predictions)
        )
    records = {record.case: record for record in like.records() if record.case in found}
    findings: list[Finding] = []
    items = []
    for case, path in found.items():
        try:
            # A file that the user brings may have the name of a case of the dataset, and be another.
            known = None if names is not None else records.get(case)
            record = known or _unknown_case(case, run, names or {})
            task = RestoreTask(
                resolve_inside(path, root),
                case,
                record.original_name or case,
                _inverse(record.label_map),
                record.label_file.get("ending", ending),
                record.label_file.get("dtype", "uint8"),
                record.geometry,
            )
            items.append(Item(case, (task.prediction,), (task.output,), task, path.stat().st_size))
        except SegconvError as error:
            collect(findings, error, str(path))
    refuse_if_any(findings)
    key = {"command": COMMAND, "like": like.path.name, "names": dict(names or {})}
    out = out.absolute()
    return Plan(Target(out, out.name), root, tuple(items), key)


def run_restore(plan: Plan, like: Dataset, **how: Any) -> Outcome:
    """Run a planned restoration; keyword arguments are those of `execute`."""

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        staged.write_lines(
            lineage.CASES,
            (
                CaseRecord.from_json(
                    {
                        **result.record,
                        "sources": result.sources,
                        "targets": result.targets,
                        "warnings": [finding.as_json() for finding in result.warnings],
                    }
                ).to_line()
                for result in results
            ),
        )
        staged.write(
            lineage.RUN,
            lineage.run_record(
                version=VERSION, command=COMMAND, options={}, source={"kind": "prediction", "name": like.path.name}
            ),
        )
        return []

    return execute(plan, restore_case, finish, **how)


def restore_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Restore one prediction, in a worker."""
    task: RestoreTask = item.payload
    with naming(task.prediction):
        data = io.read(Path(task.prediction))
        if data[: len(picture.SIGNATURE)] == picture.SIGNATURE:
            header, _ = picture.prove(data)
            values = grey_mask(picture.decode(data, header), header)
            io.write(task.output, picture.encode(_back(values, task)))
        else:
            image = nifti.decode(data)
            values = image.values if image.header.scaled else image.stored
            if task.geometry is not None:
                _refuse_other_grid(image.header.geometry, Geometry.from_json(task.geometry))
            restored = _back(values, task)
            plain = image.header.plain
            buffers = (
                nifti.encode_like(restored, image.header) if plain else nifti.encode(restored, image.header.geometry)
            )
            io.write(task.output, nifti.compress(buffers, task.ending))
    record = CaseRecord(
        case=task.case,
        split="prediction",
        original_name=task.original_name,
        label_map={str(found): value for found, value in task.backward.items()},
    )
    return dataclasses.asdict(record)


def _back(values: Any, task: RestoreTask) -> Any:
    unknown = [value for value in label_values(values) if value not in task.backward]
    if unknown:
        raise SegconvError(
            f"holds the value {unknown[0]}, the dataset declares {', '.join(map(str, sorted(task.backward)))}",
            code="SC070",
            hint="check that the prediction is of a model that was trained on this dataset",
        )
    restored = remap(values, dict(task.backward))
    return restored.astype(task.dtype) if restored.dtype.itemsize <= _itemsize(task.dtype) else restored


def _itemsize(dtype: str) -> int:
    return {"uint8": 1, "uint16": 2}.get(dtype, 1)


def _refuse_other_grid(found: Geometry, expected: Geometry) -> None:
    if found.size != expected.size or found.displacement_voxels(expected) > NEAR_GRID_VOXELS:
        raise SegconvError(
            "lies on another grid than the image it was predicted from",
            code="SC083",
            hint="check that prediction and case belong together",
        )


def _inverse(label_map: Mapping[str, int]) -> dict[int, int]:
    back: dict[int, int] = {}
    for found, written in label_map.items():
        back.setdefault(written, int(found))
    return back


def _unknown_case(case: str, run: Mapping[str, Any], names: Mapping[str, str]) -> CaseRecord:
    """Return what is known of a case that is not in the dataset: its labels are those of the dataset."""
    return CaseRecord(
        case, original_name=names.get(case, case), label_map=run["label_map"], label_file=run["label_file"]
    )
