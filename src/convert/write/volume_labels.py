"""Convert the label of one volume case: one file, slices, masks of objects or classes, or segments."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.losses import FRAMES, UNITED, Loss
from ...dataset.stored_label import PAGES, StoredLabel
from ...dataset.stored_label import STACK as SLICES
from ...errors import SegconvError
from ...image import raster, stack, volumes
from ...image.geometry import Geometry, Volume
from ...image.stored import VolumeHeader, laid_anew
from ..accepted import REVERSE
from ..model import CHANNELS, FRAME, INSTANCES, LAYERS, SEGMENTS, SERIES, STACK
from .placing import FirstImage, Placed, placed_label
from .resampling import ClassOf
from .volume_files import open_volume, same_ending, warn_odd
from .work import CaseWork, Settle, WrittenLabel, smallest_dtype


def convert_label(work: CaseWork, path: str, first: FirstImage) -> WrittenLabel:
    """Write the label of a case on the grid of its first image."""
    form = work.source.form(path)
    if form == LAYERS:
        return _write(work, first.grid, *_compile_masks(work, path, first))
    if form == CHANNELS:
        return _write(work, first.grid, *_compile_channels(work, path, first))
    if form == SEGMENTS:
        from .segments import compile_segments

        return _write(work, first.grid, *compile_segments(work, path, first.grid))
    if form == STACK:
        return _convert_slices(work, path, first)
    return _convert_volume(work, path, first)


def _write(work: CaseWork, grid: Geometry, dense: NDArray[Any], label: WrittenLabel) -> WrittenLabel:
    work.io.write(work.label_target, volumes.encode(dense, grid, work.recipe.ending))
    return label


def _convert_slices(work: CaseWork, path: str, first: FirstImage) -> WrittenLabel:
    """Write a label of pictures; it is on the grid of its image."""
    values, stored, settle = _label_stack(work, path, first.own)
    settled = work.settled(path, values, settle)
    return _write(work, first.grid, settled.dense(values), work.written(settled.voxels, stored))


def _convert_volume(work: CaseWork, path: str, first: FirstImage) -> WrittenLabel:
    """Write a label that is a volume, or the union of several."""
    form = work.source.form(path)
    placed, data = (_united(work, path, first), None) if form == INSTANCES else _placed(work, path, first)
    label = placed.volume
    values = label.values if label.header.scaled else label.stored
    settled = work.settled(path, values, work.coding.settle)
    small = _in_small_integers(label.header)
    same = small and settled.unchanged and _may_be_carried(work, placed)
    if data is not None and same and same_ending(work, path):
        work.place(path, data, work.label_target)
    else:
        if not small:
            work.repairs.append(f"label stored as {label.header.dtype.name}, written as an integer")
        grid = first.grid if placed.takes_header else label.header.geometry
        pieces = label.header.encoded(settled.dense(values), grid, work.recipe.ending)
        work.io.write(work.label_target, *pieces)
    return work.written(settled.voxels, _stored(work, path, placed))


def _in_small_integers(header: VolumeHeader) -> bool:
    return header.dtype.kind in "iu" and header.dtype.itemsize <= 2 and not header.scaled


def _may_be_carried(work: CaseWork, placed: Placed) -> bool:
    """Return whether a label that keeps its values may go into the dataset byte for byte."""
    return placed.volume.plain and not placed.takes_header and not work.options.strip_headers


def _stored(work: CaseWork, path: str, placed: Placed) -> StoredLabel:
    """Return how a label that is one volume, or the union of several, is stored."""
    form = work.source.form(path)
    own = work.source.parts[path].files[0] if form == INSTANCES else path
    losses = [placed.lost, Loss(FRAMES) if form == FRAME else None]
    stored = StoredLabel(
        volumes.ending_of(own) or work.recipe.ending,
        smallest_dtype(placed.volume.stored),
        losses=tuple(loss for loss in losses if loss is not None),
    )
    return stored.updated(placed.way_back)


def _placed(
    work: CaseWork, path: str, first: FirstImage, class_of: ClassOf | None = None
) -> tuple[Placed, bytes | None]:
    """Return a label on the grid of its image, with its bytes if it is a single file."""
    label, data = open_volume(work, path)
    warn_odd(work, path, label)
    if label.header.four_dimensional:
        raise SegconvError("is a label of four dimensions, expected one value per voxel", code="SC073")
    return placed_label(work, path, label, first, class_of or work.recipe.table.class_of), data


def _united(work: CaseWork, path: str, first: FirstImage) -> Placed:
    """Return the union of masks of one object each, on the grid of their image."""
    from ..labels.united_volumes import union_of

    files = work.source.parts[path].files
    placed = []
    for file in files:
        with work.naming(file):
            placed.append(_placed(work, file, first)[0])
    work.repairs.append(f"{len(files)} masks of one object each united")
    union = union_of([one.volume.values for one in placed], [work.shown(file) for file in files])
    volume = laid_anew(placed[0].volume, union, placed[0].volume.header.geometry)
    volume = replace(volume, header=replace(volume.header, slope=1.0, intercept=0.0))  # real values, not stored ones
    return replace(
        placed[0], volume=volume, takes_header=any(one.takes_header for one in placed), lost=Loss(UNITED, len(files))
    )


def _label_stack(work: CaseWork, path: str, own: Geometry) -> tuple[NDArray[Any], StoredLabel, Settle]:
    """Return the values of a label of pictures, turned like its image; also how they are stored and how to settle them.

    Parameters
    ----------
    own
        Grid of its image, as in the file.
    """
    from ..labels.picture_file import codes_to_settle, stored_mask

    coding = work.coding
    settle = coding.settle
    slices: list[NDArray[Any]] = []
    stored = StoredLabel()
    files = work.source.files_of(path)
    reverse = REVERSE in work.source.parts[path].names
    for file in files:
        with work.naming(file):
            opened = work.picture(file)
            if opened.header.pages > 1:
                slices += list(opened.stored)[:: -1 if reverse else 1]
            else:
                slices.append(codes_to_settle(opened, coding))
            settle = coding.settle_lossy if opened.header.lossy else settle
            stored = stored.updated(stored_mask(opened))
    values = stack.assemble(slices)
    if values.shape != own.array_shape:
        raise SegconvError(f"has the size {values.shape[::-1]}, its image {own.size}", code="SC082")
    values = work.options.allowed_repairs.turned(Volume(values, own)).array
    if len(files) == 1:
        return values, replace(stored, reverse=reverse, form=PAGES, ending=Path(files[0]).suffix), settle
    return values, replace(stored, form=SLICES, slices=tuple(map(_as_kept, files))), settle


def _as_kept(file: str) -> str:
    """Return the file name of a restored slice, which is never written in a lossy format."""
    path = Path(file)
    return path.name if path.suffix.lower() in raster.WRITABLE else f"{path.stem}.png"


def _compile_masks(work: CaseWork, path: str, first: FirstImage) -> tuple[NDArray[Any], WrittenLabel]:
    from .layers import compile_layers

    parts, ending = work.source.parts[path], work.recipe.ending
    names = dict(zip(parts.files, parts.names, strict=True))
    back: dict[str, StoredLabel] = {}

    def values_of(file: str) -> NDArray[Any]:
        placed, _ = _placed(work, file, first, lambda value: names[file] if value else None)
        back[file] = placed.way_back
        return placed.volume.values

    dense, label = compile_layers(work, path, first.grid.array_shape, values_of)
    masks = []
    for mask, file in zip(label.stored.masks, parts.files, strict=True):
        kept = mask.file + (ending if work.source.form(file) == SERIES else "")  # a series is restored as one volume
        masks.append(replace(mask, file=kept, turned_from=back[file].turned_from, forms=back[file].forms))
    endings = {volumes.ending_of(file) or ending for file in parts.files}
    stored = replace(label.stored, ending=endings.pop() if len(endings) == 1 else ending, masks=tuple(masks))
    return dense, replace(label, stored=stored)


def _compile_channels(work: CaseWork, path: str, first: FirstImage) -> tuple[NDArray[Any], WrittenLabel]:
    """Compile the masks in the channels of one file."""
    from ..volumes.frames import channel_of
    from .layers import compile_layers

    names = work.source.parts[path].names
    placed: list[Placed] = []

    def values_of(_: str) -> NDArray[Any]:
        whole, _data = open_volume(work, path)
        warn_odd(work, path, whole)
        for number in range(whole.header.channels):
            name = names[number] if number < len(names) else ""
            placed.append(placed_label(work, path, channel_of(whole, number), first, partial(_class_of, name)))
        return np.stack([one.volume.values for one in placed])

    dense, label = compile_layers(work, path, first.grid.array_shape, values_of)
    work.repairs[:] = dict.fromkeys(work.repairs)  # channels have the same
    losses = dict.fromkeys(one.lost for one in placed if one.lost is not None)
    stored = replace(label.stored, ending=volumes.ending_of(path), dtype=label.stored.masks[0].dtype).losing(*losses)
    return dense, replace(label, stored=stored.updated(placed[0].way_back))


def _class_of(name: str, value: int) -> str | None:
    return name if value else None
