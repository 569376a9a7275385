"""NRRD: judge headers, decode voxels and prove every byte, and write the same bytes for the same voxels.

Source of the format: http://teem.sourceforge.net/nrrd/format.html. `nrrd_fields` reads the text of a header,
`nrrd_grid` makes a grid of it as ITK's reader does, because nnU-Net reads NRRD through SimpleITK; tests compare them.
"""

from __future__ import annotations

import bz2
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from ..geometry import Geometry
from ..gzipped import TRAILING_LIMIT, Buffer, deflate, inflate
from ..read_options import STRICT, ReadOptions
from ..stored import ArrayVolume, TextHeader
from ..voxel_bytes import anything_after, little_endian, part_with_voxels, plain_name, refuse_large, volume_of
from .nrrd_fields import HEAD_LIMIT as HEAD_LIMIT
from .nrrd_fields import Fields, escaped, read_fields
from .nrrd_grid import channel_axis, spatial

_USUAL_HEAD = (1 << 16) + 1
"""Bytes that most headers are shorter than."""

_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(
        ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"), "i8"
    ),
    **dict.fromkeys(
        ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
        "u8",
    ),
    "float": "f4",
    "double": "f8",
}
_TYPE_NAMES = {
    "i1": "signed char",
    "u1": "unsigned char",
    "i2": "short",
    "u2": "unsigned short",
    "i4": "int",
    "u4": "unsigned int",
    "i8": "int64",
    "u8": "uint64",
    "f4": "float",
    "f8": "double",
}
"""The names that are written."""

_ENCODINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}


@dataclass(frozen=True)
class NrrdHeader(TextHeader):
    """A usable NRRD header.

    Parameters
    ----------
    encoding
        ``"raw"``, ``"gzip"`` or ``"bzip2"``.
    line_skip
        Lines before the data, skipped before it is decompressed.
    byte_skip
        Bytes before the data, skipped after it is decompressed; with -1, the data is at the end of the file.
    pairs
        The key/value pairs, in order, unescaped.
    """

    encoding: str
    line_skip: int
    byte_skip: int
    pairs: Mapping[str, str]


def read_header(head: Buffer, how: ReadOptions = STRICT) -> NrrdHeader:
    """Judge the header of a NRRD file.

    Parameters
    ----------
    head
        The file, or a first part of it that contains the header.

    Raises
    ------
    SegconvError
        ``SC051`` if this is not NRRD; ``SC053`` if the header contradicts itself; ``SC054`` if it is
        longer than `HEAD_LIMIT`; ``SC056`` for colour, blocks and other voxels that nnU-Net cannot
        be trained on; ``SC057`` if spacing, origin or direction is not usable; ``SC060`` if it names
        a data file that is not one plain name.
    """
    fields = read_fields(head)
    sizes: list[int] = fields.required("sizes")
    if len(sizes) != fields.required("dimension"):
        raise SegconvError(f"declares {fields.get('dimension')} dimensions and the sizes {tuple(sizes)}", code="SC053")
    if any(size < 1 for size in sizes):
        raise SegconvError(f"declares the sizes {tuple(sizes)}; each must be at least 1", code="SC053")
    dtype = _voxel_type(fields)
    channels = channel_axis(fields, sizes)
    geometry, oddities = spatial(fields, sizes, channels, how)
    encoding, line_skip, byte_skip = _packing(fields)
    data_file = fields.get("data file")
    return NrrdHeader(
        geometry=geometry,
        channels=1 if channels is None else sizes[channels],
        dtype=dtype,
        slope=1.0,
        intercept=0.0,
        four_dimensional=channels is not None,
        oddities=(*oddities, *fields.oddities()),
        interleaved=channels == 0,
        text_bytes=fields.text_bytes,
        voxel_file=None if data_file is None else plain_name(data_file),
        encoding=encoding,
        line_skip=line_skip,
        byte_skip=byte_skip,
        pairs=fields.pairs,
    )


def probe(file: BinaryIO, how: ReadOptions = STRICT) -> NrrdHeader:
    """Judge the header of an open file; see `read_header`."""
    head = file.read(_USUAL_HEAD)
    if len(head) == _USUAL_HEAD and b"\n\n" not in head and b"\n\r\n" not in head:
        head += file.read(HEAD_LIMIT + 1 - _USUAL_HEAD)
    return read_header(head, how)


def decode(data: Buffer, companion: Buffer | None = None, how: ReadOptions = STRICT) -> ArrayVolume:
    """Decode a complete file and prove every byte of it; see `Codec.decode`.

    Raises
    ------
    SegconvError
        What `read_header` raises; ``SC050`` for damaged compressed data; ``SC052`` if voxels are
        missing; ``SC054`` if it is larger than allowed or carries more than 1 MiB after its end.
    """
    header = read_header(data, how)
    refuse_large(header, how)
    packed = _skip_lines(part_with_voxels(data, companion, header), header.line_skip)
    raw, at_end = _UNPACK[header.encoding](packed, header.byte_skip + header.voxel_bytes + TRAILING_LIMIT)
    start = header.byte_skip if header.byte_skip >= 0 else len(raw) - header.voxel_bytes
    after = anything_after(raw, start, header)
    return volume_of(raw, start, header, trailing=after or not at_end)


def encode(
    array: NDArray[Any], geometry: Geometry, _ending: str = ".nrrd", sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a NRRD file, gzipped inside; see `Encoder.encode`."""
    if array.shape[:3] != geometry.array_shape:
        raise ValueError(f"array of shape {array.shape} is not on a grid of shape {geometry.array_shape}")
    return [file_bytes(array, geometry, [*["list"] * (array.ndim - 3), *["domain"] * 3], [], sheared)]


def file_bytes(
    array: NDArray[Any],
    geometry: Geometry,
    kinds: list[str],
    pairs: list[tuple[str, str]],
    sheared: NDArray[np.float64] | None = None,
) -> bytes:
    """Return a NRRD file with the given axis kinds and key/value pairs.

    Parameters
    ----------
    array
        ``(z, y, x)``, or ``(z, y, x, channel)`` with one kind more, for the fastest axis.
    sheared
        As for `encode`.
    """
    name = _TYPE_NAMES.get(array.dtype.newbyteorder("=").str[1:])
    if name is None:
        raise SegconvError(f"voxels of type {array.dtype.name} cannot be written as NRRD", code="SC056")
    steps = (geometry.direction_matrix if sheared is None else sheared) * np.array(geometry.spacing_mm)
    directions = [_vector(steps[:, axis]) for axis in range(3)]
    header = [
        "NRRD0004",
        f"type: {name}",
        f"dimension: {array.ndim}",
        "space: left-posterior-superior",
        "sizes: " + " ".join(str(size) for size in reversed(array.shape)),
        "space directions: " + " ".join(["none"] * (array.ndim - 3) + directions),
        "kinds: " + " ".join(kinds),
        "endian: little",
        "encoding: gzip",
        "space origin: " + _vector(geometry.origin_mm),
        *(f"{key}:={escaped(value)}" for key, value in pairs),
    ]
    return ("\n".join(header) + "\n\n").encode() + deflate([little_endian(array)])


def _vector(numbers: Any) -> str:
    return "(" + ",".join(repr(float(number)) for number in numbers) + ")"


def _voxel_type(fields: Fields) -> np.dtype[Any]:
    name = fields.required("type").lower()
    if name not in _TYPES:
        raise SegconvError(f"has voxels of type {name!r}", code="SC056")
    dtype: np.dtype[Any] = np.dtype(_TYPES[name])
    if dtype.itemsize == 1:
        return dtype
    endian = fields.required("endian").lower()
    if endian not in ("little", "big"):
        raise SegconvError(f"has the byte order {endian!r}, expected little or big", code="SC053")
    ordered: np.dtype[Any] = dtype.newbyteorder("<" if endian == "little" else ">")
    return ordered


def _packing(fields: Fields) -> tuple[str, int, int]:
    """Return the encoding of the voxels, and the number of lines and bytes to skip before them."""
    name = fields.required("encoding").lower()
    if name not in _ENCODINGS:
        raise SegconvError(
            f"its voxels are encoded as {name!r}, expected raw, gzip or bzip2",
            code="SC056",
            hint="save the file again with gzip encoding",
        )
    encoding = _ENCODINGS[name]
    line_skip, byte_skip = fields.get("line skip", 0), fields.get("byte skip", 0)
    if line_skip < 0 or byte_skip < -1 or (byte_skip == -1 and encoding != "raw"):
        raise SegconvError(f"skips {line_skip} lines and {byte_skip} bytes of {encoding} data", code="SC053")
    return encoding, line_skip, byte_skip


def _skip_lines(data: memoryview, lines: int) -> memoryview:
    if lines == 0:
        return data
    whole = bytes(data)
    at = 0
    for _ in range(lines):
        end = whole.find(b"\n", at)
        if end < 0:
            raise SegconvError(f"ends before the {lines} lines that its header skips", code="SC052")
        at = end + 1
    return data[at:]


def _as_it_is(data: memoryview, _limit: int) -> tuple[memoryview, bool]:
    return data, True


def _inflate_bzip2(data: Buffer, limit: int) -> tuple[bytes, bool]:
    """Inflate a bzip2 stream to its end, checksums included; return whether nothing follows it."""
    unpacker = bz2.BZ2Decompressor()
    try:
        raw = unpacker.decompress(data, max_length=limit + 1)
    except (OSError, ValueError) as error:
        raise SegconvError(f"bzip2 stream is damaged ({error})", code="SC050") from error
    if len(raw) > limit:
        raise SegconvError(f"inflates to more than the {limit} bytes that its header accounts for", code="SC054")
    if not unpacker.eof:
        raise SegconvError("bzip2 stream is cut: it ends before its checksum", code="SC050")
    return raw, not unpacker.unused_data


_UNPACK: Mapping[str, Callable[[memoryview, int], tuple[Buffer, bool]]] = {
    "raw": _as_it_is,
    "gzip": inflate,
    "bzip2": _inflate_bzip2,
}
"""Encoding → what returns the uncompressed bytes, and whether nothing follows the compressed ones."""
