"""What is done to one case of volumes, in a worker: read once, prove, check, change what must change, write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.layout import image_path, label_path
from ...dataset.stored_label import PAGES, StoredLabel
from ...errors import SegconvError, naming, warning
from ...image import label_like, raster, stack, volumes
from ...image.geometry import Geometry, Volume
from ...image.gzipped import is_gzip
from ...image.stored import ArrayVolume, DecodedVolume, VolumeHeader, laid_anew
from ...image.voxels import refuse_infinite_in_32_bits, shares_of, value_range
from ...words import count_of
from ...work.caseio import CaseIO
from ...work.plan import Item
from ..bands import refuse_as_slices
from ..labels.picture_file import codes_to_settle, open_picture, stored_mask
from ..labels.united_volumes import LOST, union_of
from ..model import DETACHED, FRAME, INSTANCES, LAYERS, SEGMENTS, SERIES, STACK
from ..repairs import cast, finite, turned
from ..source_files import read_head
from ..volumes.frames import frame_of
from ..volumes.slice_order import REVERSE
from .layers import compile_layers
from .pictures import plain_samples
from .placing import FirstImage, Placed, placed_channel, placed_label
from .segments import compile_segments
from .task import CaseTask, Settle, is_identity, record_of, settled, smallest_dtype, warn_empty, written_counts


def convert_volumes(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert the channels and the label of one volume; see the module."""
    task: CaseTask = item.payload
    case = task.source
    mending = task.recipe.mending
    repairs: list[str] = []
    first: FirstImage | None = None
    intensity: list[tuple[float, float]] = []
    shares: list[tuple[float, ...]] = []
    channel = 0
    for path in case.images:
        with naming(task.shown(path)):
            name, grid = task.shown(path), None if first is None else first.grid
            if not task.recipe.verify_source and (header := _carry_unproved(path, channel, grid, task, io)):
                channel += 1
                first = first or FirstImage(header, header.geometry)
                continue
            image, data = open_volume(path, task, io, repairs)
            _warn_odd(image, path, task, io, repairs)
            header = image.header
            image = cast(finite(image, mending, repairs, name), mending, repairs, name)
            # Before any voxel changes its place: a message names one as the user's file has it.
            intensity += [_intensity(image, number, path, task, io) for number in range(image.header.channels)]
            shares += [_shares(image, number) for number in range(image.header.channels)]
            for number in range(image.header.channels):
                _question(image, number, channel, path, task, io)
            if first is None:
                image, takes = turned(image, mending, repairs, name), False
                first = FirstImage(header, image.header.geometry)
            else:
                image, takes = placed_channel(image, first, path, channel, task, io, repairs)
            _write_channels(image, data, path, channel, first.grid if takes else None, task, io)
            channel += image.header.channels
    if channel != task.recipe.channels:
        raise SegconvError(
            f"has {count_of(channel, 'channel')}, expected {task.recipe.channels}",
            code="SC084",
            file=task.shown(case.images[0]),
        )
    written: dict[int, int] = {}
    stored: StoredLabel | None = None
    if case.label is not None and first is not None:
        with naming(task.shown(case.label)):
            written, stored = _convert_label(case.label, first, task, io, repairs)
    stored = stored or task.recipe.label_file
    if first is None:
        return record_of(task, repairs, written, stored)
    return record_of(task, repairs, written, first.way_back().updated(stored), first.grid, intensity, shares)


def open_volume(path: str, task: CaseTask, io: CaseIO, repairs: list[str]) -> tuple[DecodedVolume, bytes | None]:
    """Read and decode an image or a label; return it with its bytes, if it is one file."""
    form = task.source.form(path)
    files = task.source.files_of(path)
    how = task.recipe.read_options
    if form is None:
        data = io.read(Path(path))
        return volumes.decode(data, path, how=how), data
    if form == DETACHED:
        header, voxels = (io.read(Path(file)) for file in files)
        return volumes.decode(header, path, voxels, how=how), None
    if form == SERIES:
        from ...image.formats import dicom  # brings SimpleITK, which other kinds of source need not wait for

        for file in files:
            io.read(Path(file))  # for its hash: SimpleITK opens the files itself
        return dicom.read_series(files, how.max_bytes), None
    if form == FRAME:
        whole = volumes.decode(io.read(Path(path)), path, how=how)
        return frame_of(whole, task.source.parts[path]), None
    slices = []
    for file in files:
        with naming(task.shown(file)):
            opened = open_picture(io.read(Path(file)))
            refuse_as_slices(opened.header)
            samples = opened.stored
            if samples.dtype in (np.uint8, np.uint16, np.bool_) and opened.header.pages == 1:
                samples = plain_samples(opened, [], task.recipe)  # of what a picture may be; HU are as they are
            slices.append(samples)
    return _stacked(slices, task), None


def _stacked(slices: list[NDArray[Any]], task: CaseTask) -> ArrayVolume:
    """Return a volume of slices ``(y, x)``, or of one picture with pages ``(page, y, x)``."""
    array = slices[0] if len(slices) == 1 and slices[0].ndim == 3 else stack.assemble(slices)
    if array.ndim != 3:
        raise SegconvError("has slices in colour, expected one value a voxel", code="SC056")
    if task.recipe.spacing_mm is None:
        raise SegconvError("is made of slices, whose spacing is not known", code="SC057", hint="--spacing X,Y,Z in mm")
    header = VolumeHeader(stack.geometry_of(array, task.recipe.spacing_mm), 1, array.dtype, 1.0, 0.0, False, ())
    return ArrayVolume(header, False, False, array)


def _intensity(image: DecodedVolume, number: int, path: str, task: CaseTask, io: CaseIO) -> tuple[float, float]:
    low, high = value_range(image.channel(number))
    if low == high:
        io.warn(warning("SC077", f"all voxels are {low:g}", file=task.shown(path)))
    header = image.header
    ends = sorted((header.slope * low + header.intercept, header.slope * high + header.intercept))
    refuse_infinite_in_32_bits(*ends)
    return ends[0], ends[1]


def _shares(image: DecodedVolume, number: int) -> tuple[float, ...]:
    header = image.header
    values = [header.slope * value + header.intercept for value in shares_of(image.channel(number))]
    return tuple(sorted(values))


def _question(image: DecodedVolume, number: int, first: int, path: str, task: CaseTask, io: CaseIO) -> None:
    """Warn of a channel that holds what labels do, whoever declared it."""
    header, names = image.header, task.recipe.channel_names
    name = names[first + number] if first + number < len(names) else ""
    told = label_like.told_of(image.channel(number), header.slope, header.intercept, name)
    if told is not None:
        io.warn(warning("SC091", told, file=task.shown(path), hint=label_like.CURE))


def _convert_label(
    path: str, first: FirstImage, task: CaseTask, io: CaseIO, repairs: list[str]
) -> tuple[dict[int, int], StoredLabel]:
    """Convert a label; return its voxels by value, and how it is stored."""
    target = label_path(task.source.case, task.recipe.ending, task.source.split)
    form = task.source.form(path)
    if form in (LAYERS, SEGMENTS):
        return _compile(path, target, first, task, io, repairs)
    if form == STACK:
        values, stored, settle = _label_stack(path, first.own, task, io)
        counts, snapped = settled(values, settle, task, path, io, repairs)
        _write_label(task.recipe.coding.apply(values, snapped), target, first.grid, task, io)
        written = written_counts(counts, task)
        warn_empty(written, task, io)
        return written, stored
    if form == INSTANCES:
        placed, data = _united(path, first, task, io, repairs), None
    else:
        placed, data = _placed(path, first, task, io, repairs)
    label, takes_header = placed.volume, placed.takes_header
    values = label.values if label.header.scaled else label.stored
    counts, snapped = settled(values, task.recipe.coding.settle, task, path, io, repairs)
    same_kind = label.header.dtype.kind in "iu" and label.header.dtype.itemsize <= 2 and not label.header.scaled
    same = not snapped and is_identity(counts, task) and label.plain and same_kind and not takes_header
    if same and not task.recipe.strip_headers and data is not None and _same_ending(path, task.recipe.ending):
        io.place(Path(path), data, target, task.how)
    else:
        if not same_kind:
            repairs.append(f"label stored as {label.header.dtype.name}, written as an integer")
        dense = task.recipe.coding.apply(values, snapped)
        grid = first.grid if takes_header else label.header.geometry
        io.write(target, *label.header.encoded(dense, grid, task.recipe.ending))
    written = written_counts(counts, task)
    warn_empty(written, task, io)
    own = task.source.parts[path].files[0] if form == INSTANCES else path
    lost = placed.lost
    if form == FRAME:
        lost = lost or "the file of all frames: each frame comes back as a file of its own"
    stored = StoredLabel(volumes.ending_of(own) or task.recipe.ending, smallest_dtype(label.stored), lost=lost)
    return written, stored.updated(placed.way_back)


def _placed(
    path: str, first: FirstImage, task: CaseTask, io: CaseIO, repairs: list[str]
) -> tuple[Placed, bytes | None]:
    """Return a label as it lies on its image, and its bytes, if it is one file."""
    label, data = open_volume(path, task, io, repairs)
    _warn_odd(label, path, task, io, repairs)
    if label.header.four_dimensional:
        raise SegconvError("is a label of four dimensions, expected one value a voxel", code="SC073")
    return placed_label(label, first, task.recipe.table.class_of, path, task, io, repairs), data


def _united(path: str, first: FirstImage, task: CaseTask, io: CaseIO, repairs: list[str]) -> Placed:
    """Return the union of masks of one object each, as it lies on their image."""
    files = task.source.parts[path].files
    placed = []
    for file in files:
        with naming(task.shown(file)):
            placed.append(_placed(file, first, task, io, repairs)[0])
    repairs.append(f"{len(files)} masks of one object each united")
    union = union_of([one.volume.values for one in placed], [task.shown(file) for file in files])
    volume = laid_anew(placed[0].volume, union, placed[0].volume.header.geometry)
    volume = replace(volume, header=replace(volume.header, slope=1.0, intercept=0.0))  # the values, not what is stored
    return replace(placed[0], volume=volume, takes_header=any(one.takes_header for one in placed), lost=LOST)


def _write_label(dense: NDArray[Any], target: str, geometry: Geometry, task: CaseTask, io: CaseIO) -> None:
    io.write(target, volumes.encode(dense, geometry, task.recipe.ending))


def _label_stack(path: str, own: Geometry, task: CaseTask, io: CaseIO) -> tuple[NDArray[Any], StoredLabel, Settle]:
    """Return the values of a label of pictures, turned as its image is, how they are stored, and how settled."""
    coding = task.recipe.coding
    settle = coding.settle
    slices: list[NDArray[Any]] = []
    stored = StoredLabel()
    files = task.source.files_of(path)
    reverse = REVERSE in task.source.parts[path].names
    for file in files:
        with naming(task.shown(file)):
            opened = open_picture(io.read(Path(file)))
            if opened.header.pages > 1:
                slices += list(opened.stored)[:: -1 if reverse else 1]
            else:
                slices.append(codes_to_settle(opened, coding))
            settle = coding.settle_lossy if opened.header.lossy else settle
            stored = stored.updated(stored_mask(opened))
    values = stack.assemble(slices)
    if values.shape != own.array_shape:
        raise SegconvError(f"has the size {values.shape[::-1]}, its image {own.size}", code="SC082")
    values = task.recipe.mending.turned(Volume(values, own)).array
    if len(files) == 1:
        return values, replace(stored, reverse=reverse, form=PAGES, ending=Path(files[0]).suffix), settle
    return values, replace(stored, form=STACK, slices=tuple(map(_as_kept, files))), settle


def _as_kept(file: str) -> str:
    """Return what a slice is called on the way back, which leads to no lossy format."""
    path = Path(file)
    return path.name if path.suffix.lower() in raster.WRITABLE else f"{path.stem}.png"


def _compile(
    path: str, target: str, first: FirstImage, task: CaseTask, io: CaseIO, repairs: list[str]
) -> tuple[dict[int, int], StoredLabel]:
    if task.source.form(path) == SEGMENTS:
        dense, written, stored = compile_segments(task.source, io, first.grid, task, repairs)
    else:
        dense, written, stored = _compile_masks(path, first, task, io, repairs)
    _write_label(dense, target, first.grid, task, io)
    warn_empty(written, task, io)
    return written, stored


def _compile_masks(
    path: str, first: FirstImage, task: CaseTask, io: CaseIO, repairs: list[str]
) -> tuple[NDArray[Any], dict[int, int], StoredLabel]:
    parts = task.source.parts[path]
    names = dict(zip(parts.files, parts.names, strict=True))
    back: dict[str, StoredLabel] = {}

    def values_of(file: str) -> NDArray[Any]:
        mask, _ = open_volume(file, task, io, repairs)
        if mask.header.four_dimensional:
            raise SegconvError("is a mask of four dimensions, expected one value a voxel", code="SC073")
        _warn_odd(mask, file, task, io, repairs)
        placed = placed_label(mask, first, lambda value: names[file] if value else None, file, task, io, repairs)
        back[file] = placed.way_back
        return placed.volume.values

    dense, written, stored = compile_layers(path, first.grid.array_shape, values_of, task)
    masks = []
    for mask, file in zip(stored.masks, parts.files, strict=True):
        kept = mask.file + (task.recipe.ending if task.source.form(file) == SERIES else "")  # which is one volume then
        masks.append(replace(mask, file=kept, turned_from=back[file].turned_from, forms=back[file].forms))
    endings = {volumes.ending_of(file) or task.recipe.ending for file in parts.files}
    ending = next(iter(endings)) if len(endings) == 1 else task.recipe.ending
    return dense, written, replace(stored, ending=ending, masks=tuple(masks))


def _write_channels(
    image: DecodedVolume,
    data: bytes | None,
    path: str,
    first: int,
    geometry: Geometry | None,
    task: CaseTask,
    io: CaseIO,
) -> None:
    """Write each channel: unchanged bytes where that is one file, otherwise slabs of bytes behind a new header.

    Parameters
    ----------
    geometry
        The grid to write instead of the image's own.
    """
    case, ending = task.source, task.recipe.ending
    one_file = data is not None and not image.header.four_dimensional and _same_ending(path, ending)
    if image.plain and not task.recipe.strip_headers and data is not None and one_file and geometry is None:
        io.place(Path(path), data, image_path(case.case, first, ending, case.split), task.how)
        return
    for channel in range(image.header.channels):
        target = image_path(case.case, first + channel, ending, case.split)
        io.write(target, *image.encoded(ending, geometry, channel))


def _carry_unproved(
    path: str, channel: int, geometry: Geometry | None, task: CaseTask, io: CaseIO
) -> VolumeHeader | None:
    """Copy a volume that its header shows to need no change, without inflating it (``--no-verify-source``).

    Returns
    -------
    header
        None if it must be opened after all.
    """
    if task.recipe.strip_headers or task.source.form(path) is not None or not _same_ending(path, task.recipe.ending):
        return None
    if is_gzip(read_head(path, 2)) is not path.lower().endswith(".gz"):
        return None  # readers go by the ending
    header = volumes.probe_file(path, task.recipe.read_options)
    if not header.plain or header.four_dimensional or (geometry is not None and header.geometry != geometry):
        return None
    if not task.recipe.mending.leaves(header):
        return None
    io.carry(Path(path), image_path(task.source.case, channel, task.recipe.ending, task.source.split), task.how)
    return header


def _same_ending(path: str, ending: str) -> bool:
    return volumes.ending_of(path) == ending


def _warn_odd(image: DecodedVolume, path: str, task: CaseTask, io: CaseIO, repairs: list[str]) -> None:
    name = task.shown(path)
    for code, message in image.header.oddities:
        io.warn(warning(code, message, file=name))
        repairs.append(f"{name}: {message}")
    if image.trailing:
        io.warn(warning("SC059", "bytes after the end were dropped", file=name))
        repairs.append(f"{name}: bytes after the end dropped")
