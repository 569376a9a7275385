"""A volume of any format: its judged header and its voxels as stored."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from .formats.table import encode
from .geometry import Geometry, Volume

AFTER_END = ("SC059", "bytes follow its end")
"""Code and message of a file that goes on after its end."""


@dataclass(frozen=True)
class VolumeHeader:
    """A usable header of a volume.

    Parameters
    ----------
    geometry
        The grid, in three dimensions.
    channels
        Number of values per voxel, 1 unless the file has an axis for them.
    dtype
        Type of the stored voxels, with their byte order.
    slope, intercept
        Values are ``slope * stored + intercept``; 1 and 0 if the header declares none.
    four_dimensional
        Whether the header declares an axis of channels, even of length 1.
    oddities
        ``(code, message)`` of oddities that are usable. A file with any is re-encoded.
    """

    geometry: Geometry
    channels: int
    dtype: np.dtype[Any]
    slope: float
    intercept: float
    four_dimensional: bool
    oddities: tuple[tuple[str, str], ...]

    kind: ClassVar[str] = "volume"
    format: ClassVar[str] = "volume"
    pages: ClassVar[int] = 1
    lossy: ClassVar[bool] = False
    placed: ClassVar[bool] = True

    @property
    def depth(self) -> int:
        """Bits of a stored voxel."""
        return self.dtype.itemsize * 8

    @property
    def samples(self) -> int:
        """Values per voxel."""
        return self.channels

    @property
    def scalar(self) -> bool:
        """Whether it declares no axis of channels."""
        return not self.four_dimensional

    @property
    def slab_bytes(self) -> int:
        """Bytes of the voxels of one channel."""
        return math.prod(self.geometry.size) * self.dtype.itemsize

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all voxels."""
        return self.slab_bytes * self.channels

    @property
    def value_bytes(self) -> int:
        """Bytes of all values; see `value_dtype`."""
        return self.voxel_bytes // self.dtype.itemsize * self.value_dtype.itemsize

    @property
    def scaled(self) -> bool:
        """Whether values differ from stored ones."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Native type of the values: floats if scaled, with 64 bits for integers of 32 bits and more."""
        if self.scaled:
            return np.dtype(np.float64 if self.dtype.kind == "i" and self.dtype.itemsize > 2 else np.float32)
        native: np.dtype[Any] = self.dtype.newbyteorder("=")
        return native

    @property
    def plain(self) -> bool:
        """Whether a file with this header may be copied byte for byte."""
        return not self.oddities and self.dtype.isnative

    @property
    def data_file(self) -> str | None:
        """Name of the file next to it that holds the voxels, or None."""
        return None

    def encoded(self, array: NDArray[Any], geometry: Geometry, ending: str) -> list[Any]:
        """Return the pieces of a file with other voxels; NIfTI keeps its own forms if possible."""
        return encode(array, geometry, ending)

    def __str__(self) -> str:
        channels = f"{self.channels} channels of " if self.four_dimensional else ""
        return f"a volume of {channels}{self.dtype.name}, {'×'.join(map(str, self.geometry.size))}"


@dataclass(frozen=True)
class TextHeader(VolumeHeader):
    """A text header, followed by the voxels or naming their file.

    Parameters
    ----------
    interleaved
        Whether the channels of one voxel are stored together, rather than the voxels of one channel.
    text_bytes
        Length of the header.
    voxel_file
        Name of the file that holds the voxels, or None if they follow the header.
    """

    interleaved: bool
    text_bytes: int
    voxel_file: str | None

    @property
    def plain(self) -> bool:
        """Whether a file with this header may be copied byte for byte."""
        return super().plain and self.voxel_file is None

    @property
    def data_file(self) -> str | None:
        """Name of the file next to it that holds the voxels, or None."""
        return self.voxel_file


@dataclass(frozen=True)
class DecodedVolume(ABC):
    """A decoded volume of any format.

    Parameters
    ----------
    header
        What its header says.
    plain
        Whether the file may be copied byte for byte to a target of the same ending: it is one file,
        has no oddities, and nothing follows its end.
    trailing
        Whether bytes follow the end; they are dropped.
    """

    header: VolumeHeader
    plain: bool
    trailing: bool

    palette: ClassVar[None] = None

    @property
    def oddities(self) -> tuple[tuple[str, str], ...]:
        """``(code, message)`` of oddities that are usable, bytes after the end included."""
        return (*self.header.oddities, *([AFTER_END] if self.trailing else []))

    @property
    @abstractmethod
    def stored(self) -> NDArray[Any]:
        """Stored voxels, ``(z, y, x)``, or ``(channel, z, y, x)`` if there are several; not writable."""

    @property
    def values(self) -> NDArray[Any]:
        """Voxels after slope and intercept, native: floats if scaled, with 64 bits for integers of 32 bits and more."""
        header = self.header
        if not header.scaled:
            return self.stored.astype(header.value_dtype, copy=False)
        values: NDArray[Any] = self.stored.astype(header.value_dtype)
        values *= header.slope
        values += header.intercept
        return values

    @property
    def label_names(self) -> dict[int, str]:
        """Value → name, if its header names the values of labels; empty for most files."""
        return {}

    def image(self) -> Volume:
        """Return its values, with several channels as the last axis."""
        values = self.values
        return Volume(values if values.ndim == 3 else np.moveaxis(values, 0, -1), self.header.geometry)

    def label(self) -> Volume:
        """Return its values; raises ``SC073`` if it has several channels."""
        if self.header.channels > 1:
            raise SegconvError(f"is a label of {self.header.channels} channels, expected one", code="SC073")
        return Volume(self.values, self.header.geometry)

    def encoded(self, ending: str, geometry: Geometry | None = None, channel: int = 0) -> list[Any]:
        """Return the pieces of a file with one channel, in a type that nnU-Net's readers support."""
        header = self.header
        values = self.channel(channel)
        if header.scaled:
            values = self.values if header.channels == 1 else self.values[channel]
        return encode(_writable(values), geometry or header.geometry, ending)

    def channel(self, index: int) -> NDArray[Any]:
        """Return the stored voxels of one channel, ``(z, y, x)``; not writable."""
        stored: NDArray[Any] = self.stored if self.header.channels == 1 else self.stored[index]
        return stored


@dataclass(frozen=True)
class ArrayVolume(DecodedVolume):
    """A decoded volume with its own array of voxels.

    Parameters
    ----------
    array
        Result of `stored`.
    """

    array: NDArray[Any]

    @property
    def stored(self) -> NDArray[Any]:
        """Stored voxels, ``(z, y, x)``, or ``(channel, z, y, x)``; not writable."""
        return self.array


def laid_anew(volume: DecodedVolume, array: NDArray[Any], geometry: Geometry) -> ArrayVolume:
    """Return a volume with other voxels, as in `DecodedVolume.stored`, on another grid; it will be re-encoded."""
    own, native = volume.header, array.dtype.newbyteorder("=")
    # Without a format, because further grid fields of the file do not fit another grid.
    header = VolumeHeader(geometry, own.channels, native, own.slope, own.intercept, own.four_dimensional, own.oddities)
    return ArrayVolume(header, False, volume.trailing, array.astype(native, copy=False))


def _writable(values: NDArray[Any]) -> NDArray[Any]:
    """Return voxels in a type that nnU-Net's readers support: no 64-bit integers, no booleans."""
    if values.dtype.kind in "iu" and values.dtype.itemsize > 4:
        low, high = int(values.min()), int(values.max())
        for narrow in (np.int16, np.int32):
            limits = np.iinfo(narrow)
            if limits.min <= low and high <= limits.max:
                return values.astype(narrow)
        return values.astype(np.float64)
    return values.astype(np.float32) if values.dtype == np.float16 else values
