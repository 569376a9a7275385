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


def grey_values(data: bytes) -> dict[int, int]:
    """Return which values a mask holds, and how many pixels have each; every byte of it is proved."""
    header, _ = picture.prove(data)
    return label_values(grey_mask(picture.decode(data, header), header))
