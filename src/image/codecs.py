"""Any file that segconv writes or reads, as a volume: by what its bytes are, or as what its name says."""

from __future__ import annotations

import numpy as np

from .. import reading
from ..errors import SegconvError
from . import content, raster, volumes
from .geometry import Geometry, Volume
from .gzipped import Buffer
from .mask import grey_mask
from .read_options import ANY_AXES


def read_image(data: bytes, ending: str | None = None, companion: Buffer | None = None) -> Volume:
    """Return an image: a picture as ``(y, x)``, of several pages as ``(z, y, x)``, a volume as ``(z, y, x)``.

    Colours and channels are a last axis behind those; a palette is looked up.

    Parameters
    ----------
    data
        The file.
    ending
        One of `volumes.ENDINGS` or `raster.ENDINGS`, if it must have that format; by its content if None.
    companion
        The second file of a volume in two; see `volumes.companions`.

    Raises
    ------
    SegconvError
        What `raster.prove_and_decode` and `volumes.decode` raise.
    """
    if _is_picture(data, ending):
        header, samples, _ = raster.prove_and_decode(data, ending)
        return Volume(raster.palette(data)[samples] if header.kind == "palette" else samples, _grid(header))
    image = volumes.decode(data, ending or _volume_ending(data), companion)
    values = image.values
    return Volume(values if values.ndim == 3 else np.moveaxis(values, 0, -1), image.header.geometry)


def read_label(data: bytes, ending: str | None = None, companion: Buffer | None = None) -> Volume:
    """Return a label, ``(y, x)`` or ``(z, y, x)``, its values as stored, those of a palette as indices.

    Raises
    ------
    SegconvError
        What `read_image` and `grey_mask` raise; ``SC073`` for a volume of several channels.
    """
    if _is_picture(data, ending):
        header, samples, _ = raster.prove_and_decode(data, ending)
        if header.samples > 1 and header.pages > 1:
            raise SegconvError(f"is {header}, expected a label of one value a pixel", code="SC073")
        return Volume(samples if header.samples == 1 else grey_mask(samples, header), _grid(header))
    image = volumes.decode(data, ending or _volume_ending(data), companion)
    if image.header.channels > 1:
        raise SegconvError(f"is a label of {image.header.channels} channels, expected one", code="SC073")
    return Volume(image.values, image.header.geometry)


def decoded_bytes(path: str) -> int:
    """Return how many bytes a file on the disk decodes to, by its head; its own size if the head cannot tell."""
    try:
        if path.lower().endswith(raster.ENDINGS):
            header = raster.probe_file(path)
            return header.width * header.height * header.pages * header.samples * -(-header.depth // 8)
        volume = volumes.probe_file(path, ANY_AXES)
        return volume.voxel_bytes // volume.dtype.itemsize * volume.value_dtype.itemsize
    except SegconvError:
        return reading.size_if_there(path)  # what is wrong with it, reading will tell


def _is_picture(data: bytes, ending: str | None) -> bool:
    return ending in raster.ENDINGS if ending is not None else raster.format_of(data) is not None


def _volume_ending(data: bytes) -> str:
    """Return the ending of the format that a volume has by its content; NIfTI's if that is not known."""
    return {"NRRD volume": ".nrrd", "MetaImage volume": ".mha"}.get(content.kind_of(data) or "", ".nii")


def _grid(header: raster.PictureHeader) -> Geometry:
    size = (header.width, header.height) if header.pages == 1 else (header.width, header.height, header.pages)
    return Geometry.plain(size)
