"""Restore one prediction in a worker: read it, convert it to the user's values, and write the user's files."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import reading
from ...dataset.labels import GRAY
from ...dataset.lineage import PREDICTION, CaseRecord
from ...dataset.stored_label import CHANNELS, LAYERS, PAGES, SEGMENTS, STACK, StoredLabel
from ...errors import SegconvError, naming, warning
from ...image import raster, volumes
from ...image.geometry import NEAR_GRID_VOXELS, Geometry
from ...image.mask_values import grey_mask
from ...image.stored import DecodedVolume
from ...image.voxels import label_values, remap
from ...words import count_of
from ...work.caseio import CaseIO
from ...work.plan import Item
from .pictures import encoded_picture, encoded_planes
from .segments import segments
from .task import RestoreTask
from .way_back import nifti_bytes, turned_back


def restore_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Restore one prediction, in a worker."""
    task: RestoreTask = item.payload
    with naming(task.prediction):
        values, volume = _read(task, io)
        _refuse_unknown(values, task)
        written = _WRITE.get(str(task.form), _whole)(values, volume, task)
        _warn_of_absent(values, task, io)
        for path, data in written.items():
            io.write(path, data)
    record = CaseRecord(
        case=task.case,
        split=PREDICTION,
        original_name=task.name,
        label_map={str(found): value for found, value in task.table.inverse.items()},
        label_file=task.stored,
    )
    return record.as_json()


def _warn_of_absent(values: NDArray[Any], task: RestoreTask, io: CaseIO) -> None:
    """Warn of predicted labels that are not segments of the case's own file."""
    for mask in task.absent if task.form == SEGMENTS else ():
        if count := int(np.count_nonzero(np.isin(values, mask.values))):
            what = f"{count_of(count, 'voxel')} of {mask.name!r}, a segment that the case's own file lacks"
            io.warn(warning("SC097", f"not everything comes back: {what}", file=Path(task.prediction).name))


def _read(task: RestoreTask, io: CaseIO) -> tuple[NDArray[Any], DecodedVolume | None]:
    """Return the values of a prediction, and its volume if it is one."""
    data = io.read(Path(task.prediction), reading.LONGEST)  # its header was not checked
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
    """Return a label in the integer type of the user's files, if its values fit."""
    limits = np.iinfo(dtype or "uint8")
    holds = limits.min <= int(values.min()) <= int(values.max()) <= limits.max
    return values.astype(limits.dtype) if holds else values


def _volume(values: NDArray[Any], volume: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    ending = task.own_ending.lower()
    if volume is None:
        raise SegconvError("is a picture, the user's labels are volumes", code="SC051")
    if ending.startswith(".nii"):
        return {task.outputs[0]: nifti_bytes(values, volume, ending, task.stored.forms, task.names)}
    grid = volume.header.geometry
    if ending == ".mhd":
        header, raw = volumes.encode_mhd(values, grid, posixpath.basename(task.name), grid.sheared_matrix)
        return dict(zip(task.outputs, (header, raw), strict=True))
    return {task.outputs[0]: volumes.encode(values, grid, ending, grid.sheared_matrix)}


def _whole(values: NDArray[Any], volume: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    """Return a label that is a single picture or volume."""
    if task.own_ending.lower() not in raster.ENDINGS:
        return _volume(_typed(_back(values, task), task.stored.dtype), volume, task)
    picture = _back(values[0] if values.ndim == 3 and len(values) == 1 else values, task)
    return {task.outputs[0]: encoded_picture(picture, task.stored, task.own_ending, task.table.coding)}


def _pages(values: NDArray[Any], _: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    """Return the slices of a volume as pages of one picture."""
    back = _back(values, task)[:: -1 if task.stored.reverse else 1]
    return {task.outputs[0]: raster.encode_tiff_pages(_typed(back, task.stored.dtype))}


def _slices(values: NDArray[Any], _: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    """Return the slices of a volume as one picture each."""
    back = _back(values, task)
    if len(task.outputs) != len(back):
        raise SegconvError(f"has {len(back)} slices, the user's label {len(task.outputs)}", code="SC082")
    return {
        path: encoded_picture(part, task.stored, posixpath.splitext(path)[1], task.table.coding)
        for path, part in zip(task.outputs, back, strict=True)
    }


def _layers(values: NDArray[Any], volume: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    """Return the separate masks, which may overlap, one per file."""
    made = {}
    for path, stored in zip(task.outputs, task.stored.masks, strict=True):
        mask = _inside(values, stored.values).astype(np.min_scalar_type(stored.on))
        mask *= mask.dtype.type(stored.on)
        ending = volumes.ending_of(path)
        if ending is None:
            made[path] = encoded_picture(mask, task.stored, posixpath.splitext(path)[1], GRAY)
        else:
            label = StoredLabel(ending, forms=stored.forms or task.stored.forms)
            own = dataclasses.replace(task, stored=label, name=path[: -len(ending)])
            mask, grid = (mask, None) if volume is None else turned_back(mask, volume, stored.turned_from)
            made |= _volume(_typed(mask, stored.dtype), grid, own)
    return made


def _channels(values: NDArray[Any], volume: DecodedVolume | None, task: RestoreTask) -> dict[str, bytes]:
    """Return the separate masks, which may overlap, as channels, samples or pages of one file."""
    dtype = np.dtype(task.stored.dtype or "uint8")
    planes = [_inside(values, mask.values).astype(dtype) * dtype.type(mask.on) for mask in task.stored.masks]
    if task.own_ending.lower() not in raster.ENDINGS:
        return _volume(np.moveaxis(np.stack(planes), 0, -1), volume, task)
    names = [mask.name for mask in task.stored.masks]
    return {task.outputs[0]: encoded_planes(np.stack(planes), task.stored, names, task.own_ending.lower())}


def _inside(values: NDArray[Any], wanted: Sequence[int]) -> NDArray[np.bool_]:
    """Return where values are one of some; a comparison with one takes a tenth of the time of looking it up."""
    return values == wanted[0] if len(wanted) == 1 else np.isin(values, wanted)


def _refuse_other_grid(found: Geometry, expected: Geometry) -> None:
    if found.size != expected.size or found.displacement_voxels(expected) > NEAR_GRID_VOXELS:
        raise SegconvError(
            "is on another grid than the image it was predicted from",
            code="SC083",
            hint="check that prediction and case belong together",
        )


_WRITE = {LAYERS: _layers, CHANNELS: _channels, SEGMENTS: segments, STACK: _slices, PAGES: _pages}
"""Form → function that returns the user's files by path."""
