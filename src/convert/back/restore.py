"""The way back: predictions in the user's own names, label values, colours, files and formats."""

from __future__ import annotations

import dataclasses
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import reading
from ...dataset import lineage
from ...dataset.labels import GRAY, RGB, value_text
from ...dataset.layout import Dataset
from ...dataset.lineage import CaseRecord, RunRecord
from ...dataset.stored_label import LAYERS, NOTHING_KNOWN, PAGES, SEGMENTS, STACK, StoredLabel, StoredSegment
from ...errors import Finding, SegconvError, naming, refuse_if_any, warning
from ...image import opened, raster, volumes
from ...image.formats import segmentation
from ...image.geometry import NEAR_GRID_VOXELS, Geometry
from ...image.mask import WITH_ALPHA, colour_picture, grey_mask, palette_codes
from ...image.opened import decoded_bytes
from ...image.orientation import reordering
from ...image.stored import DecodedVolume
from ...image.voxels import label_values, remap
from ...version import VERSION
from ...work.caseio import CaseIO
from ...work.plan import Item, Plan, Target
from ...work.run import Outcome, Result, execute
from ...work.run_options import USUAL, RunOptions
from ...work.staging import Staged
from ..model import collect
from ..source_files import files_of, resolve_inside
from ..write.segments import placed
from .task import Restoration, RestoreTask, lost_by, task_of, unknown_case
from .way_back import nifti_bytes, turned_back

COMMAND = "restore"
SHOWN = 3
"""So many files that are left out are named."""


def is_restored(folder: Path) -> bool:
    """Return whether segconv restored the files of a folder already."""
    run = lineage.read_run(folder)
    return run is not None and run.command == COMMAND


def plan_restore(predictions: Path, like: Dataset, out: Path) -> Restoration:
    """Plan the restoration of a folder of predictions.

    Parameters
    ----------
    predictions
        Label files named by case identifier, as nnU-Net writes them.
    like
        The dataset whose lineage tells names and values.
    out
        Folder to be made.

    Raises
    ------
    Refused
        ``SC096`` if segconv did not make the dataset, ``SC011`` if there is no prediction, ``SC062`` if
        the dataset was replaced since it was opened.
    """
    with like.unchanged():
        run = _run_of(like)
        if not reading.is_folder(predictions):
            raise SegconvError("is no folder", code="SC010", file=str(predictions))
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
    """Return a warning on what may be predictions in a form that nnU-Net does not write for this dataset."""
    known = {*taken}
    left = [
        path.name
        for path in files
        if path not in known
        and (opened.ending_of(path.name) is not None or (path.is_dir() and path.name != lineage.FOLDER))
    ]
    if not left:
        return []
    more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    return [
        warning(
            "SC063",
            f"{', '.join(left[:SHOWN])}{more}: left out; predictions of this dataset are files that end in {ending}",
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
    """Plan the restoration of predictions that are still to be made, so that all that can be is refused before.

    Parameters
    ----------
    names
        Case identifier → what the user calls it; none of them is a case of the dataset, whatever its name.
    predictions
        Folder that they are going to be in, named by case identifier.
    like, out
        As for `plan_restore`, as are the errors.
    ways_back
        Case identifier → where its image lies; see `inputs.ways_back`.
    """
    with like.unchanged():
        run = _run_of(like)
        root = Path(os.path.realpath(predictions))
        expected = {case: root / f"{case}{like.description.file_ending}" for case in names}
        # A file that the user brings may have the name of a case of the dataset, and be another.
        records = {case: unknown_case(case, run, names, (ways_back or {}).get(case, NOTHING_KNOWN)) for case in names}
        return _plan(expected, records, lambda path: (str(path), 0), root, like, out, names)


def _run_of(like: Dataset) -> RunRecord:
    """Return what made a dataset; refuse one that segconv did not make."""
    if like.run is None:
        raise SegconvError(
            "has no folder segconv/: nothing is known about its source",
            code="SC096",
            file=str(like.path),
            hint="restore works for datasets that segconv converted",
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
    """Plan the restoration of files by case; `located` tells where each really lies, and its size."""
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
    """Return what becomes of each prediction: its file, the files that it is restored as, and its values."""
    rows = []
    for item in restoration.plan.items:
        task: RestoreTask = item.payload
        if task.form in (LAYERS, SEGMENTS):
            parts = [(mask.name, mask.values) for mask in task.stored.masks]
            parts += [(part.segment.name, part.values) for part in task.stored.segments]
            told = "; ".join(f"{name} from {', '.join(map(str, values)) or 'nothing'}" for name, values in parts)
        else:
            told = ", ".join(
                f"{value} → {value_text(own, task.table.coding)}" for value, own in sorted(task.table.inverse.items())
            )
        rows.append({"prediction": Path(task.prediction).name, "files": list(task.outputs), "labels": told})
    return rows


def run_restore(restoration: Restoration, how: RunOptions = USUAL) -> Outcome:
    """Run a planned restoration."""
    plan, like = restoration.plan, restoration.like

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
                version=VERSION,
                command=COMMAND,
                options={},
                source={"kind": "prediction", "name": like.path.name},
                files=staged.targets,
            ),
        )
        return []

    return execute(plan, restore_case, finish, how, decoded=lambda item: decoded_bytes(item.payload.prediction))


def restore_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Restore one prediction, in a worker."""
    task: RestoreTask = item.payload
    with naming(task.prediction):
        values, volume = _read(task, io)
        _refuse_unknown(values, task)
        written: dict[str, bytes]
        if task.form == LAYERS:
            written = _layers(values, volume, task)
        elif task.form == SEGMENTS:
            written = _segments(values, volume, task)
            for mask in task.absent:
                if count := int(np.count_nonzero(np.isin(values, mask.values))):
                    what = f"{count} voxels of {mask.name!r}, a segment that the case's own file lacks"
                    io.warn(warning("SC097", f"not everything comes back: {what}", file=Path(task.prediction).name))
        elif task.form in (STACK, PAGES):
            written = _slices(values, task)
        elif task.own_ending.lower() in raster.ENDINGS:
            picture = values[0] if values.ndim == 3 and len(values) == 1 else values
            written = {task.outputs[0]: _picture(_back(picture, task), task.stored, task.own_ending, task.table.coding)}
        else:
            written = _volume(_typed(_back(values, task), task.stored.dtype), volume, task)
        for path, data in written.items():
            io.write(path, data)
    record = CaseRecord(
        case=task.case,
        split="prediction",
        original_name=task.name,
        label_map={str(found): value for found, value in task.table.inverse.items()},
        label_file=task.stored,
    )
    return record.as_json()


def _read(task: RestoreTask, io: CaseIO) -> tuple[NDArray[Any], DecodedVolume | None]:
    """Return the values of a prediction, and the volume that they are of."""
    data = io.read(Path(task.prediction), reading.LONGEST)  # whose head nobody looked at
    if raster.is_picture(data) or task.prediction.lower().endswith(raster.ENDINGS):
        opened = raster.decode(data)
        return grey_mask(opened.stored, opened.header), None
    volume = volumes.decode(data, volumes.ending_of(task.prediction) or task.ending)
    if task.geometry is not None:
        _refuse_other_grid(volume.header.geometry, task.geometry)
    values = volume.values if volume.header.scaled else volume.stored
    return turned_back(values, volume, task.stored.turned_from)


def _refuse_unknown(values: NDArray[Any], task: RestoreTask) -> None:
    unknown = [value for value in label_values(values) if value not in task.table.inverse]
    if unknown:
        raise SegconvError(
            f"holds the value {unknown[0]}, the dataset declares {', '.join(map(str, sorted(task.table.inverse)))}",
            code="SC070",
            hint="check that the prediction is of a model that was trained on this dataset",
        )


def _back(values: NDArray[Any], task: RestoreTask) -> NDArray[Any]:
    """Return a prediction in the user's values, or colours; see `LabelTable`."""
    if task.table.coding == GRAY:
        return remap(values, dict(task.table.inverse))
    table = np.zeros(max(task.table.inverse) + 1, dtype=np.uint32)
    for value, colour in task.table.inverse.items():
        table[value] = colour
    coloured: NDArray[Any] = table[values if values.dtype.kind in "iu" else values.astype(np.int64)]
    return coloured


def _typed(values: NDArray[Any], dtype: str | None) -> NDArray[Any]:
    """Return a label in the integer type of the user's files, if that holds its values."""
    limits = np.iinfo(dtype or "uint8")
    holds = limits.min <= int(values.min()) <= int(values.max()) <= limits.max
    return values.astype(limits.dtype) if holds else values


def _volume(values: NDArray[Any], volume: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    ending = task.own_ending.lower()
    if volume is None:
        raise SegconvError("is a picture, the user's labels are volumes", code="SC051")
    if ending.startswith(".nii"):
        return {task.outputs[0]: nifti_bytes(values, volume, ending, task.stored.forms)}
    grid = volume.header.geometry
    if ending == ".mhd":
        header, raw = volumes.encode_mhd(values, grid, posixpath.basename(task.name), grid.sheared_matrix)
        return dict(zip(task.outputs, (header, raw), strict=True))
    return {task.outputs[0]: volumes.encode(values, grid, ending, grid.sheared_matrix)}


def _picture(values: NDArray[Any], stored: StoredLabel, ending: str, coding: str) -> bytes:
    """Return a mask in the user's own coding: grey of its depth, palette, or colour."""
    if values.ndim != 2:
        raise SegconvError("is a volume, the user's labels are pictures", code="SC051")
    mode, depth, ending = stored.mode or "gray", stored.depth or 8, ending.lower()
    if mode == "palette" and stored.palette:
        entries = stored.palette
        parts = (1, 3, 5, 7) if any(len(entry) > len("#rrggbb") for entry in entries) else (1, 3, 5)
        colours = np.array([[int((c + "ff")[i : i + 2], 16) for i in parts] for c in entries], dtype=np.uint8)
        return _palette(_indices(values, colours, coding), colours, ending, depth)
    if coding == RGB:
        samples = _coloured(values, mode, ending)
    else:
        samples = values.astype(np.uint16 if depth == 16 or int(values.max()) > 255 else np.uint8)
        if mode in ("RGB", "RGBA"):
            samples = np.repeat(samples[..., np.newaxis], 3, axis=-1)
        if mode in WITH_ALPHA:
            opaque = np.full((*samples.shape[:2], 1), np.iinfo(samples.dtype).max, dtype=samples.dtype)
            samples = np.concatenate([samples.reshape(*samples.shape[:2], -1), opaque], axis=-1)
    if ending == ".png" and samples.ndim == 2 and depth < 8 and int(samples.max()) < 1 << depth:
        return raster.encode_few_bits(samples, depth)
    return raster.encode(samples, ending if ending in raster.WRITABLE else ".png")


def _coloured(values: NDArray[Any], mode: str, ending: str) -> NDArray[np.uint8]:
    """Return colours as the user's file holds them, with colour or alpha where it had none and a prediction does."""
    samples = colour_picture(values)
    alpha = mode in WITH_ALPHA or bool((samples[..., -1] != 255).any())
    grey = mode.startswith("gray") and bool((samples[..., :3] == samples[..., :1]).all())
    if grey and not (alpha and ending == ".bmp"):  # which knows no grey with alpha
        samples = samples[..., [0, -1]]
    if not alpha:
        samples = samples[..., :-1]
    return samples[..., 0] if samples.shape[-1] == 1 else samples


def _indices(values: NDArray[Any], colours: NDArray[np.uint8], coding: str) -> NDArray[np.uint8]:
    """Return palette indices: the values themselves, or those of their colours."""
    if coding == GRAY:
        return values.astype(np.uint8)
    codes = palette_codes(colours)
    found = np.zeros(values.shape, dtype=np.uint8)
    for code in np.unique(values).tolist():
        if code not in codes:
            raise SegconvError(f"the palette of the user's mask has no colour {value_text(code, RGB)}", code="SC078")
        found[values == code] = codes.index(code)
    return found


def _palette(indices: NDArray[np.uint8], colours: NDArray[np.uint8], ending: str, depth: int) -> bytes:
    if int(indices.max()) >= len(colours):
        extra = np.zeros((int(indices.max()) + 1 - len(colours), colours.shape[1]), dtype=np.uint8)
        extra[:, 3:] = 255
        colours = np.concatenate([colours, extra])
    ending = ending if ending in raster.WRITABLE else ".png"
    return raster.encode_palette(indices, colours, ending, depth if len(colours) <= 1 << depth else 8)


def _slices(values: NDArray[Any], task: RestoreTask) -> dict[str, bytes]:
    """Return the pictures of a volume: one a slice, or one with pages."""
    back = _back(values, task)
    if task.form == PAGES:
        back = back[::-1] if task.stored.reverse else back
        return {task.outputs[0]: raster.encode_tiff_pages(_typed(back, task.stored.dtype))}
    if len(task.outputs) != len(back):
        raise SegconvError(f"has {len(back)} slices, the user's label {len(task.outputs)}", code="SC082")
    return {
        path: _picture(part, task.stored, posixpath.splitext(path)[1], task.table.coding)
        for path, part in zip(task.outputs, back, strict=True)
    }


def _layers(values: NDArray[Any], volume: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    """Return the separate masks, which may overlap, a file each."""
    made = {}
    for path, stored in zip(task.outputs, task.stored.masks, strict=True):
        mask = np.isin(values, stored.values).astype(np.min_scalar_type(stored.on))
        mask *= mask.dtype.type(stored.on)
        ending = volumes.ending_of(path)
        if ending is None:
            made[path] = _picture(mask, task.stored, posixpath.splitext(path)[1], GRAY)
        else:
            label = StoredLabel(ending, forms=stored.forms or task.stored.forms)
            own = dataclasses.replace(task, stored=label, name=path[: -len(ending)])
            mask, lies = (mask, None) if volume is None else turned_back(mask, volume, stored.turned_from)
            made |= _volume(_typed(mask, stored.dtype), lies, own)
    return made


def _segments(values: NDArray[Any], volume: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    """Return a segmentation of 3D Slicer with its segments and layers."""
    if volume is None:
        raise SegconvError("is a picture, the user's labels are volumes", code="SC051")
    made = {}
    for path in task.outputs:
        file = posixpath.basename(path)
        segments = [one for one in task.stored.segments if (one.file or file) == file]
        made[path] = _segmentation_file(segments, task.stored.grids.get(file), values, volume.header.geometry, task)
    return made


def _segmentation_file(
    stored: Sequence[StoredSegment],
    own: Geometry | None,
    values: NDArray[Any],
    grid: Geometry,
    task: RestoreTask,
) -> bytes:
    """Return one file of segments, on the part of the image that the user's own has if they all lie in it."""
    if own is not None:
        part = reordering(own, grid).grid(own)
        inside = values[placed(part, grid)]
        held = [value for one in stored for value in one.values]
        whole = np.count_nonzero(np.isin(values, held)) > np.count_nonzero(np.isin(inside, held))
        grid, values = (grid, values) if whole else (part, inside)  # a prediction may well reach further
        order = reordering(grid, own)
        values, grid = order.array(values), own if not whole else order.grid(grid)
    segments = [one.segment for one in stored]
    count = max((segment.layer for segment in segments), default=0) + 1
    layers = np.zeros((count, *values.shape), dtype=task.stored.dtype or "uint8")
    for segment, one in zip(segments, stored, strict=True):
        layers[segment.layer][np.isin(values, one.values)] = segment.label_value
    return segmentation.encode(segments, layers, grid)


def _refuse_other_grid(found: Geometry, expected: Geometry) -> None:
    if found.size != expected.size or found.displacement_voxels(expected) > NEAR_GRID_VOXELS:
        raise SegconvError(
            "lies on another grid than the image it was predicted from",
            code="SC083",
            hint="check that prediction and case belong together",
        )
