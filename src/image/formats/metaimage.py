"""MetaImage: judge headers, decode voxels and prove every byte, and write the same bytes for the same voxels.

Source of the format: https://itk.org/Wiki/ITK/MetaIO/Documentation. No maintained library reads it
from memory. A header becomes a grid as in ITK's reader, which tests compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from ...errors import SegconvError
from ..deflated import ZLIB_WBITS, deflate_zlib
from ..geometry import Geometry, grid_of
from ..gzipped import DEFLATE_LEVEL, Buffer, DamagedStream
from ..read_options import STRICT, ReadOptions
from ..stored import ArrayVolume, TextHeader
from ..voxel_bytes import (
    anything_after,
    little_endian,
    part_with_voxels,
    plain_name,
    refuse_large,
    volume_of,
)
from .metaimage_fields import HEAD_LIMIT, Fields, read_fields

LOCAL = "LOCAL"
"""Name of the data file of a volume that is one file."""

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    # MetaIO counts four bytes for these, whatever the size of a long on the machine.
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_TYPE_NAMES = {code: name for name, code in _TYPES.items() if "LONG" not in name or code[1] == "8"}
_OF_AXES = (
    *("DimSize", "ElementSpacing", "ElementSize", "Offset", "Position", "Origin", "CenterOfRotation"),
    *("TransformMatrix", "Rotation", "Orientation"),
)
"""Keys whose values are as many as NDims says."""

_MM_PER_UNIT = {"mm": 1.0, "um": 1e-3, "cm": 10.0, "?": 1.0, "": 1.0}


@dataclass(frozen=True)
class MetaHeader(TextHeader):
    """A usable MetaImage header.

    Parameters
    ----------
    compressed
        Whether the voxels are a zlib stream.
    compressed_bytes
        Its length, or None if the header does not say.
    skip
        Bytes before the voxels in a data file; with -1, the voxels are at its end.
    """

    compressed: bool
    compressed_bytes: int | None
    skip: int


def read_header(head: Buffer, how: ReadOptions = STRICT) -> MetaHeader:
    """Judge the header of a MetaImage.

    Parameters
    ----------
    head
        The file, or a first part of it that contains the header.

    Raises
    ------
    SegconvError
        ``SC051`` if this is not a MetaImage; ``SC053`` if the header contradicts itself; ``SC056`` for
        voxels that nnU-Net cannot be trained on; ``SC057`` if spacing, origin or direction is not
        usable; ``SC060`` if it names a data file that is not one plain name.
    """
    fields = read_fields(head)
    if fields.get("ObjectType", "Image") != "Image":
        raise SegconvError(f"is a MetaIO object of type {fields.values['ObjectType']!r}, expected Image", code="SC051")
    sizes, components = _shape(fields)
    data_file = fields.get("ElementDataFile", LOCAL)
    voxel_file = None if data_file.upper() == LOCAL else plain_name(data_file)
    compressed, skip = _packing(fields, voxel_file)
    dtype = _voxel_type(fields)
    oddities: list[tuple[str, str]] = []
    slope = fields.number("ElementToIntensityFunctionSlope", "1")
    if (slope, fields.number("ElementToIntensityFunctionOffset", "0")) != (1, 0):
        oddities.append(("SC093", "asks for its voxels to be scaled; they were kept as stored, as SimpleITK reads it"))
    geometry = _spatial(fields, sizes, oddities, how)
    keys = list(fields.values)
    if keys.index("NDims") > min(keys.index(key) for key in _OF_AXES if key in keys):
        oddities.append(("SC093", "its fields stand in an order that other readers refuse"))
    return MetaHeader(
        geometry=geometry,
        channels=sizes[3] if len(sizes) == 4 else components,
        dtype=dtype,
        slope=1.0,
        intercept=0.0,
        four_dimensional=len(sizes) == 4 or components > 1,
        oddities=tuple(oddities),
        interleaved=len(sizes) < 4,
        text_bytes=fields.text_bytes,
        voxel_file=voxel_file,
        compressed=compressed,
        compressed_bytes=fields.whole("CompressedDataSize") if "CompressedDataSize" in fields.values else None,
        skip=skip,
    )


def probe(file: BinaryIO, how: ReadOptions = STRICT) -> MetaHeader:
    """Judge the header of an open file; see `read_header`."""
    return read_header(file.read(HEAD_LIMIT + 1), how)


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
    raw: Buffer = part_with_voxels(data, companion, header)
    start = header.skip if header.skip >= 0 else len(raw) - header.voxel_bytes
    behind = 0
    if header.compressed:
        raw, behind = _inflate_zlib(memoryview(raw), header)
    return volume_of(raw, start, header, trailing=anything_after(raw, start, header, behind))


def encode(
    array: NDArray[Any], geometry: Geometry, _ending: str = ".mha", sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a ``.mha`` file, compressed; see `Encoder.encode`."""
    packed = deflate_zlib(little_endian(array), DEFLATE_LEVEL)
    return [_header(array, geometry, len(packed), LOCAL, sheared), packed]


def encode_pair(
    array: NDArray[Any], geometry: Geometry, data_file: str, sheared: NDArray[np.float64] | None = None
) -> tuple[bytes, bytes]:
    """Return the header (``.mhd``) and the uncompressed data file of a volume in two files."""
    return _header(array, geometry, None, plain_name(data_file), sheared), bytes(little_endian(array))


def _header(
    array: NDArray[Any],
    geometry: Geometry,
    packed_bytes: int | None,
    data_file: str,
    sheared: NDArray[np.float64] | None,
) -> bytes:
    if array.shape[:3] != geometry.array_shape:
        raise ValueError(f"array of shape {array.shape} is not on a grid of shape {geometry.array_shape}")
    matrix = geometry.direction_matrix if sheared is None else sheared
    name = _TYPE_NAMES.get(array.dtype.newbyteorder("=").str[1:])
    if name is None:
        raise SegconvError(f"voxels of type {array.dtype.name} cannot be written as MetaImage", code="SC056")
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        f"CompressedData = {packed_bytes is not None}",
        *([] if packed_bytes is None else [f"CompressedDataSize = {packed_bytes}"]),
        # Each row is the direction of one axis: the transpose of ITK's matrix.
        "TransformMatrix = " + _numbers(matrix.T.ravel()),
        "Offset = " + _numbers(geometry.origin_mm),
        "CenterOfRotation = 0 0 0",
        "ElementSpacing = " + _numbers(geometry.spacing_mm),
        "DimSize = " + " ".join(str(size) for size in geometry.size),
        *(f"ElementNumberOfChannels = {channels}" for channels in array.shape[3:]),
        f"ElementType = {name}",
        f"ElementDataFile = {data_file}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _numbers(values: Any) -> str:
    return " ".join(repr(float(value)) for value in values)


def _shape(fields: Fields) -> tuple[list[int], int]:
    """Return the length of each axis, x first, and the number of values per voxel."""
    dims = fields.whole("NDims")
    if not 2 <= dims <= 4:
        raise SegconvError(f"declares {dims} dimensions, expected 2 to 4", code="SC053")
    sizes = fields.whole_numbers("DimSize", dims)
    if any(size < 1 for size in sizes):
        raise SegconvError(f"declares the sizes {tuple(sizes)}; each must be at least 1", code="SC053")
    components = fields.whole("ElementNumberOfChannels", 1)
    if components < 1 or (components > 1 and dims == 4):
        raise SegconvError(f"has {components} channels in {dims} dimensions", code="SC053")
    return sizes, components


def _packing(fields: Fields, voxel_file: str | None) -> tuple[bool, int]:
    """Return whether the voxels are compressed, and how many bytes precede them in a data file."""
    compressed = fields.yes("CompressedData", False)
    skip = fields.whole("HeaderSize", 0)
    if skip < -1 or (skip and (compressed or voxel_file is None)):
        raise SegconvError(f"has the HeaderSize {skip}, which does not go with its data", code="SC053")
    if not fields.yes("BinaryData", True):
        raise SegconvError(
            "its voxels are stored as text, expected binary data",
            code="SC056",
            hint="save the file again as binary data",
        )
    return compressed, skip


def _voxel_type(fields: Fields) -> np.dtype[Any]:
    name = fields.words("ElementType", 1)[0]
    if name not in _TYPES:
        raise SegconvError(f"has voxels of type {name[:40]!r}", code="SC056")
    keys = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    orders = {fields.yes(key, False) for key in keys if key in fields.values}
    if len(orders) > 1:
        raise SegconvError("BinaryDataByteOrderMSB and ElementByteOrderMSB contradict each other", code="SC053")
    dtype: np.dtype[Any] = np.dtype(_TYPES[name])
    return dtype if dtype.itemsize == 1 else dtype.newbyteorder(">" if True in orders else "<")


def _spatial(fields: Fields, sizes: list[int], oddities: list[tuple[str, str]], how: ReadOptions) -> Geometry:
    """Return the grid as ITK reads it: with ElementSpacing before ElementSize, and rows of the matrix as axes."""
    dims = len(sizes)
    spacing = fields.first(("ElementSpacing",), dims)
    if spacing is None:
        spacing = fields.first(("ElementSize",), dims)
    if spacing is None:
        oddities.append(("SC092", "has no ElementSpacing; a spacing of 1 mm was taken"))
        spacing = np.ones(dims)
    origin = fields.first(("Offset", "Position", "Origin"), dims)
    origin = np.zeros(dims) if origin is None else origin
    fields.first(("CenterOfRotation",), dims)  # unused, but readers lose their place if it is short
    matrix = fields.first(("TransformMatrix", "Rotation", "Orientation"), dims * dims)
    axes = np.eye(dims) if matrix is None else matrix.reshape(dims, dims)
    if dims == 4 and not np.array_equal(axes[3], np.eye(4)[3]):
        raise SegconvError("its fourth axis is turned into space", code="SC057")
    if dims == 2:
        oddities.append(("SC093", "is a picture of two dimensions; taken as one slice"))
        axes = np.block([[axes, np.zeros((2, 1))], [np.zeros((1, 2)), np.ones((1, 1))]])
        spacing, origin = np.append(spacing, 1.0), np.append(origin, 0.0)
        sizes = [*sizes, 1]
    scale = _mm_per_unit(fields, oddities)
    spacing_mm = tuple((spacing[:3] * scale).tolist())
    origin_mm = tuple((origin[:3] * scale).tolist())
    return grid_of(tuple(sizes[:3]), spacing_mm, origin_mm, axes[:3, :3].T, oddities, how)


def _mm_per_unit(fields: Fields, oddities: list[tuple[str, str]]) -> float:
    unit = fields.get("DistanceUnits", "mm").lower()
    if unit not in _MM_PER_UNIT:
        raise SegconvError(f"measures lengths in {unit[:30]!r}, expected mm", code="SC057")
    if _MM_PER_UNIT[unit] != 1:
        oddities.append(("SC092", f"lengths are in {unit}; converted to mm"))
    return _MM_PER_UNIT[unit]


def _inflate_zlib(packed: memoryview, header: MetaHeader) -> tuple[bytes, int]:
    """Inflate a zlib stream to its end, Adler-32 included, and return the number of bytes after it."""
    length = header.compressed_bytes
    if length is not None and not 0 <= length <= len(packed):
        raise SegconvError(f"its compressed voxels take {len(packed)} bytes, its header says {length}", code="SC052")
    stream = isal_zlib.decompressobj(wbits=ZLIB_WBITS)
    try:
        raw = stream.decompress(packed, max_length=header.voxel_bytes + 1)
    except DamagedStream as error:
        raise SegconvError(f"zlib stream is damaged ({error})", code="SC050") from error
    if len(raw) > header.voxel_bytes:
        raise SegconvError(
            f"inflates to more than the {header.voxel_bytes} bytes that its header accounts for", code="SC054"
        )
    if not stream.eof:
        raise SegconvError("zlib stream is cut: it ends before its checksum", code="SC050")
    after = len(stream.unused_data)
    if length is not None and length != len(packed) - after:
        raise SegconvError(
            f"its compressed voxels take {len(packed) - after} bytes, its header says {length}", code="SC053"
        )
    return raw, after
