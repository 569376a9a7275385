"""Extract the voxels of a volume from the bytes of its file, and check their number and what follows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from .gzipped import TRAILING_LIMIT, Buffer
from .read_options import ReadOptions, too_large
from .stored import ArrayVolume, TextHeader, VolumeHeader


def refuse_large(header: VolumeHeader, how: ReadOptions) -> None:
    """Refuse a volume that decodes to more than the allowed bytes (``SC054``)."""
    if header.voxel_bytes > how.max_bytes:
        raise too_large(header.voxel_bytes, how.max_bytes)


def part_with_voxels(data: Buffer, companion: Buffer | None, header: TextHeader) -> memoryview:
    """Return the bytes after a header, or of the file that it names; raises ``SC052`` if that was not given."""
    if header.voxel_file is None:
        return memoryview(data)[header.text_bytes :]
    if companion is None:
        raise SegconvError(f"holds no voxels: they are in {header.voxel_file!r}", code="SC052")
    return memoryview(companion)


def anything_after(raw: Buffer, start: int, header: VolumeHeader, behind: int = 0) -> bool:
    """Check that a buffer holds all voxels, and return whether anything follows them.

    Parameters
    ----------
    raw
        The uncompressed bytes.
    start
        Start of the voxels in `raw`.
    header
        Header of the volume.
    behind
        Number of bytes after the compressed stream of `raw`.

    Raises
    ------
    SegconvError
        ``SC052`` if voxels are missing; ``SC054`` if more than `TRAILING_LIMIT` bytes follow.
    """
    end = start + header.voxel_bytes
    if start < 0 or len(raw) < end:
        raise SegconvError(
            f"its voxels take {len(raw) - max(start, 0)} bytes, its header promises {header.voxel_bytes}", code="SC052"
        )
    after = len(raw) - end + behind
    if after > TRAILING_LIMIT:
        raise SegconvError(f"{after} bytes follow the last voxel, at most {TRAILING_LIMIT} may", code="SC054")
    return after > 0


def volume_of(raw: Buffer, start: int, header: TextHeader, *, trailing: bool) -> ArrayVolume:
    """Return the volume whose voxels begin at a byte of `raw`; see `anything_after`."""
    array = arranged(raw, header, start, interleaved=header.interleaved)
    return ArrayVolume(header, header.plain and not trailing, trailing, array)


def arranged(raw: Buffer, header: VolumeHeader, start: int, *, interleaved: bool) -> NDArray[Any]:
    """Return the voxels that begin at a byte of `raw`, x fastest, as in `DecodedVolume.stored`; not writable.

    Parameters
    ----------
    raw
        At least ``start + header.voxel_bytes`` bytes.
    interleaved
        Whether the channels of one voxel are stored together, rather than the voxels of one channel.
    """
    shape = header.geometry.array_shape
    flat = np.frombuffer(raw, dtype=header.dtype, count=header.voxel_bytes // header.dtype.itemsize, offset=start)
    if header.channels == 1:
        return flat.reshape(shape)
    if not interleaved:
        return flat.reshape(header.channels, *shape)
    array = np.ascontiguousarray(np.moveaxis(flat.reshape(*shape, header.channels), -1, 0))
    array.flags.writeable = False
    return array


def little_endian(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the little-endian bytes of an array, in the order of its axes."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8)


def plain_name(name: str) -> str:
    """Return the name of a data file, which must be next to its header; ``./`` before it changes nothing.

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
            f"names {name!r} as its data file, expected the name of a file next to it",
            code="SC060",
            hint="put both files into one folder and correct the name in the header",
        )
    return name
