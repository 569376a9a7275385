"""One file of a dataset, proved and decoded to an array on a grid, and others of its kind written like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Finding, SegconvError
from ..image import raster, volumes
from ..image.formats import nifti
from ..image.geometry import Geometry
from ..image.stored import DecodedVolume

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


@dataclass(frozen=True)
class Opened:
    """A file of a dataset, every byte of it proved.

    Parameters
    ----------
    array
        Its voxels or samples.
    grid
        Where they lie.
    plain
        Whether it may be carried over byte for byte: a file with anything odd about it is encoded anew.
    oddities
        ``(code, message)`` of what its header has that is unusual but usable.
    trailing
        Whether bytes follow its end.
    volume
        As it was decoded; None for a picture.
    """

    array: NDArray[Any]
    grid: Grid
    plain: bool
    oddities: tuple[tuple[str, str], ...] = ()
    trailing: bool = False
    volume: DecodedVolume | None = None

    def encoded(self, ending: str, geometry: Geometry | None = None) -> list[Any]:
        """Return the pieces of a file that holds the same image and nothing odd.

        Parameters
        ----------
        ending
            Of `PICTURES` or `VOLUMES`.
        geometry
            The grid to write instead of its own.
        """
        if self.volume is None:
            return self.grid.encoded(self.array, self.grid.geometry, ending)
        return volumes.encode_channel(self.volume, 0, ending, geometry)


def read_image(data: bytes, ending: str) -> Opened:
    """Return one channel, or a picture, its voxels or samples as nnU-Net sees them.

    Raises
    ------
    SegconvError
        What the decoders raise; ``SC084`` for a volume of several channels or a picture of several pages.
    """
    if ending not in PICTURES:
        image = volumes.decode(data, ending)
        if image.header.channels > 1:
            raise SegconvError(f"holds {image.header.channels} channels, expected one a file", code="SC084")
        return _opened(image)
    samples, header, plain = _read_picture(data, ending)
    if header.kind == "palette":
        samples = raster.palette(data)[samples]
    elif header.kind == "gray" and 1 < header.depth < 8:  # one bit is read as 0 and 1, also of the original
        samples = samples * np.uint8(255 // ((1 << header.depth) - 1))
    return Opened(samples, Grid(Geometry.plain((header.width, header.height))), plain, trailing=not plain)


def read_label(data: bytes, ending: str) -> Opened:
    """Return a label, its values as stored.

    Raises
    ------
    SegconvError
        What the decoders raise; ``SC073`` for a label of four dimensions, or of more than one value a pixel.
    """
    if ending not in PICTURES:
        label = volumes.decode(data, ending)
        if label.header.four_dimensional:
            raise SegconvError("is a label of four dimensions, expected one value a voxel", code="SC073")
        return _opened(label)
    samples, header, plain = _read_picture(data, ending)
    if samples.ndim > 2:
        raise SegconvError(f"is {header}, expected a label of one value a pixel", code="SC073")
    return Opened(samples, Grid(Geometry.plain((header.width, header.height))), plain, trailing=not plain)


def dtype_of(path: str, ending: str) -> np.dtype[Any]:
    """Return the type of a file's voxels, by its head.

    Raises
    ------
    SegconvError
        What `volumes.probe_file` and `raster.probe_file` raise.
    """
    if ending not in PICTURES:
        return volumes.probe_file(path).value_dtype
    header = raster.probe_file(path)
    if header.numbers == "float" and header.depth == 16:
        return np.dtype(np.float32)  # what they are decoded to
    return np.dtype(f"{header.numbers}{max(header.depth, 8)}")


def unfit_for_png(path: str, ending: str) -> list[Finding]:
    """Return what keeps a picture from being written as PNG: samples that need more than its 8 or 16 bits, or a sign.

    Parameters
    ----------
    path
        The file, whose head is looked at.
    ending
        Of `PICTURES`.
    """
    try:
        dtype = dtype_of(path, ending)
    except SegconvError:
        return []  # reading the file will tell what is wrong with it
    if dtype in (np.uint8, np.uint16):
        return []
    told = f"has samples of type {dtype.name}, which --format png cannot hold: PNG has whole numbers of 8 or 16 bits"
    return [Finding("SC001", told, file=path, hint="--format tif, or leave out --format")]


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


def _opened(volume: DecodedVolume) -> Opened:
    header = volume.header
    like = header if isinstance(header, nifti.NiftiHeader) and header.plain else None
    plain = volume.plain and not header.four_dimensional
    return Opened(volume.values, Grid(header.geometry, like), plain, header.oddities, volume.trailing, volume)


def _read_picture(data: bytes, ending: str) -> tuple[NDArray[Any], raster.PictureHeader, bool]:
    header, samples, plain = raster.prove_and_decode(data, ending)
    if header.pages > 1:
        raise SegconvError(
            f"is {header}, expected one picture",
            code="SC084",
            hint="convert with --format nii.gz and --spacing: volumes have a spacing, which pages lack",
        )
    return samples, header, plain
