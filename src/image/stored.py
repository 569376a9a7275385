"""What the decoder of any volume format hands over: a judged header, and the voxels as they are stored."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from .geometry import Geometry


@dataclass(frozen=True)
class VolumeHeader:
    """What the header of a volume says, after it was found to be usable.

    Parameters
    ----------
    geometry
        The grid, in three dimensions.
    channels
        Number of values a voxel, 1 unless the file has an axis for them.
    dtype
        Type of the stored voxels, with their byte order.
    slope, intercept
        Values are ``slope * stored + intercept``; 1 and 0 if the header asks for none.
    four_dimensional
        Whether the header declares an axis of channels, be it of length 1.
    oddities
        ``(code, message)`` of what is unusual but usable. A file with any is encoded anew.
    """

    geometry: Geometry
    channels: int
    dtype: np.dtype[Any]
    slope: float
    intercept: float
    four_dimensional: bool
    oddities: tuple[tuple[str, str], ...]

    @property
    def slab_bytes(self) -> int:
        """Bytes of the voxels of one channel."""
        return math.prod(self.geometry.size) * self.dtype.itemsize

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all voxels."""
        return self.slab_bytes * self.channels

    @property
    def scaled(self) -> bool:
        """Whether values differ from what is stored."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Native type of the values: floats if scaled, of 64 bits for integers of 32 and more."""
        if self.scaled:
            return np.dtype(np.float64 if self.dtype.kind == "i" and self.dtype.itemsize > 2 else np.float32)
        native: np.dtype[Any] = self.dtype.newbyteorder("=")
        return native

    @property
    def plain(self) -> bool:
        """Whether a file with this header may be carried over byte for byte."""
        return not self.oddities and self.dtype.isnative


@dataclass(frozen=True)
class DecodedVolume(ABC):
    """A decoded file of any format.

    Parameters
    ----------
    header
        What its header says.
    plain
        Whether the file may be carried over byte for byte to a target of the same ending: see
        `VolumeHeader.plain`; and it is one file, and nothing follows its voxels.
    trailing
        Whether bytes that belong to no voxel follow the end; they are dropped.
    """

    header: VolumeHeader
    plain: bool
    trailing: bool

    @property
    @abstractmethod
    def stored(self) -> NDArray[Any]:
        """Stored voxels, ``(z, y, x)``, or ``(channel, z, y, x)`` if there are several; not writable."""

    @property
    def values(self) -> NDArray[Any]:
        """Voxels after slope and intercept, native: floats if scaled, of 64 bits for integers of 32 and more."""
        header = self.header
        if not header.scaled:
            return self.stored.astype(header.value_dtype, copy=False)
        values: NDArray[Any] = self.stored.astype(header.value_dtype)
        values *= header.slope
        values += header.intercept
        return values

    def channel(self, index: int) -> NDArray[Any]:
        """Return the stored voxels of one channel, ``(z, y, x)``; not writable."""
        stored: NDArray[Any] = self.stored if self.header.channels == 1 else self.stored[index]
        return stored


@dataclass(frozen=True)
class ArrayVolume(DecodedVolume):
    """A decoded file whose voxels were laid out anew.

    Parameters
    ----------
    array
        What `stored` returns.
    """

    array: NDArray[Any]

    @property
    def stored(self) -> NDArray[Any]:
        """Stored voxels, ``(z, y, x)``, or ``(channel, z, y, x)``; not writable."""
        return self.array


def laid_anew(volume: DecodedVolume, array: NDArray[Any], geometry: Geometry) -> ArrayVolume:
    """Return a volume with other voxels, as `DecodedVolume.stored` has them, on another grid; it is written anew."""
    native = array.dtype.newbyteorder("=")
    header = replace(volume.header, geometry=geometry, dtype=native)
    return ArrayVolume(header, False, volume.trailing, array.astype(native, copy=False))


def arranged(raw: Any, header: VolumeHeader, offset: int, *, interleaved: bool) -> NDArray[Any]:
    """Return the voxels that begin at a byte of `raw`, x fastest, as `DecodedVolume.stored` has them.

    Parameters
    ----------
    raw
        At least ``offset + header.voxel_bytes`` bytes.
    interleaved
        Whether the channels of one voxel lie together, rather than the voxels of one channel.
    """
    shape = header.geometry.array_shape
    flat = np.frombuffer(raw, dtype=header.dtype, count=header.voxel_bytes // header.dtype.itemsize, offset=offset)
    if header.channels == 1:
        return flat.reshape(shape)
    if not interleaved:
        return flat.reshape(header.channels, *shape)
    array = np.ascontiguousarray(np.moveaxis(flat.reshape(*shape, header.channels), -1, 0))
    array.flags.writeable = False
    return array


def plain_name(name: str) -> str:
    """Return the name of a data file, which must lie beside its header; ``./`` before it says the same.

    Raises
    ------
    SegconvError
        ``SC053`` for a list or a pattern of files; ``SC060`` for a path.
    """
    name = name.removeprefix("./")
    if name.upper().split()[:1] == ["LIST"] or "%" in name:
        raise SegconvError(
            f"its voxels are spread over several files ({name!r})",
            code="SC053",
            hint="load it in the program that wrote it and save it as one file",
        )
    if not name or name in (".", "..") or any(mark in name for mark in "/\\\0") or not name.isprintable():
        raise SegconvError(
            f"names {name!r} as its data file, expected the name of a file beside it",
            code="SC060",
            hint="put both files into one folder and mend the name in the header",
        )
    return name
