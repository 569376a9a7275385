"""MetaImage: ``Key = Value`` headers, parsed strictly, and voxels of which every byte is proved.

Source of the format: https://itk.org/Wiki/ITK/MetaIO/Documentation. No maintained library reads it
from memory. How a header becomes a grid follows ITK's reader, and tests hold it to that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from ...errors import SegconvError
from .. import content
from ..deflated import ZLIB_WBITS, deflate_zlib
from ..geometry import Geometry, grid_of
from ..gzipped import DEFLATE_LEVEL, TRAILING_LIMIT, Buffer, DamagedStream
from ..read_options import STRICT, ReadOptions
from ..stored import ArrayVolume, TextHeader, arranged, plain_name

LOCAL = "LOCAL"
"""Name of the data file of a volume that is one file."""

HEAD_LIMIT = 1 << 16
"""A header takes fewer bytes than this."""

_KEY = re.compile(r"[^\s:]+")
"""ITK adds whatever it knows of an image, such as ``dim[0]`` of a NIfTI file and ``0008|0060`` of DICOM. A colon ends
a key for MetaIO as well, and a blank hints at a misspelt one."""
_BLANKS = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?(nan|inf)", re.IGNORECASE)
"""Python reads more as numbers than the format has."""

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    # MetaIO counts four bytes for these, whatever a long is on the machine.
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
    """What a MetaImage header says, after it was found to be usable.

    Parameters
    ----------
    compressed
        Whether the voxels are a zlib stream.
    compressed_bytes
        Its length, or None if the header does not tell.
    skip
        Bytes before the voxels in a data file; -1: the voxels are the last of it.
    """

    compressed: bool
    compressed_bytes: int | None
    skip: int


def read_header(head: Buffer, how: ReadOptions = STRICT) -> MetaHeader:
    """Judge the header of a MetaImage.

    Parameters
    ----------
    head
        The file, or as much of it as holds the header.

    Raises
    ------
    SegconvError
        ``SC051`` if this is no MetaImage; ``SC053`` if the header contradicts itself; ``SC056`` for
        voxels that nnU-Net cannot be trained on; ``SC057`` if spacing, origin or direction is not
        usable; ``SC060`` if it names a data file that is not one plain name.
    """
    fields, text_bytes = _fields(head)
    if fields.get("ObjectType", "Image") != "Image":
        raise SegconvError(f"is a MetaIO object of type {fields['ObjectType']!r}, expected Image", code="SC051")
    dims = _whole(fields, "NDims")
    if not 2 <= dims <= 4:
        raise SegconvError(f"declares {dims} dimensions, expected 2 to 4", code="SC053")
    sizes = [_integer(word, "DimSize") for word in _words(fields, "DimSize", dims)]
    if any(size < 1 for size in sizes):
        raise SegconvError(f"declares the sizes {tuple(sizes)}; each must be at least 1", code="SC053")
    components = _whole(fields, "ElementNumberOfChannels", 1)
    if components < 1 or (components > 1 and dims == 4):
        raise SegconvError(f"has {components} channels in {dims} dimensions", code="SC053")
    oddities: list[tuple[str, str]] = []
    compressed = _yes(fields, "CompressedData")
    skip = _whole(fields, "HeaderSize", 0)
    data_file = None if fields["ElementDataFile"].upper() == LOCAL else plain_name(fields["ElementDataFile"])
    if skip < -1 or (skip and (compressed or data_file is None)):
        raise SegconvError(f"has the HeaderSize {skip}, which does not go with its data", code="SC053")
    if not _yes(fields, "BinaryData", default=True):
        raise SegconvError(
            "its voxels are stored as text, expected binary data",
            code="SC056",
            hint="save the file again as binary data",
        )
    dtype = _voxel_type(fields)
    if float(_number(fields.get("ElementToIntensityFunctionSlope", "1"), "slope")) != 1 or (
        float(_number(fields.get("ElementToIntensityFunctionOffset", "0"), "offset")) != 0
    ):
        oddities.append(("SC093", "asks for its voxels to be scaled; they were kept as stored, as SimpleITK reads it"))
    geometry = _spatial(fields, sizes, oddities, how)
    if list(fields).index("NDims") > min(list(fields).index(key) for key in _OF_AXES if key in fields):
        oddities.append(("SC093", "its fields stand in an order that other readers refuse"))
    return MetaHeader(
        geometry=geometry,
        channels=sizes[3] if dims == 4 else components,
        dtype=dtype,
        slope=1.0,
        intercept=0.0,
        four_dimensional=dims == 4 or components > 1,
        oddities=tuple(oddities),
        interleaved=dims < 4,
        compressed=compressed,
        compressed_bytes=_whole(fields, "CompressedDataSize") if "CompressedDataSize" in fields else None,
        skip=skip,
        text_bytes=text_bytes,
        voxel_file=data_file,
    )


def probe(file: BinaryIO, how: ReadOptions = STRICT) -> MetaHeader:
    """Judge the header of an open file; see `read_header`."""
    return read_header(file.read(HEAD_LIMIT + 1), how)


def decode(data: Buffer, companion: Buffer | None = None, how: ReadOptions = STRICT) -> ArrayVolume:
    """Decode a whole file, proving every byte of it.

    Parameters
    ----------
    data
        The file, or the header of a volume in two files.
    companion
        The file that the header names as ``ElementDataFile``.

    Raises
    ------
    SegconvError
        What `read_header` raises; ``SC050`` for damaged compressed data; ``SC052`` if voxels are
        missing; ``SC054`` if it is larger than allowed or carries more than 1 MiB after its end.
    """
    header = read_header(data, how)
    if header.voxel_bytes > how.max_bytes:
        raise SegconvError(f"decodes to {header.voxel_bytes} bytes, at most {how.max_bytes} are allowed", code="SC054")
    if header.voxel_file is not None and companion is None:
        raise SegconvError(f"holds no voxels: they are in {header.voxel_file!r}", code="SC052")
    body = memoryview(data)[header.text_bytes :] if header.voxel_file is None else memoryview(companion or b"")
    raw: Buffer
    if header.compressed:
        raw, after = _inflate_zlib(body, header)
        start = 0
    else:
        raw, after = body, 0
        start = header.skip if header.skip >= 0 else len(body) - header.voxel_bytes
    end = start + header.voxel_bytes
    if start < 0 or len(raw) < end:
        raise SegconvError(
            f"its voxels take {len(raw) - max(start, 0)} bytes, its header promises {header.voxel_bytes}", code="SC052"
        )
    after += len(raw) - end
    if after > TRAILING_LIMIT:
        raise SegconvError(f"{after} bytes follow the last voxel, at most {TRAILING_LIMIT} may", code="SC054")
    array = arranged(raw, header, start, interleaved=header.interleaved)
    return ArrayVolume(header, header.plain and not after, after > 0, array)


def encode(
    array: NDArray[Any], geometry: Geometry, _ending: str = ".mha", sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a ``.mha`` file, compressed, the same bytes for the same voxels.

    Parameters
    ----------
    array
        ``(z, y, x)``, integers or floats of up to 64 bits.
    geometry
        The grid, three-dimensional.
    sheared
        Directions to write instead of the grid's own: those of the file that the grid comes from.
    """
    packed = deflate_zlib(_little(array, geometry), DEFLATE_LEVEL)
    return [_header(array, geometry, len(packed), LOCAL, sheared), packed]


def encode_pair(
    array: NDArray[Any], geometry: Geometry, data_file: str, sheared: NDArray[np.float64] | None = None
) -> tuple[bytes, bytes]:
    """Return the header (``.mhd``) and the uncompressed data file of a volume in two files."""
    return _header(array, geometry, None, plain_name(data_file), sheared), bytes(_little(array, geometry))


def _little(array: NDArray[Any], geometry: Geometry) -> NDArray[np.uint8]:
    if array.shape != geometry.array_shape:
        raise ValueError(f"array of shape {array.shape} is not on a grid of shape {geometry.array_shape}")
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8)


def _header(
    array: NDArray[Any],
    geometry: Geometry,
    packed_bytes: int | None,
    data_file: str,
    sheared: NDArray[np.float64] | None,
) -> bytes:
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
        # Each row is the direction of one axis: ITK's matrix, transposed.
        "TransformMatrix = " + _numbers(matrix.T.ravel()),
        "Offset = " + _numbers(geometry.origin_mm),
        "CenterOfRotation = 0 0 0",
        "ElementSpacing = " + _numbers(geometry.spacing_mm),
        "DimSize = " + " ".join(str(size) for size in geometry.size),
        f"ElementType = {name}",
        f"ElementDataFile = {data_file}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _numbers(values: Any) -> str:
    return " ".join(repr(float(value)) for value in values)


def _fields(head: Buffer) -> tuple[Mapping[str, str], int]:
    """Return the header's fields, and its length: it ends with the line that names the data file."""
    if content.kind_of(head) != "MetaImage volume":
        raise content.refuse(head, "a MetaImage volume")
    start = bytes(head[:HEAD_LIMIT])
    fields: dict[str, str] = {}
    at = 0
    while "ElementDataFile" not in fields:
        end = start.find(b"\n", at)
        if end < 0 and len(head) > HEAD_LIMIT:
            raise SegconvError(f"its header takes more than {HEAD_LIMIT} bytes", code="SC054")
        if at >= len(start):
            raise SegconvError("its header ends before the line ElementDataFile", code="SC053")
        line = (start[at:] if end < 0 else start[at:end]).decode("utf-8", "replace").strip(" \t\r")
        at = len(start) if end < 0 else end + 1
        if not line:
            continue
        key, equals, value = line.partition("=")
        key = key.strip(" \t")
        if not equals or not _KEY.fullmatch(key):
            raise SegconvError(f"its header has the line {line[:60]!r}, expected Key = Value", code="SC053")
        if key in fields:
            raise SegconvError(f"its header says {key} twice", code="SC053")
        fields[key] = value.strip(" \t")
    return fields, at


def _words(fields: Mapping[str, str], key: str, count: int) -> list[str]:
    if key not in fields:
        raise SegconvError(f"its header has no {key}", code="SC053")
    words: list[str] = _BLANKS.split(fields[key])
    if len(words) != count:
        raise SegconvError(f"{key} has {len(words)} numbers, expected {count}", code="SC053")
    return words


def _integer(word: str, key: str) -> int:
    # No number of a header needs more than 19 digits.
    if not (word.isascii() and word.removeprefix("-").isdecimal() and len(word) < 20):
        raise SegconvError(f"{key} is {word[:30]!r}, expected a whole number", code="SC053")
    return int(word)


def _whole(fields: Mapping[str, str], key: str, default: int | None = None) -> int:
    if key not in fields and default is not None:
        return default
    return _integer(_words(fields, key, 1)[0], key)


def _number(word: str, key: str) -> float:
    if not _NUMBER.fullmatch(word):
        raise SegconvError(f"{key} holds {word[:30]!r}, expected a number", code="SC053")
    return float(word)


def _first(fields: Mapping[str, str], keys: tuple[str, ...], count: int) -> NDArray[np.float64] | None:
    """Return the numbers of the first key that the header has.

    Raises
    ------
    SegconvError
        ``SC053`` if two of the keys, which mean the same, have different values.
    """
    found = [(key, [_number(w, key) for w in _words(fields, key, count)]) for key in keys if key in fields]
    for key, numbers in found[1:]:
        if numbers != found[0][1]:
            raise SegconvError(f"{found[0][0]} and {key} contradict each other", code="SC053")
    return np.array(found[0][1]) if found else None


def _yes(fields: Mapping[str, str], key: str, *, default: bool = False) -> bool:
    if key not in fields:
        return default
    word = fields[key].lower()
    if word not in ("true", "false", "1", "0", "t", "f"):
        raise SegconvError(f"{key} is {fields[key][:30]!r}, expected True or False", code="SC053")
    return word in ("true", "1", "t")


def _voxel_type(fields: Mapping[str, str]) -> np.dtype[Any]:
    name = _words(fields, "ElementType", 1)[0]
    if name not in _TYPES:
        raise SegconvError(f"has voxels of type {name[:40]!r}", code="SC056")
    orders = {_yes(fields, key) for key in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB") if key in fields}
    if len(orders) > 1:
        raise SegconvError("BinaryDataByteOrderMSB and ElementByteOrderMSB contradict each other", code="SC053")
    dtype: np.dtype[Any] = np.dtype(_TYPES[name])
    return dtype if dtype.itemsize == 1 else dtype.newbyteorder(">" if True in orders else "<")


def _spatial(
    fields: Mapping[str, str], sizes: list[int], oddities: list[tuple[str, str]], how: ReadOptions
) -> Geometry:
    """Return the grid as ITK reads it: with ElementSpacing before ElementSize, and rows of the matrix as axes."""
    dims = len(sizes)
    spacing = _first(fields, ("ElementSpacing",), dims)
    if spacing is None:
        spacing = _first(fields, ("ElementSize",), dims)
    if spacing is None:
        oddities.append(("SC092", "has no ElementSpacing; a spacing of 1 mm was taken"))
        spacing = np.ones(dims)
    origin = _first(fields, ("Offset", "Position", "Origin"), dims)
    _first(fields, ("CenterOfRotation",), dims)  # counts for nothing, but readers lose their place if it is short
    matrix = _first(fields, ("TransformMatrix", "Rotation", "Orientation"), dims * dims)
    axes = np.eye(dims) if matrix is None else matrix.reshape(dims, dims)
    origin = np.zeros(dims) if origin is None else origin
    if dims == 4 and not np.array_equal(axes[3], np.eye(4)[3]):
        raise SegconvError("its fourth axis is turned into space", code="SC057")
    if dims == 2:
        oddities.append(("SC093", "is a picture of two dimensions; taken as one slice"))
        axes = np.block([[axes, np.zeros((2, 1))], [np.zeros((1, 2)), np.ones((1, 1))]])
        spacing, origin = np.append(spacing, 1.0), np.append(origin, 0.0)
        sizes = [*sizes, 1]
    unit = fields.get("DistanceUnits", "mm").lower()
    if unit not in _MM_PER_UNIT:
        raise SegconvError(f"measures lengths in {unit[:30]!r}, expected mm", code="SC057")
    scale = _MM_PER_UNIT[unit]
    if scale != 1:
        oddities.append(("SC092", f"lengths are in {unit}; converted to mm"))
        spacing, origin = spacing * scale, origin * scale
    return grid_of(
        tuple(sizes[:3]), tuple(spacing[:3].tolist()), tuple(origin[:3].tolist()), axes[:3, :3].T, oddities, how
    )


def _inflate_zlib(packed: memoryview, header: MetaHeader) -> tuple[bytes, int]:
    """Inflate a zlib stream to its end, Adler-32 included, and say how many bytes follow it."""
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
