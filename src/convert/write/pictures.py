"""Convert one picture case in a worker: read once, verify, check, change what must change, write."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import Cure, SegconvError
from ...image import raster
from ...image.mask_values import WITH_ALPHA
from ...image.picture import NNUNET_PIXELS, Picture, PictureHeader
from ...image.read_options import CHUNKS_ONLY, STRICT
from ...words import count_of
from ...work.caseio import CaseIO
from ...work.plan import Item
from ..bands import KIND, may_have_alpha
from ..labels.picture_file import Samples, WithoutAlpha, open_picture
from .picture_masks import convert_mask
from .picture_samples import encode_slice, plain_samples, refuse_pages, warn_of_tail
from .task import PICTURES
from .work import CaseWork

RGB_CHANNELS = 3

CONSTANT_PACKS = 4
SMALL_PNG = 4096
"""Bytes that a PNG may use for anything but pixels."""


def convert_pictures(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert the pictures and the mask of one case; return its lineage."""
    work = CaseWork(item.payload, io)
    size = _convert_images(work)
    path = work.source.label
    if path is None:
        return work.record(None)
    with work.naming(path):
        return work.record(convert_mask(work, path, size))


def _convert_images(work: CaseWork) -> tuple[int, int]:
    """Write all pictures of a case; return their width and height."""
    size: tuple[int, int] | None = None
    first = held = 0
    for path in work.source.images:
        with work.naming(path):
            opened = _opened(work, path)
            refuse_pages(opened.header)
            own = (opened.header.width, opened.header.height)
            size = size or own
            if own != size:
                raise SegconvError(f"is {opened.header}, the first channel {size[0]}×{size[1]}", code="SC082")
            held = _as_many(work, opened.header, held)
            first += _write_image(work, path, opened, first)
            _warn_of_image(work, path, opened)
    if size is None or (first != work.recipe.channels and work.recipe.ending not in PICTURES):
        raise SegconvError(
            f"has {first} channels, expected {work.recipe.channels}",
            code="SC084",
            file=work.shown(work.source.images[0]),
        )
    return size


def _opened(work: CaseWork, path: str) -> Picture:
    """Read a picture and verify it; its pixels stay packed where they need no look and are copied as they are."""
    data, options = work.read(path), work.options
    opened = open_picture(data, drop_alpha=options.drop_alpha, how=STRICT if options.verify_source else CHUNKS_ONLY)
    unseen = _is_carried(work, opened) and not _may_be_constant(opened)
    if options.verify_source or unseen or not opened.packed:
        return opened
    return open_picture(data, drop_alpha=options.drop_alpha)


def _as_many(work: CaseWork, header: PictureHeader, held: int) -> int:
    """Return the number of channels in a file of the case; refuse it if that differs from `held`, unless that is 0."""
    own = 1 if header.kind == KIND else _channels(work, header)
    held = held or own
    if work.recipe.ending in PICTURES and own != held:
        raise SegconvError(
            f"is {header}, the first file of the case holds {count_of(held, 'channel')}: nnU-Net stacks files that hold"
            " as many",
            code="SC084",
            cures=(Cure.of("write_channels_apart"),),
        )
    return held


def _write_image(work: CaseWork, path: str, opened: Picture, first: int) -> int:
    """Write the channels of one picture; return how many there are."""
    header, ending = opened.header, work.recipe.ending
    count = _channels(work, header)
    if ending in PICTURES and header.kind != KIND:
        # Colours share a file; where each file holds one channel, files are numbered by channel.
        target = work.image_target(work.source.images.index(path) if count > 1 else first)
        if _is_carried(work, opened):
            work.place(path, opened.data, target)
        else:
            samples = _in_colour(plain_samples(opened, work.repairs, work.recipe), count, work.repairs)
            work.io.write(target, raster.encode(samples, ending))
        return count
    samples = _in_colour(plain_samples(opened, work.repairs, work.recipe), count, work.repairs)
    channels = np.moveaxis(np.atleast_3d(samples), -1, 0)
    for number, channel in enumerate(map(np.ascontiguousarray, channels), first):
        data = raster.encode(channel, ending) if ending in PICTURES else encode_slice(channel, ending)
        work.io.write(work.image_target(number), data)
    return len(channels)


def _is_carried(work: CaseWork, opened: Picture) -> bool:
    """Return whether a picture goes into the dataset byte for byte."""
    header, recipe = opened.header, work.recipe
    exact = (
        _channels(work, header) == header.channels
        and header.format == "PNG"
        and header.depth >= 8
        and header.kind in ("gray", "RGB")
    )
    return exact and opened.plain and recipe.ending == ".png" and not recipe.options.strip_headers


def _channels(work: CaseWork, header: PictureHeader) -> int:
    """Return how many channels of a picture are written."""
    grey = header.channels == 1 and len(work.source.images) == 1
    return RGB_CHANNELS if grey and work.options.grey_to_rgb else header.channels


def _in_colour(samples: Samples, count: int, repairs: list[str]) -> Samples:
    """Return grey samples repeated three times, if three channels are written."""
    if samples.ndim > 2 or count == 1:
        return samples
    repairs.append("grey written as RGB")
    return np.repeat(samples[..., np.newaxis], count, axis=-1)


def _warn_of_image(work: CaseWork, path: str, opened: Picture) -> None:
    """Warn of anything left out of a picture, of more pixels than nnU-Net reads, and of pixels that are all equal."""
    header = opened.header
    warn_of_tail(work, path, opened)
    if header.kind in WITH_ALPHA:
        work.warn(path, "SC084", f"its alpha channel, {_range_of(opened.stored[..., -1])}, is left out")
    if isinstance(opened, WithoutAlpha):
        held = f"{_range_of(opened.left_out)}, which the file does not call alpha"
        work.warn(path, "SC084", f"its last channel, {held}, is left out")
    if work.recipe.ending == ".png" and header.width * header.height > NNUNET_PIXELS:
        what = f"has {header.width}×{header.height} pixels, nnU-Net opens PNG of at most {NNUNET_PIXELS}"
        work.warn(path, "SC054", what, cures=(Cure.of("write_tiff"),))
    if header.kind == KIND:
        _warn_of_constant_bands(work, path, opened)
    if _may_be_constant(opened):
        pixels = opened.stored.reshape(header.width * header.height, -1)
        if (pixels == pixels[0]).all():
            value = ", ".join(f"{sample:g}" for sample in pixels[0].tolist())
            work.warn(path, "SC077", f"all pixels are {value}")


def _warn_of_constant_bands(work: CaseWork, path: str, opened: Picture) -> None:
    samples = opened.header.samples
    for number in range(samples):
        band = opened.stored[..., number]
        if (band == band[0, 0]).all():
            alpha = may_have_alpha(opened.header) and number == samples - 1
            what = f"its channel {number + 1} of {samples} is {band[0, 0]:g} everywhere"
            work.warn(path, "SC077", what, cures=(Cure.of("drop_alpha"),) if alpha else ())


def _may_be_constant(opened: Picture) -> bool:
    """Return whether only decoding can tell: in a packed PNG, equal pixels compress to an eighth or less."""
    header = opened.header
    raw = header.width * header.height * header.samples * header.depth // 8
    return not (opened.packed and raw // CONSTANT_PACKS < len(opened.data) - SMALL_PNG < raw)


def _range_of(samples: Samples) -> str:
    low, high = samples.min(), samples.max()
    return f"{low:g} everywhere" if low == high else f"from {low:g} to {high:g}"
