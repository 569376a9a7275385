"""Volumes of any format: one way to look at a file's head, to decode it and to write it.

The formats are told apart by the ending of the name, and each decoder refuses what is not its own.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..errors import SegconvError, naming
from . import content
from .formats import metaimage, nifti, nrrd
from .geometry import Geometry
from .gzipped import Buffer, is_gzip
from .read_options import ANY_AXES, STRICT, ReadOptions
from .stored import DecodedVolume as DecodedVolume
from .stored import VolumeHeader as VolumeHeader

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
"""Of the names of volumes, longest first."""

WRITABLE = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Endings that `encode` writes."""

_MODULES: dict[str, Any] = {".nrrd": nrrd, ".nhdr": nrrd, ".mha": metaimage, ".mhd": metaimage}
_ONE_FILE = (".nrrd", ".mha")


def ending_of(name: str) -> str | None:
    """Return which of `ENDINGS` a file's name has, in any case of letters; None if it has none."""
    lower = name.lower()
    return next((ending for ending in ENDINGS if lower.endswith(ending)), None)


def strip_ending(name: str) -> str:
    """Return a file's name without its ending."""
    ending = ending_of(name)
    return name if ending is None else name[: -len(ending)]


def probe_file(path: str, how: ReadOptions = STRICT) -> VolumeHeader:
    """Judge the head of a file on the disk, for planning; of a volume in two files, that the other one is there.

    Raises
    ------
    SegconvError
        What the format's ``read_header`` raises, and what `companions` raises; ``SC054`` for a file
        that is far longer than its header accounts for.
    """
    header = _probe(path, how)
    content.refuse_overlong(path, header.voxel_bytes)
    for file in _companions(path, header):
        with naming(file):
            content.refuse_overlong(file, header.voxel_bytes)
    return header


def companions(path: str) -> tuple[str, ...]:
    """Return the absolute paths of further files that a volume consists of; none for most.

    Raises
    ------
    SegconvError
        What the format's ``read_header`` raises; ``SC012`` if the file is not there; ``SC060`` if
        it is named by a path, or is a link that leaves the folder; ``SC061`` if it is no regular
        file.
    """
    if ending_of(path) in (".nii.gz", ".nii"):
        return ()
    return _companions(path, _probe(path, ANY_AXES))


def decode(data: Buffer, ending: str, companion: Buffer | None = None, how: ReadOptions = STRICT) -> DecodedVolume:
    """Decode a whole file, proving every byte of it.

    Parameters
    ----------
    data
        The file.
    ending
        One of `ENDINGS`: the format that it is expected to have.
    companion
        The file that `companions` names.

    Raises
    ------
    SegconvError
        ``SC051`` if the file is of another format; what the format's ``decode`` raises.
    """
    if ending in (".nii.gz", ".nii"):
        image = nifti.decode(data, how)
        # Readers go by the name: an inflated file under .nii.gz is not carried over as it is.
        return image if is_gzip(data) == (ending == ".nii.gz") else dataclasses.replace(image, plain=False)
    volume: DecodedVolume = _MODULES[ending].decode(data, companion, how)
    return volume


def encode(array: NDArray[Any], geometry: Geometry, ending: str, sheared: NDArray[np.float64] | None = None) -> bytes:
    """Return a file that holds one channel, the same bytes for the same voxels.

    Parameters
    ----------
    array
        ``(z, y, x)``, integers or floats of up to 64 bits.
    geometry
        The grid, three-dimensional.
    ending
        One of `WRITABLE`.
    sheared
        Directions to write instead of the grid's own, of NRRD and MetaImage; see `nrrd.encode`.
    """
    if ending in (".nii.gz", ".nii"):
        return b"".join(nifti.compress(nifti.encode(array, geometry), ending))
    if ending not in WRITABLE:
        raise ValueError(f"{ending} is not one of {WRITABLE}")
    data: bytes = _MODULES[ending].encode(array, geometry, sheared)
    return data


def encode_channel(image: DecodedVolume, channel: int, ending: str, geometry: Geometry | None = None) -> list[Any]:
    """Return the pieces of a file with one channel of a decoded one: of NIfTI the stored bytes behind a new header.

    Parameters
    ----------
    channel
        Which, from 0.
    ending
        One of `WRITABLE`.
    geometry
        The grid to write instead of the image's own.
    """
    header = image.header
    if isinstance(image, nifti.Nifti) and ending.startswith(".nii") and geometry is None:
        slab: Any = image.channel_bytes(channel)
        if not header.dtype.isnative:
            swapped = np.frombuffer(slab, dtype=header.dtype)
            slab = swapped.astype(header.dtype.newbyteorder("=")).view(np.uint8)
        return nifti.compress([nifti.channel_header(image.header), slab], ending)
    values = image.channel(channel)
    if header.scaled:
        values = image.values if header.channels == 1 else image.values[channel]
    return [encode(_writable(values), geometry or header.geometry, ending)]


def encode_mhd(
    array: NDArray[Any], geometry: Geometry, stem: str, sheared: NDArray[np.float64] | None = None
) -> tuple[bytes, bytes]:
    """Return a volume in two files: the header, and the voxels for ``<stem>.raw`` beside it."""
    return metaimage.encode_pair(array, geometry, f"{stem}.raw", sheared)


def _writable(values: NDArray[Any]) -> NDArray[Any]:
    """Return voxels in a type that nnU-Net's readers know: no integers of 64 bits, no booleans."""
    if values.dtype.kind in "iu" and values.dtype.itemsize > 4:
        low, high = int(values.min()), int(values.max())
        for narrow in (np.int16, np.int32):
            limits = np.iinfo(narrow)
            if limits.min <= low and high <= limits.max:
                return values.astype(narrow)
        return values.astype(np.float64)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _probe(path: str, how: ReadOptions) -> VolumeHeader:
    ending = ending_of(path)
    if ending is None:
        raise SegconvError(f"has none of the endings {', '.join(ENDINGS)}", code="SC051", file=path)
    size = nifti.HEAD_BYTES if ending.startswith(".nii") else metaimage.HEAD_LIMIT + 1
    if ending in (".nii.gz", ".nii"):
        return nifti.probe(_head(path, size), how)
    head = _head(path, size)
    if _MODULES[ending] is nrrd and len(head) == size and b"\n\n" not in head and b"\n\r\n" not in head:
        head = _head(path, nrrd.HEAD_LIMIT + 1)
    header: VolumeHeader = _MODULES[ending].read_header(head, how)
    return header


def _companions(path: str, header: VolumeHeader) -> tuple[str, ...]:
    name = header.data_file if isinstance(header, (nrrd.NrrdHeader, metaimage.MetaHeader)) else None
    if name is None:
        return ()
    if ending_of(path) in _ONE_FILE:
        raise SegconvError(
            f"names the data file {name!r}, but a file of this ending holds its own voxels",
            code="SC053",
            hint="rename it to .nhdr or .mhd",
        )
    folder = os.path.dirname(os.path.abspath(path))
    beside = os.path.join(folder, name)
    if not reading.is_there(beside):
        raise SegconvError(
            f"its data file {name!r} is not there", code="SC012", hint="put it into the same folder as the header"
        )
    real = os.path.realpath(beside)
    if os.path.commonpath([real, os.path.realpath(folder)]) != os.path.realpath(folder):
        raise SegconvError(f"its data file {name!r} is a link that leaves the folder", code="SC060")
    if not reading.is_file(real):
        raise SegconvError(f"its data file {name!r} is no regular file", code="SC061")
    return (real,)


def _head(path: str, size: int) -> bytes:
    try:
        with reading.opened(path) as file:
            return file.read(size)
    except OSError as error:
        raise reading.refusal(error, path) from error
