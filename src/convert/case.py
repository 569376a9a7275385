"""What is done to one case, in a worker: read once, prove, check, change what must change, write.

One function for pictures and one for volumes; both get a `CaseTask` and return the case's lineage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import BACKGROUND
from ..dataset.layout import image_path, label_path
from ..dataset.lineage import CaseRecord
from ..errors import SegconvError, naming, warning
from ..image import nifti, picture
from ..image.geometry import NEAR_GRID_VOXELS, SAME_GRID_VOXELS, Geometry
from ..image.mask import grey_mask
from ..image.voxels import label_values, position, remap, value_range
from ..work.caseio import CaseIO
from ..work.plan import Item
from .source import SourceCase, shown

SHOWN_VALUES = 5


@dataclass(frozen=True)
class CaseTask:
    """Payload of a work item.

    Parameters
    ----------
    source
        The files.
    root
        Root of the source, for messages.
    channels
        Number of channels that the case must have.
    forward
        Label value as found → as written.
    ending
        Of the dataset's files.
    label_file
        Goes into the lineage.
    label_header
        ``"image"``: a label on another grid takes the image's header.
    verify_source
        Prove files that are carried over unchanged.
    max_volume
        Largest decoded file, in bytes.
    """

    source: SourceCase
    root: str
    channels: int
    forward: Mapping[int, int]
    ending: str
    label_file: Mapping[str, str]
    label_header: str | None = None
    verify_source: bool = True
    max_volume: int = nifti.MAX_VOLUME

    def outputs(self) -> tuple[str, ...]:
        """Return the paths that the case is written to, relative to the dataset."""
        case, split = self.source.case, self.source.split
        # A picture holds its channels in one file.
        files = 1 if self.ending == ".png" else self.channels
        images = [image_path(case, channel, self.ending, split) for channel in range(files)]
        return (*images, label_path(case, self.ending, split)) if self.source.label else tuple(images)


def convert_pictures(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert one picture and its mask; see the module."""
    task: CaseTask = item.payload
    case = task.source
    repairs: list[str] = []
    with naming(shown(case.images[0], Path(task.root))):
        data = io.read(Path(case.images[0]))
        header, plain = picture.prove(data)
        image_out = image_path(case.case, 0, task.ending, case.split)
        if plain and header.depth >= 8 and header.kind in ("gray", "RGB"):
            io.write(image_out, data, sha256=io.sha256_of(Path(case.images[0])))
        else:
            io.write(image_out, picture.encode(_plain_picture(data, header, plain, repairs)))
    counts: dict[int, int] = {}
    if case.label is not None:
        with naming(shown(case.label, Path(task.root))):
            data = io.read(Path(case.label))
            mask_header, plain = picture.prove(data)
            if (mask_header.width, mask_header.height) != (header.width, header.height):
                raise SegconvError(f"is {mask_header}, its picture {header}", code="SC082")
            mask = grey_mask(picture.decode(data, mask_header), mask_header)
            counts = _declared_counts(mask, task)
            label_out = label_path(case.case, task.ending, case.split)
            unchanged = _identity(counts, task) and plain and mask_header.kind == "gray" and mask_header.depth == 8
            if unchanged:
                io.write(label_out, data, sha256=io.sha256_of(Path(case.label)))
            else:
                io.write(label_out, picture.encode(remap(mask, dict(task.forward))))
            _warn_empty(counts, task, io)
    return _record(task, repairs, counts, None)


def convert_volumes(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert the channels and the label of one volume; see the module."""
    task: CaseTask = item.payload
    case = task.source
    repairs: list[str] = []
    geometry: Geometry | None = None
    channel = 0
    for path in case.images:
        with naming(shown(path, Path(task.root))):
            if not task.verify_source and _carry_unproved(path, channel, task, io):
                channel += 1
                geometry = geometry or nifti.probe(_head(path)).geometry
                continue
            data = io.read(Path(path))
            image = nifti.decode(data, task.max_volume)
            _warn_odd(image, data, path, task, io, repairs)
            if geometry is None:
                geometry = image.header.geometry
            else:
                _same_grid(image.header.geometry, geometry, "the first channel")
            low, high = value_range(image.stored)
            if low == high:
                io.warn(warning("SC077", f"all voxels are {low:g}", file=shown(path, Path(task.root))))
            _write_channels(image, data, path, channel, task, io)
            channel += image.header.channels
    if channel != task.channels:
        raise SegconvError(
            f"has {channel} channels, expected {task.channels}",
            code="SC084",
            file=shown(case.images[0], Path(task.root)),
        )
    counts: dict[int, int] = {}
    if case.label is not None and geometry is not None:
        with naming(shown(case.label, Path(task.root))):
            counts = _convert_label(case.label, geometry, task, io, repairs)
    return _record(task, repairs, counts, geometry)


def _convert_label(path: str, geometry: Geometry, task: CaseTask, io: CaseIO, repairs: list[str]) -> dict[int, int]:
    data = io.read(Path(path))
    label = nifti.decode(data, task.max_volume)
    _warn_odd(label, data, path, task, io, repairs)
    if label.header.four_dimensional:
        raise SegconvError("is a label of four dimensions, expected one value a voxel", code="SC073")
    takes_header = False
    try:
        apart = _same_grid(label.header.geometry, geometry, "its image")
    except SegconvError as error:
        if task.label_header != "image" or error.code != "SC083":
            raise
        apart = None
    if apart is None or apart > SAME_GRID_VOXELS:
        takes_header = True
        how_far = "on another grid" if apart is None else f"{apart:.3g} voxels off its image's grid"
        io.warn(warning("SC093", f"was {how_far}; it took the image's header", file=shown(path, Path(task.root))))
        repairs.append("label took the image's header")
    values = label.values if label.header.scaled else label.stored
    counts = _declared_counts(values, task)
    target = label_path(task.source.case, task.ending, task.source.split)
    same_kind = label.header.dtype.kind in "iu" and label.header.dtype.itemsize <= 2 and not label.header.scaled
    if _identity(counts, task) and label.plain and same_kind and not takes_header and _same_ending(path, task.ending):
        io.write(target, data, sha256=io.sha256_of(Path(path)))
    else:
        if not same_kind:
            repairs.append(f"label stored as {label.header.dtype.name}, written as an integer")
        dense = remap(values, dict(task.forward))
        if takes_header or not label.header.plain:
            buffers = nifti.encode(dense, geometry)
        else:
            buffers = nifti.encode_like(dense, label.header)
        io.write(target, nifti.compress(buffers, task.ending))
    _warn_empty(counts, task, io)
    return counts


def _write_channels(image: nifti.Nifti, data: bytes, path: str, first: int, task: CaseTask, io: CaseIO) -> None:
    """Write each channel: unchanged bytes where that is one file, otherwise slabs of bytes behind a new header."""
    case = task.source
    if image.plain and not image.header.four_dimensional and _same_ending(path, task.ending):
        target = image_path(case.case, first, task.ending, case.split)
        io.write(target, data, sha256=io.sha256_of(Path(path)))
        return
    head = nifti.channel_header(image.header)
    native = image.header.dtype.isnative
    for channel in range(image.header.channels):
        slab: Any = image.channel_bytes(channel)
        if not native:
            swapped = np.frombuffer(slab, dtype=image.header.dtype)
            slab = swapped.astype(image.header.dtype.newbyteorder("=")).view(np.uint8)
        target = image_path(case.case, first + channel, task.ending, case.split)
        io.write(target, nifti.compress([head, slab], task.ending))


def _carry_unproved(path: str, channel: int, task: CaseTask, io: CaseIO) -> bool:
    """Copy a volume that its header shows to need no change, without inflating it (``--no-verify-source``)."""
    header = nifti.probe(_head(path))
    if not header.plain or header.four_dimensional or not _same_ending(path, task.ending):
        return False
    io.carry(Path(path), image_path(task.source.case, channel, task.ending, task.source.split))
    return True


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(nifti.HEAD_BYTES)


def _same_ending(path: str, ending: str) -> bool:
    return path.lower().endswith(ending) and (ending != ".nii.gz" or path.lower().endswith(".nii.gz"))


def _same_grid(grid: Geometry, reference: Geometry, whose: str) -> float:
    """Return how many voxels two grids lie apart; refuse more than `NEAR_GRID_VOXELS`."""
    if grid.size != reference.size:
        raise SegconvError(f"has the size {grid.size}, {whose} {reference.size}", code="SC082")
    apart = grid.displacement_voxels(reference)
    if apart > NEAR_GRID_VOXELS:
        what = "spacing" if not np.allclose(grid.spacing_mm, reference.spacing_mm, rtol=1e-3) else "origin or direction"
        raise SegconvError(
            f"differs from {whose} in {what}: corners lie {apart:.3g} voxels apart, at most {NEAR_GRID_VOXELS} may",
            code="SC083",
            hint="--label-header image if only the header is wrong; segconv repair resamples",
        )
    return apart


def _plain_picture(data: bytes, header: picture.PictureHeader, plain: bool, repairs: list[str]) -> NDArray[Any]:
    """Return a picture as 8-bit grey or RGB, or 16-bit grey, and say what was changed."""
    if header.kind == "palette":
        repairs.append("palette picture expanded to RGB")
        return picture.decode_rgb(data)
    samples = picture.decode(data, header)
    if not plain:
        repairs.append("bytes after the end of the picture dropped")
    if header.kind in ("gray+alpha", "RGBA"):
        if (samples[..., -1] != 255).any():
            raise SegconvError(
                "has transparent pixels, which nnU-Net would take for a channel",
                code="SC084",
                hint="export the pictures without alpha",
            )
        repairs.append("opaque alpha channel dropped")
        samples = samples[..., 0] if header.kind == "gray+alpha" else samples[..., :3]
    if header.depth < 8:
        repairs.append(f"{header.depth}-bit grey scaled to 8 bits")
        samples = samples * (255 // ((1 << header.depth) - 1))
    return samples.astype(np.uint8 if header.depth < 16 else np.uint16, copy=False)


def _declared_counts(values: NDArray[Any], task: CaseTask) -> dict[int, int]:
    """Return value → number of voxels; refuse values that are not declared."""
    counts = label_values(values)
    unknown = [value for value in counts if value not in task.forward]
    if unknown:
        at = position(values == unknown[0])
        more = (
            f"; {len(unknown)} such values: {', '.join(map(str, unknown[:SHOWN_VALUES]))}" if len(unknown) > 1 else ""
        )
        declared = ", ".join(map(str, sorted(task.forward)[:20]))
        raise SegconvError(
            f"holds the value {unknown[0]} in {counts[unknown[0]]} voxels, the first at {at}{more};"
            f" declared are {declared}",
            code="SC070",
            hint=f"--map {unknown[0]}=NAME counts it as a label, --labels declares another set",
        )
    return counts


def _identity(counts: Mapping[int, int], task: CaseTask) -> bool:
    return all(task.forward[value] == value for value in counts)


def _warn_empty(counts: Mapping[int, int], task: CaseTask, io: CaseIO) -> None:
    if {task.forward[value] for value in counts} == {0}:
        io.warn(
            warning("SC075", f"holds nothing but {BACKGROUND}", file=shown(task.source.label or "", Path(task.root)))
        )


def _warn_odd(image: nifti.Nifti, data: bytes, path: str, task: CaseTask, io: CaseIO, repairs: list[str]) -> None:
    name = shown(path, Path(task.root))
    for code, message in image.header.oddities:
        io.warn(warning(code, message, file=name))
        repairs.append(f"{name}: {message}")
    if not image.plain and nifti.trailing_bytes(data, image):
        io.warn(warning("SC059", "bytes after the end were dropped", file=name))
        repairs.append(f"{name}: bytes after the end dropped")


def _record(task: CaseTask, repairs: list[str], counts: Mapping[int, int], geometry: Geometry | None) -> dict[str, Any]:
    case = task.source
    written: dict[int, int] = {}
    for value, number in counts.items():
        written[task.forward[value]] = written.get(task.forward[value], 0) + number
    record = CaseRecord(
        case=case.case,
        split=case.split,
        patient=case.patient,
        original_name=case.original_name,
        label_map={str(found): value for found, value in task.forward.items()},
        label_file=dict(task.label_file),
        label_voxels={str(value): number for value, number in sorted(written.items())},
        geometry=geometry.as_json() if geometry is not None else None,
        repairs=repairs,
    )
    return dataclasses.asdict(record)
