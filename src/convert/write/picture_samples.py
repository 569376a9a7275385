"""Convert the samples of a picture to those of a dataset, and say what is refused or left out."""

from __future__ import annotations

import numpy as np

from ...errors import Cure, SegconvError
from ...image import raster, volumes
from ...image.geometry import Geometry
from ...image.mask_values import WITH_ALPHA
from ...image.picture import Picture, PictureHeader
from ...image.voxels import refuse_infinite_in_32_bits, value_range
from ..labels.picture_file import Samples, WithoutAlpha
from .task import Recipe
from .work import CaseWork

PSEUDO_SPACING_MM = (1.0, 1.0, 999.0)
"""Spacing of a picture stored as a one-slice volume; nnU-Net v1's own 2D converter uses it to mark the unused axis."""

AS_THEY_ARE = Cure.of("keep_values", format="nii.gz")


def warn_of_tail(work: CaseWork, path: str, opened: Picture) -> None:
    """Warn of bytes after the end of a picture."""
    if not opened.plain:
        work.warn(path, "SC059", "bytes follow the end of the picture; they are left out")


def encode_slice(samples: Samples, ending: str) -> bytes:
    """Return a picture ``(y, x)`` as a volume of one slice."""
    grid = Geometry.plain((samples.shape[1], samples.shape[0], 1), PSEUDO_SPACING_MM)
    return volumes.encode(np.ascontiguousarray(samples)[np.newaxis], grid, ending)


def plain_samples(opened: Picture, repairs: list[str], recipe: Recipe) -> Samples:
    """Return a picture as grey, RGB or bands, ``(y, x)`` or ``(y, x, channel)``: 8 or 16 bits, or others for volumes.

    Parameters
    ----------
    repairs
        Changes are appended to this list.

    Raises
    ------
    SegconvError
        ``SC056`` for numbers that nnU-Net does not read from pictures, ``SC084`` for transparent pixels.
    """
    header = opened.header
    if not opened.plain:
        repairs.append("bytes after the end of the picture dropped")
    if opened.palette is not None:
        repairs.append("palette picture expanded to RGB")
        return opened.palette[opened.stored, :3]
    samples = opened.stored
    if isinstance(opened, WithoutAlpha):
        repairs.append("the last channel, which the file does not name, left out as alpha")
    as_volume = recipe.ending not in raster.ENDINGS
    if samples.dtype.kind == "f" and not as_volume:
        raise SegconvError(
            f"is {header}: nnU-Net's readers of pictures know 8 and 16 bits",
            code="SC056",
            hint="save it with 8 or 16 bits",
            cures=(AS_THEY_ARE,),
        )
    if header.kind in WITH_ALPHA:
        samples = _without_alpha(samples, header, repairs, recipe)
    if header.depth < 8:
        repairs.append(f"{header.depth}-bit grey scaled to 8 bits")
        samples = samples * (255 // ((1 << header.depth) - 1))
    if header.format != "PNG":
        repairs.append(f"{header.format} written as pixels")
    return _any_number(samples) if as_volume else _unsigned(samples, header)


def _without_alpha(samples: Samples, header: PictureHeader, repairs: list[str], recipe: Recipe) -> Samples:
    # 10, 12 and 14 bits are kept in 16.
    opaque = bool((samples[..., -1] == (1 << header.depth) - 1).all())
    if not opaque and not recipe.options.drop_alpha:
        raise SegconvError(
            "has transparent pixels, which nnU-Net would take for a channel",
            code="SC084",
            hint="export the pictures without alpha",
            cures=(Cure.of("drop_alpha"),),
        )
    repairs.append("opaque alpha channel dropped" if opaque else "alpha channel with transparent pixels dropped")
    return samples[..., 0] if header.kind == "gray+alpha" else samples[..., :3]


def _any_number(samples: Samples) -> Samples:
    """Return samples in a type that volumes have; ``SC055`` if one is not finite."""
    refuse_infinite_in_32_bits(*value_range(samples))
    return samples.astype(np.float32) if samples.dtype.kind == "f" else samples


def _unsigned(samples: Samples, header: PictureHeader) -> Samples:
    """Return samples in 8 or 16 bits, which nnU-Net reads from pictures."""
    dtype = np.uint8 if header.depth <= 8 else np.uint16
    low, high, most = samples.min(), samples.max(), np.iinfo(dtype).max
    if low < 0 or high > most:
        raise SegconvError(
            f"is {header} with values from {low} to {high}: nnU-Net's readers of pictures know 0 to {most}",
            code="SC056",
            hint="save it with 8 or 16 bits",
            cures=(AS_THEY_ARE,),
        )
    return samples.astype(dtype, copy=False)


def refuse_pages(header: PictureHeader) -> None:
    """Refuse a file that holds several pictures (``SC084``)."""
    if header.pages > 1:
        raise SegconvError(
            f"holds {header.pages} pages, expected one picture",
            code="SC084",
            hint="save each page as a picture",
            cures=(Cure.of("read_as_volume"),),
        )
