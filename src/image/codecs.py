"""Any file that segconv writes or reads, as a volume: by what its bytes are, not by what its name says."""

from __future__ import annotations

from . import nifti, picture
from .geometry import Geometry, Volume
from .mask import grey_mask


def read_image(data: bytes) -> Volume:
    """Return an image: a PNG as ``(y, x)`` or ``(y, x, c)``, a NIfTI as ``(z, y, x)``.

    Raises
    ------
    SegconvError
        What `picture.prove` and `nifti.decode` raise.
    """
    if data.startswith(picture.SIGNATURE):
        header, _ = picture.prove(data)
        return Volume(picture.decode(data, header), Geometry.plain((header.width, header.height)))
    image = nifti.decode(data)
    values = image.values
    return Volume(values if values.ndim == 3 else values[0], image.header.geometry)


def read_label(data: bytes) -> Volume:
    """Return a label, ``(y, x)`` or ``(z, y, x)``, its values as stored."""
    if data.startswith(picture.SIGNATURE):
        header, _ = picture.prove(data)
        mask = grey_mask(picture.decode(data, header), header)
        return Volume(mask, Geometry.plain((header.width, header.height)))
    return read_image(data)
