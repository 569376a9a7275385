"""What is done to one case of pictures, in a worker: read once, prove, check, change what must change, write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...dataset.labels import GRAY
from ...dataset.layout import image_path, label_path
from ...dataset.stored_label import StoredLabel
from ...errors import SegconvError, naming, warning
from ...image import raster, volumes
from ...image.geometry import Geometry
from ...image.mask import WITH_ALPHA
from ...image.picture import NNUNET_PIXELS, Picture, PictureHeader
from ...words import count_of
from ...work.caseio import CaseIO
from ...work.plan import Item
from ..bands import KIND, may_have_alpha
from ..labels.picture_file import Samples, WithoutAlpha, codes_to_settle, exact_codes, open_picture, stored_mask
from ..model import INSTANCES, LAYERS
from .layers import compile_layers
from .task import PICTURES, CaseTask, Recipe, is_identity, record_of, settled, warn_empty, written_counts

PSEUDO_SPACING_MM = (1.0, 1.0, 999.0)
"""Of a picture as a volume of one slice: nnU-Net v1 takes an axis of that spacing for none (its own 2D converter)."""

RGB_CHANNELS = 3

CONSTANT_PACKS = 4
SMALL_PNG = 4096
"""Bytes that a PNG may take for what is not pixels."""


def convert_pictures(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert the pictures and the mask of one case; see the module."""
    task: CaseTask = item.payload
    case = task.source
    repairs: list[str] = []
    intensity: list[tuple[float, float]] = []
    size: tuple[int, int] | None = None
    first = held = 0
    for path in case.images:
        with naming(task.shown(path)):
            opened = open_picture(io.read(Path(path)), drop_alpha=task.recipe.drop_alpha)
            _refuse_pages(opened.header)
            own = (opened.header.width, opened.header.height)
            if size is not None and own != size:
                raise SegconvError(f"is {opened.header}, the first channel {size[0]}×{size[1]}", code="SC082")
            size = own
            own_channels = 1 if opened.header.kind == KIND else _channels(opened.header, task)
            held = held or own_channels
            if task.recipe.ending in PICTURES and own_channels != held:
                raise SegconvError(
                    f"is {opened.header}, the first file of the case holds {count_of(held, 'channel')}: nnU-Net stacks"
                    " files that hold as many",
                    code="SC084",
                    hint="--format nii.gz writes every channel into a file of its own",
                )
            first += _write_image(opened, path, first, task, io, repairs)
            _warn_of_image(opened, path, task, io)
    if first != task.recipe.channels and task.recipe.ending not in PICTURES:
        raise SegconvError(
            f"has {first} channels, expected {task.recipe.channels}", code="SC084", file=task.shown(case.images[0])
        )
    written: dict[int, int] = {}
    stored: StoredLabel | None = None
    if case.label is not None and size is not None:
        with naming(task.shown(case.label)):
            written, stored = _convert_mask(case.label, size, task, io, repairs)
    return record_of(task, repairs, written, stored, None, intensity)


def _write_image(opened: Picture, path: str, first: int, task: CaseTask, io: CaseIO, repairs: list[str]) -> int:
    """Write the channels of one picture; return how many they are."""
    header, ending, case = opened.header, task.recipe.ending, task.source
    count = _channels(header, task)
    exact = count == header.channels and header.format == "PNG" and header.depth >= 8 and header.kind in ("gray", "RGB")
    if ending in PICTURES and header.kind != KIND:
        # Colours share a file; what has one channel a file is numbered by channels.
        number = case.images.index(path) if count > 1 else first
        target = image_path(case.case, number, ending, case.split)
        if opened.plain and exact and ending == ".png" and not task.recipe.strip_headers:
            io.place(Path(path), opened.data, target, task.how)
        else:
            samples = _in_colour(plain_samples(opened, repairs, task.recipe), count, repairs)
            io.write(target, raster.encode(samples, ending))
        return count
    samples = _in_colour(plain_samples(opened, repairs, task.recipe), count, repairs)
    channels = [samples] if samples.ndim == 2 else [samples[..., c] for c in range(samples.shape[-1])]
    for number, channel in enumerate(channels):
        target = image_path(case.case, first + number, ending, case.split)
        if ending in PICTURES:
            channel = np.ascontiguousarray(channel)
            io.write(target, raster.encode(channel, ending))
        else:
            io.write(target, encode_slice(channel, ending))
    return len(channels)


def _channels(header: PictureHeader, task: CaseTask) -> int:
    """Return how many channels are written of a picture."""
    grey = header.channels == 1 and len(task.source.images) == 1
    return RGB_CHANNELS if grey and task.recipe.grey_to_rgb else header.channels


def _in_colour(samples: Samples, count: int, repairs: list[str]) -> Samples:
    """Return grey samples three times, if that many channels are to be written."""
    if samples.ndim > 2 or count == 1:
        return samples
    repairs.append("grey written as RGB")
    return np.repeat(samples[..., np.newaxis], count, axis=-1)


def _warn_of_image(opened: Picture, path: str, task: CaseTask, io: CaseIO) -> None:
    """Warn of bytes after the end, and of a picture all of whose pixels are equal."""
    _warn_of_tail(opened, path, task, io)
    header = opened.header
    if header.kind in WITH_ALPHA:
        held = _range_of(opened.stored[..., -1])
        io.warn(warning("SC084", f"its alpha channel, {held}, is left out", file=task.shown(path)))
    if isinstance(opened, WithoutAlpha):
        held = f"{_range_of(opened.left_out)}, which the file does not call alpha"
        io.warn(warning("SC084", f"its last channel, {held}, is left out", file=task.shown(path)))
    if header.kind == KIND:
        for number in range(header.samples):
            band = opened.stored[..., number]
            if (band == band[0, 0]).all():
                what = f"its channel {number + 1} of {header.samples} is {band[0, 0]:g} everywhere"
                if may_have_alpha(header) and number == header.samples - 1:
                    what += "; if that is alpha, --drop-alpha leaves it out"
                io.warn(warning("SC077", what, file=task.shown(path)))
    if task.recipe.ending == ".png" and header.width * header.height > NNUNET_PIXELS:
        size = f"{header.width}×{header.height}"
        told = f"has {size} pixels, nnU-Net opens PNG of at most {NNUNET_PIXELS}: --format tif knows no limit"
        io.warn(warning("SC054", told, file=task.shown(path)))
    raw = header.width * header.height * header.samples * header.depth // 8
    # A PNG that is carried over need not be decoded: equal pixels pack to an eighth and less, if they are packed.
    if opened.packed and raw // CONSTANT_PACKS < len(opened.data) - SMALL_PNG < raw:
        return
    pixels = opened.stored.reshape(header.width * header.height, -1)
    if (pixels == pixels[0]).all():
        value = ", ".join(f"{sample:g}" for sample in pixels[0].tolist())
        io.warn(warning("SC077", f"all pixels are {value}", file=task.shown(path)))


def _range_of(samples: Samples) -> str:
    low, high = samples.min(), samples.max()
    return f"{low:g} everywhere" if low == high else f"from {low:g} to {high:g}"


def _warn_of_tail(opened: Picture, path: str, task: CaseTask, io: CaseIO) -> None:
    if not opened.plain:
        io.warn(warning("SC059", "bytes follow the end of the picture; they are left out", file=task.shown(path)))


def encode_slice(samples: Samples, ending: str) -> bytes:
    """Return a picture ``(y, x)`` as a volume of one slice."""
    grid = Geometry.plain((samples.shape[1], samples.shape[0], 1), PSEUDO_SPACING_MM)
    return volumes.encode(np.ascontiguousarray(samples)[np.newaxis], grid, ending)


def plain_samples(opened: Picture, repairs: list[str], recipe: Recipe) -> Samples:
    """Return a picture as 8- or 16-bit grey, RGB or bands, and say what was changed."""
    header = opened.header
    if not opened.plain:
        repairs.append("bytes after the end of the picture dropped")
    if opened.palette is not None:
        repairs.append("palette picture expanded to RGB")
        return opened.palette[opened.stored, :3]
    samples = opened.stored
    if isinstance(opened, WithoutAlpha):
        repairs.append("the last channel, which the file does not name, left out as alpha")
    if samples.dtype.kind == "f":
        raise SegconvError(
            f"is {header}: nnU-Net's readers of pictures know 8 and 16 bits",
            code="SC056",
            hint="save it with 8 or 16 bits; or --from pairs --spacing 1,1,1 makes a volume of it",
        )
    if header.kind in WITH_ALPHA:
        # 10, 12 and 14 bits are kept in 16.
        opaque = bool((samples[..., -1] == (1 << header.depth) - 1).all())
        if not opaque and not recipe.drop_alpha:
            raise SegconvError(
                "has transparent pixels, which nnU-Net would take for a channel",
                code="SC084",
                hint="convert --drop-alpha leaves their alpha out; or export the pictures without alpha",
            )
        repairs.append("opaque alpha channel dropped" if opaque else "alpha channel with transparent pixels dropped")
        samples = samples[..., 0] if header.kind == "gray+alpha" else samples[..., :3]
    if header.depth < 8:
        repairs.append(f"{header.depth}-bit grey scaled to 8 bits")
        samples = samples * (255 // ((1 << header.depth) - 1))
    if header.format != "PNG":
        repairs.append(f"{header.format} written as pixels")
    dtype = np.uint8 if header.depth <= 8 else np.uint16
    low, high, most = samples.min(), samples.max(), np.iinfo(dtype).max
    if low < 0 or high > most:
        raise SegconvError(
            f"is {header} with values from {low} to {high}: nnU-Net's readers of pictures know 0 to {most}",
            code="SC056",
            hint="--from pairs --spacing 1,1,1 makes a volume of it; or save it with 8 or 16 bits",
        )
    return samples.astype(dtype, copy=False)


def _convert_mask(
    path: str, size: tuple[int, int], task: CaseTask, io: CaseIO, repairs: list[str]
) -> tuple[dict[int, int], StoredLabel]:
    case, ending, coding = task.source, task.recipe.ending, task.recipe.coding
    target = label_path(case.case, ending, case.split)
    if case.form(path) == LAYERS:
        return _compile_masks(path, size, task, io)
    if case.form(path) == INSTANCES:
        opened, mask = _union(path, size, task, io)
        repairs.append(f"{len(case.files_of(path))} masks of one object each united")
    else:
        opened = open_picture(io.read(Path(path)))
        _refuse_size(opened.header, size)
        mask = codes_to_settle(opened, coding)
        _warn_of_tail(opened, path, task, io)
    settle = coding.settle_lossy if opened.header.lossy else coding.settle
    counts, snapped = settled(mask, settle, task, path, io, repairs)
    header = opened.header
    grey = coding.kind == GRAY and header.format == "PNG" and header.kind == "gray" and header.depth == 8
    same = grey and opened.plain and not snapped and is_identity(counts, task) and case.form(path) is None
    if same and ending == ".png" and not task.recipe.strip_headers:
        io.place(Path(path), opened.data, target, task.how)
    else:
        io.write(target, _encoded_mask(coding.apply(mask, snapped), ending))
    written = written_counts(counts, task)
    warn_empty(written, task, io)
    stored = stored_mask(opened)
    if case.form(path) == INSTANCES:
        stored = replace(stored, lost="the masks of single objects were united")
    elif case.form(path) is None:
        ending = Path(path).suffix
        stored = replace(stored, ending=ending if ending.lower() in raster.WRITABLE else ".png")
    return written, stored


def _union(path: str, size: tuple[int, int], task: CaseTask, io: CaseIO) -> tuple[Picture, Samples]:
    """Return the union of masks of one object each, and the last of them for what it tells of their kind."""
    union: Samples | None = None
    opened: Picture | None = None
    for file in task.source.files_of(path):
        with naming(task.shown(file)):
            opened = open_picture(io.read(Path(file)))
            _refuse_size(opened.header, size)
            mask = exact_codes(opened, GRAY)
            on = np.unique(mask)
            if len(on) > 2 or (len(on) == 2 and on[0] != 0):
                raise SegconvError(
                    f"is the mask of one object, but holds the values {', '.join(map(str, on[:5]))}",
                    code="SC078",
                    hint="expected 0 and one other value",
                )
            if not mask.any():
                io.warn(warning("SC075", "is the mask of an object, and empty", file=task.shown(file)))
            union = mask.copy() if union is None else np.maximum(union, mask)
    if union is None or opened is None:
        raise SegconvError("holds no mask", code="SC080", file=task.shown(path))
    return opened, union


def _compile_masks(path: str, size: tuple[int, int], task: CaseTask, io: CaseIO) -> tuple[dict[int, int], StoredLabel]:
    def masks_of(file: str) -> Samples:
        opened = open_picture(io.read(Path(file)))
        _refuse_size(opened.header, size)
        return exact_codes(opened, GRAY)

    dense, written, stored = compile_layers(path, size[::-1], masks_of, task)
    ending = task.recipe.ending
    target = label_path(task.source.case, ending, task.source.split)
    io.write(target, _encoded_mask(dense, ending))
    warn_empty(written, task, io)
    return written, replace(stored, ending=".png", mode="gray", depth=8)


def _encoded_mask(dense: Samples, ending: str) -> bytes:
    if ending in PICTURES:
        return raster.encode_mask(dense, ending)
    return encode_slice(dense, ending)


def _refuse_size(header: PictureHeader, size: tuple[int, int]) -> None:
    _refuse_pages(header)
    if (header.width, header.height) != size:
        raise SegconvError(f"is {header}, its picture {size[0]}×{size[1]}", code="SC082")


def _refuse_pages(header: PictureHeader) -> None:
    if header.pages > 1:
        raise SegconvError(
            f"holds {header.pages} pages, expected one picture",
            code="SC084",
            hint="--from pairs --spacing X,Y,Z makes a volume of the pages; or save each page as a picture",
        )
