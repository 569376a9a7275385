"""One file of a dataset as an array on a grid, and others of its kind written like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from ..image import nifti, raster, volumes
from ..image.geometry import Geometry

PICTURES = raster.WRITABLE
"""Endings of datasets whose cases are pictures: these turn in their plane, and a file may hold several channels."""

VOLUMES = volumes.WRITABLE

FORMATS = tuple(ending.removeprefix(".") for ending in (*VOLUMES, ".png", ".tif"))
"""Formats that a new dataset can be given."""

_NIFTI = (".nii", ".nii.gz")


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a case lie, and how that is written.

    Parameters
    ----------
    geometry
        The grid.
    header
        Of NIfTI files whose forms can be kept bit for bit, else None.
    """

    geometry: Geometry
    header: nifti.NiftiHeader | None = None

    def encoded(self, array: NDArray[Any], geometry: Geometry, ending: str) -> list[Any]:
        """Return the pieces of a file, in order.

        Parameters
        ----------
        array
            ``(z, y, x)``, ``(y, x)`` or ``(y, x, s)``.
        geometry
            Its grid; forms are kept if it is the own one.
        ending
            Of `PICTURES` or `VOLUMES`.
        """
        if ending in PICTURES:
            return [raster.encode(array, ending)]
        if ending not in _NIFTI:
            return [volumes.encode(array, geometry, ending)]
        keep = self.header is not None and geometry == self.geometry
        buffers = nifti.encode_like(array, self.header) if keep and self.header else nifti.encode(array, geometry)
        return nifti.compress(buffers, ending)


def read_image(data: bytes, ending: str) -> tuple[NDArray[Any], Grid]:
    """Return the voxels of one channel, or the samples of a picture, as nnU-Net sees them.

    Raises
    ------
    SegconvError
        What the decoders raise; ``SC084`` for a volume of several channels or a picture of several pages.
    """
    if ending not in PICTURES:
        return _read_volume(data, ending)
    samples, header = _read_picture(data, ending)
    if header.kind == "palette":
        samples = raster.palette(data)[samples]
    elif header.kind == "gray" and 1 < header.depth < 8:  # one bit is read as 0 and 1, also of the original
        samples = samples * np.uint8(255 // ((1 << header.depth) - 1))
    return samples, Grid(Geometry.plain((header.width, header.height)))


def read_label(data: bytes, ending: str) -> tuple[NDArray[Any], Grid]:
    """Return the voxels of a label, values as stored.

    Raises
    ------
    SegconvError
        What the decoders raise; ``SC073`` for more than one value a voxel.
    """
    if ending not in PICTURES:
        return _read_volume(data, ending)
    samples, header = _read_picture(data, ending)
    if samples.ndim > 2:
        raise SegconvError(f"is {header}, expected a label of one value a pixel", code="SC073")
    return samples, Grid(Geometry.plain((header.width, header.height)))


def dtype_of(path: str, ending: str) -> np.dtype[Any]:
    """Return the type of a file's voxels, by its head.

    Raises
    ------
    SegconvError
        What `volumes.probe_file` and `raster.probe_file` raise.
    """
    if ending in PICTURES:
        return np.dtype(np.uint16 if raster.probe_file(path).depth > 8 else np.uint8)
    return volumes.probe_file(path).value_dtype


def geometry_of(path: str, ending: str) -> Geometry:
    """Return the grid of a file, by its head.

    Raises
    ------
    SegconvError
        What `volumes.probe_file` and `raster.probe_file` raise.
    """
    if ending in PICTURES:
        header = raster.probe_file(path)
        return Geometry.plain((header.width, header.height))
    return volumes.probe_file(path).geometry


def _read_volume(data: bytes, ending: str) -> tuple[NDArray[Any], Grid]:
    image = volumes.decode(data, ending)
    if image.header.channels > 1:
        raise SegconvError(f"holds {image.header.channels} channels, expected one a file", code="SC084")
    header = image.header
    plain = isinstance(header, nifti.NiftiHeader) and header.plain
    return image.values, Grid(header.geometry, header if plain and isinstance(header, nifti.NiftiHeader) else None)


def _read_picture(data: bytes, ending: str) -> tuple[NDArray[Any], raster.PictureHeader]:
    header, samples, _ = raster.prove_and_decode(data, ending)
    if header.pages > 1:
        raise SegconvError(
            f"is {header}, expected one picture",
            code="SC084",
            hint="convert with --format nii.gz and --spacing: volumes have a spacing, which pages lack",
        )
    return samples, header
