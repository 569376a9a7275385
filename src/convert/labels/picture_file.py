"""A picture or a mask of a source, proved: its samples as stored, its values or colours, and how it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import RGB
from ...dataset.stored_label import StoredLabel
from ...errors import SegconvError
from ...image import raster
from ...image.formats import png as picture
from ...image.formats.png import PictureHeader
from ...image.mask import colour_codes, grey_mask, hides_colours
from ..bands import as_bands, may_have_alpha, with_bands_last
from .coding import Coding

Samples = NDArray[Any]

_ENDINGS = {"TIFF": ".tif", "BMP": ".bmp"}
"""Of formats in which a mask comes back; others come back as PNG."""


@dataclass(frozen=True)
class Opened:
    """A picture that was read and proved.

    Parameters
    ----------
    data
        Its bytes.
    header
        What it is.
    samples
        As stored; None for a PNG that was not decoded yet.
    plain
        Whether nothing follows its end.
    left_out
        The last sample of each pixel, where that counts as alpha.
    """

    data: bytes
    header: PictureHeader
    samples: Samples | None
    plain: bool
    left_out: Samples | None = None

    @cached_property
    def decoded(self) -> Samples:
        """Stored samples, ``(y, x)`` or ``(y, x, sample)``."""
        return self.samples if self.samples is not None else picture.decode(self.data, self.header)


def open_picture(data: bytes, *, drop_alpha: bool = False) -> Opened:
    """Prove a picture; a PNG is decoded later, if at all.

    Parameters
    ----------
    drop_alpha
        As in `as_bands`.
    """
    if data.startswith(picture.SIGNATURE):
        header, plain = picture.prove(data)
        return Opened(data, header, None, plain)
    header, samples, plain = raster.prove_and_decode(data)
    if drop_alpha and may_have_alpha(header):
        kept = samples[..., :-1] if header.samples > 2 else samples[..., 0]
        return Opened(data, as_bands(header, drop_alpha=True), np.ascontiguousarray(kept), plain, samples[..., -1])
    return Opened(data, as_bands(header), with_bands_last(header, samples), plain)


def lossy_mask(header: PictureHeader) -> SegconvError:
    """Return the error for a mask whose compression changes values."""
    return SegconvError(
        f"is a mask in a lossy format ({header.format}): compression changed its values",
        code="SC078",
        hint="export the mask as PNG",
    )


def exact_codes(opened: Opened, kind: str) -> Samples:
    """Return what `mask_codes` does, of a mask that must not be lossy."""
    if opened.header.lossy:
        raise lossy_mask(opened.header)
    return mask_codes(opened, kind)


def mask_codes(opened: Opened, kind: str) -> Samples:
    """Return the label values or colours of a mask, ``(y, x)``."""
    header = opened.header
    if kind == RGB:
        samples = opened.decoded
        if header.kind == "palette":
            samples = raster.palette_with_alpha(opened.data)[samples]
        return colour_codes(samples, header)
    return grey_mask(opened.decoded, header)


def codes_to_settle(opened: Opened, coding: Coding) -> Samples:
    """Return what `mask_codes` does; a lossy mask only where its pixels take the nearest label."""
    return mask_codes(opened, coding.kind) if coding.snap else exact_codes(opened, coding.kind)


def stored_mask(opened: Opened) -> StoredLabel:
    """Return how a mask is stored, for the way back."""
    header = opened.header
    palette = raster.palette_with_alpha(opened.data).tolist() if header.kind == "palette" else ()
    lost = "the values that compression changed: they are those declared" if header.lossy else ""
    if hides_colours(opened.decoded, header):
        lost = "the colours under fully transparent pixels, which nobody sees, are 0, 0, 0"
    return StoredLabel(
        _ENDINGS.get(header.format, ".png"),
        "uint16" if header.depth > 8 else "uint8",
        lost=lost,
        mode=header.kind,
        depth=header.depth,
        palette=tuple(_entry_text(*entry) for entry in palette),
    )


def _entry_text(red: int, green: int, blue: int, alpha: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}" + (f"{alpha:02x}" if alpha != 255 else "")
