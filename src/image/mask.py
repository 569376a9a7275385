"""Masks stored as pictures: from stored samples to label values, and back to the user's own coding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from . import picture
from .voxels import label_values, position


def grey_mask(samples: NDArray[Any], header: picture.PictureHeader) -> NDArray[Any]:
    """Return the label values of a mask, ``(y, x)``.

    Grey values and palette indices count as stored. A mask that is stored as RGB or with alpha is
    accepted where that adds nothing: the same value in R, G and B, and no pixel transparent.

    Raises
    ------
    SegconvError
        ``SC078`` for colours, with the first pixel that has one, and for transparency.
    """
    if samples.ndim == 2:
        return samples
    if header.kind in ("gray+alpha", "RGBA"):
        transparent = samples[..., -1] != np.iinfo(samples.dtype).max
        if transparent.any():
            raise SegconvError(
                f"is a mask with {int(transparent.sum())} transparent pixels, the first at {position(transparent)}",
                code="SC078",
                hint="export the mask without alpha",
            )
        samples = samples[..., :-1]
    if samples.shape[-1] == 3:
        coloured = (samples != samples[..., :1]).any(axis=-1)
        if coloured.any():
            x, y = position(coloured)
            colour = "#" + "".join(f"{int(v):02x}" for v in samples[y, x])
            raise SegconvError(
                f"is a mask in colour: {int(coloured.sum())} pixels, the first is {colour} at {(x, y)}",
                code="SC078",
                hint="export the mask with one grey value or palette index a class",
            )
    return samples[..., 0]


def colour_codes(samples: NDArray[Any], header: picture.PictureHeader) -> NDArray[np.uint32]:
    """Return the colour of each pixel of a mask, ``red << 16 | green << 8 | blue``.

    Parameters
    ----------
    samples
        As stored, but with a palette looked up. Grey counts as the colour with equal parts.
    header
        What the picture is.

    Raises
    ------
    SegconvError
        ``SC078`` for pixels that are not opaque; ``SC056`` for more than 8 bits a sample.
    """
    if samples.dtype != np.uint8 or (header.depth != 8 and header.kind != "palette"):
        raise SegconvError(f"is {header}, expected a colour mask of 8 bits a sample", code="SC056")
    if header.kind in ("gray+alpha", "RGBA"):
        transparent = samples[..., -1] != 255
        if transparent.any():
            raise SegconvError(
                f"is a mask with {int(transparent.sum())} pixels that are not opaque, the first at"
                f" {position(transparent)}",
                code="SC078",
                hint="export the mask without alpha",
            )
        samples = samples[..., :-1]
    if samples.ndim == 2 or samples.shape[-1] == 1:
        grey: NDArray[np.uint32] = samples.reshape(samples.shape[:2]).astype(np.uint32)
        grey *= np.uint32(0x010101)
        return grey
    red, green, blue = (samples[..., c].astype(np.uint32) for c in range(3))
    codes: NDArray[np.uint32] = (red << 16 | green << 8 | blue).astype(np.uint32, copy=False)
    return codes


def colour_picture(codes: NDArray[Any]) -> NDArray[np.uint8]:
    """Return colours as samples ``(y, x, 3)``: the inverse of `colour_mask`."""
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)


def grey_values(data: bytes) -> dict[int, int]:
    """Return which values a mask holds, and how many pixels have each; every byte of it is proved."""
    header, _ = picture.prove(data)
    return label_values(grey_mask(picture.decode(data, header), header))
