"""Open and verify a picture or mask of a source: its samples as stored, its values or colours, and its storage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import RGB
from ...dataset.losses import COMPRESSED, HIDDEN_COLOURS, Loss
from ...dataset.stored_label import CHANNEL_PAGES, CHANNELS, StoredLabel
from ...errors import SegconvError
from ...image import raster
from ...image.mask_values import colour_codes, grey_mask, hides_colours
from ...image.picture import DecodedPicture, Picture, PictureHeader
from ...image.read_options import STRICT, ReadOptions
from ..bands import as_bands, may_have_alpha, with_bands_last
from .coding import Coding

Samples = NDArray[Any]

_ENDINGS = {"TIFF": ".tif", "BMP": ".bmp"}
"""Formats in which a mask is restored; all others become PNG."""


@dataclass(frozen=True)
class WithoutAlpha(DecodedPicture):
    """A picture whose last sample counts as alpha although its file does not say so.

    Parameters
    ----------
    left_out
        The last sample of each pixel.
    """

    left_out: Samples


def open_picture(data: bytes, *, drop_alpha: bool = False, how: ReadOptions = STRICT) -> Picture:
    """Verify a picture; pages that its file calls channels become samples. A PNG is decoded later, if at all.

    Parameters
    ----------
    drop_alpha
        As in `as_bands`.
    how
        As in `raster.decode`.
    """
    opened = raster.decode(data, how=how)
    header = as_bands(opened.header, drop_alpha=drop_alpha)
    if header == opened.header:
        return opened
    known = (header, opened.plain, opened.trailing, data, opened.palette)
    if drop_alpha and may_have_alpha(opened.header):
        kept = opened.stored[..., :-1] if opened.header.samples > 2 else opened.stored[..., 0]
        return WithoutAlpha(*known, np.ascontiguousarray(kept), opened.stored[..., -1])
    return DecodedPicture(*known, with_bands_last(opened.header, opened.stored))


def mask_planes(opened: Picture) -> Samples:
    """Return the pages, samples or channels of a picture, as `raster.decode` opens it, as masks ``(mask, y, x)``.

    Raises
    ------
    SegconvError
        ``SC078`` for a lossy picture, ``SC084`` for pages of several samples.
    """
    header = opened.header
    if header.lossy:
        raise lossy_mask(header)
    if header.pages > 1 and header.samples > 1:
        raise SegconvError(f"is {header}, expected one sample in each of its pages", code="SC084")
    if header.pages > 1:
        return opened.stored
    return np.moveaxis(np.atleast_3d(opened.stored), -1, 0)


def lossy_mask(header: PictureHeader) -> SegconvError:
    """Return the error for a mask whose compression changes values."""
    return SegconvError(
        f"is a mask in a lossy format ({header.format}): compression changed its values",
        code="SC078",
        hint="export the mask as PNG",
    )


def exact_codes(opened: Picture, kind: str) -> Samples:
    """Do what `mask_codes` does, for a mask that must not be lossy."""
    if opened.header.lossy:
        raise lossy_mask(opened.header)
    return mask_codes(opened, kind)


def mask_codes(opened: Picture, kind: str) -> Samples:
    """Return the label values or colours of a mask, ``(y, x)``."""
    header = opened.header
    if kind == RGB:
        samples = opened.stored
        if opened.palette is not None:
            samples = opened.palette[samples]
        return colour_codes(samples, header)
    return grey_mask(opened.stored, header)


def codes_to_settle(opened: Picture, coding: Coding) -> Samples:
    """Do what `mask_codes` does; accept a lossy mask only if its pixels take the nearest label."""
    return mask_codes(opened, coding.kind) if coding.snap else exact_codes(opened, coding.kind)


def stored_mask(opened: Picture) -> StoredLabel:
    """Return how a mask is stored, for restoring."""
    header = opened.header
    palette = () if opened.palette is None else opened.palette.tolist()
    losses = {COMPRESSED: header.lossy, HIDDEN_COLOURS: hides_colours(opened.stored, header)}
    return StoredLabel(
        _ENDINGS.get(header.format, ".png"),
        "uint16" if header.depth > 8 else "uint8",
        losses=tuple(Loss(kind) for kind, lost in losses.items() if lost),
        mode=header.kind,
        depth=header.depth,
        palette=tuple(_entry_text(*entry) for entry in palette),
    )


def stored_planes(header: PictureHeader, path: str) -> StoredLabel:
    """Return how the masks of a picture are stored, but for the masks themselves."""
    mode = CHANNEL_PAGES if header.channel_pages else "gray" if header.kind == "palette" else header.kind
    return StoredLabel(Path(path).suffix, header.value_dtype.name, mode=mode, depth=header.depth, form=CHANNELS)


def _entry_text(red: int, green: int, blue: int, alpha: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}" + (f"{alpha:02x}" if alpha != 255 else "")
