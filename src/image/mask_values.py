"""Masks stored as pictures: convert stored samples to label values, and back to the user's coding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Cure, SegconvError
from .voxels import position

if TYPE_CHECKING:
    from .picture import PictureHeader

WITH_ALPHA = ("gray+alpha", "RGBA")
"""Kinds of pictures whose last sample is alpha."""


def grey_mask(samples: NDArray[Any], header: PictureHeader) -> NDArray[Any]:
    """Return the label values ``(y, x)`` of a mask that stores them as grey values or indices.

    Grey values and palette indices count as stored. A mask stored as RGB or with alpha is accepted
    if that adds nothing: the same value in R, G and B, and every pixel opaque.

    Raises
    ------
    SegconvError
        ``SC078`` for colours, with the first coloured pixel, and for pixels that are not opaque.
    """
    _refuse_bands(header)
    if samples.ndim == 2:
        return samples
    if header.kind in WITH_ALPHA:
        transparent = samples[..., -1] != (np.iinfo(samples.dtype).max if samples.dtype.kind in "iu" else 1)
        if transparent.any():
            eight_bits = samples.dtype == np.uint8
            raise SegconvError(
                f"is {header}, and not opaque in {int(transparent.sum())} of its pixels, the first at"
                f" {position(transparent)}",
                code="SC078",
                hint="export the mask without alpha" + ("" if eight_bits else ", or with 8 bits per sample"),
                cures=[Cure.of("map_transparent")] if eight_bits else [],
            )
        samples = samples[..., :-1]
    if samples.shape[-1] == 3:
        coloured = (samples != samples[..., :1]).any(axis=-1)
        if coloured.any():
            x, y = position(coloured)
            colour = "#" + "".join(f"{int(v):02x}" for v in samples[y, x])
            raise SegconvError(
                f"is a mask in colour, in {int(coloured.sum())} of its pixels, the first is {colour} at {(x, y)}",
                code="SC078",
                hint="export the mask with one grey value or palette index per class",
            )
    return samples[..., 0]


def _refuse_bands(header: PictureHeader) -> None:
    if header.kind == "bands" or header.channel_pages:
        channels = header.pages if header.channel_pages else header.samples
        raise SegconvError(
            f"is a mask of {channels} channels, expected one value per pixel",
            code="SC078",
            hint="save each channel as a mask of its own, in a folder for each class",
        )


def colour_codes(samples: NDArray[Any], header: PictureHeader) -> NDArray[np.uint32]:
    """Return the colour of each pixel of a mask, ``(255 - alpha) << 24 | red << 16 | green << 8 | blue``.

    All pixels of alpha 0 have the same code, because their stored colour is not visible.

    Parameters
    ----------
    samples
        As stored, but with a palette applied, alpha included. Grey counts as the colour with equal parts.
    header
        Header of the picture.

    Raises
    ------
    SegconvError
        ``SC056`` for more than 8 bits per sample.
    """
    _refuse_bands(header)
    if samples.dtype != np.uint8 or (header.depth != 8 and header.kind != "palette"):
        raise SegconvError(
            f"is {header}, expected a colour mask of 8 bits per sample",
            code="SC056",
            hint="export the mask with 8 bits per sample",
        )
    codes = _opaque_codes(samples)
    alpha = header.kind in WITH_ALPHA or (header.kind == "palette" and samples.shape[-1] == 4)
    if alpha and (samples[..., -1] != 255).any():
        codes[samples[..., -1] == 0] = 0
        codes |= (255 - samples[..., -1]).astype(np.uint32) << np.uint32(24)
    return codes


def _opaque_codes(samples: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return ``red << 16 | green << 8 | blue`` of each pixel, ``(y, x)``."""
    if samples.ndim == 2 or samples.shape[-1] < 3:
        codes: NDArray[np.uint32] = samples.reshape(*samples.shape[:2], -1)[..., 0].astype(np.uint32)
        codes *= np.uint32(0x010101)
        return codes
    codes = samples[..., 0].astype(np.uint32)
    for channel in (1, 2):
        codes <<= np.uint32(8)
        codes |= samples[..., channel]
    return codes


def palette_codes(colours: NDArray[np.uint8]) -> list[int]:
    """Return the code of each entry of a palette, ``(n, 3)`` or ``(n, 4)``, as in `colour_codes`."""
    opaque = np.full((len(colours), 1), 255, dtype=np.uint8)
    table = np.concatenate([colours, opaque], axis=1)[:, :4].astype(np.uint32)
    codes = (255 - table[:, 3]) << 24 | table[:, 0] << 16 | table[:, 1] << 8 | table[:, 2]
    codes[table[:, 3] == 0] = 0xFF000000
    return [int(code) for code in codes]


def hides_colours(samples: NDArray[Any], header: PictureHeader) -> bool:
    """Return whether pixels of alpha 0 have a colour, which `colour_codes` drops."""
    return header.kind in WITH_ALPHA and bool(samples[samples[..., -1] == 0].any())


def colour_picture(codes: NDArray[Any]) -> NDArray[np.uint8]:
    """Return colours as samples ``(y, x, 4)``, red, green, blue and alpha: the inverse of `colour_codes`."""
    parts = [codes >> 16 & 255, codes >> 8 & 255, codes & 255, 255 - (codes >> 24)]
    return np.stack(parts, axis=-1).astype(np.uint8)
