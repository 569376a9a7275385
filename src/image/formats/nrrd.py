"""NRRD: text headers parsed by pynrrd and judged here, voxels decoded so that every byte is proved.

Source of the format: http://teem.sourceforge.net/nrrd/format.html. How a header becomes a grid
follows ITK's reader, and tests hold it to that, because nnU-Net reads NRRD through SimpleITK.
"""

from __future__ import annotations

import bz2
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import nrrd
import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from .. import content
from ..geometry import Geometry, grid_of
from ..gzipped import TRAILING_LIMIT, Buffer, deflate, inflate
from ..read_options import STRICT, ReadOptions
from ..stored import ArrayVolume, TextHeader, arranged, plain_name
from ..warned import warnings_as

MAGIC = b"NRRD0"
_MAGIC_LINE = re.compile(r"NRRD000[1-5]")

HEAD_LIMIT = 1 << 22
"""A header takes fewer bytes than this; those of segmentations with hundreds of segments reach a tenth of it."""

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

# Signs of x and y that turn a frame into LPS.
_SPACES = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1, 1, 1)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1, -1, 1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1, -1, 1)),
}
_UNKNOWN_SPACES = ("scanner-xyz", "3d-right-handed", "3d-left-handed")
"""Frames that are not the patient's; ITK takes their numbers for LPS."""

_FIELDS = {
    spelling: name
    for name in (
        *("content", "number", "type", "block size", "dimension", "space", "space dimension", "sizes", "spacings"),
        *("thicknesses", "axis mins", "axis maxs", "centerings", "kinds", "labels", "units", "sample units"),
        *("space directions", "space origin", "space units", "measurement frame", "data file", "encoding", "endian"),
        *("min", "max", "old min", "old max", "byte skip", "line skip"),
    )
    for spelling in (name, name.replace(" ", ""))
}
"""All fields of the format, with and without spaces: a misspelt one must not pass for one that is absent."""

_NUMERIC = (
    *("block size", "dimension", "space dimension", "sizes", "spacings", "thicknesses", "axis mins", "axis maxs"),
    *("space directions", "space origin", "measurement frame", "byte skip", "line skip"),
)
_NUMBERS = re.compile(r"[-+0-9.eE,() \tNnAaOoIiFf]*")
"""Digits, brackets, and the letters of none, nan and inf; Python reads more as numbers than the format has."""

_OF_AXES = ("sizes", "spacings", "thicknesses", "axis mins", "axis maxs", "centerings", "kinds", "labels", "units")
_OF_SPACE = ("space directions", "space origin", "space units", "measurement frame")

_MM_PER_UNIT = {
    **dict.fromkeys(("mm", "millimeter", "millimetre", "", "???", "none"), 1.0),
    **dict.fromkeys(("m", "meter", "metre"), 1000.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(
        ("um", "\N{MICRO SIGN}m", "\N{GREEK SMALL LETTER MU}m", "micron", "micrometer", "micrometre"), 1e-3
    ),
}
"""The format prescribes no names; who names none means mm."""

_SPATIAL_KINDS = ("domain", "space")
_UNTOLD_KINDS = ("???", "none")
_CHANNEL_KINDS = (
    *("list", "vector", "covariant-vector", "normal", "point", "time", "scalar", "stub", *_UNTOLD_KINDS),
    *("2-vector", "3-vector", "4-vector", "3-gradient", "3-normal"),
)
_COLOUR_KINDS = ("rgb-color", "rgba-color", "hsv-color", "xyz-color", "3-color", "4-color")


@dataclass(frozen=True)
class NrrdHeader(TextHeader):
    """What a NRRD header says, after it was found to be usable.

    Parameters
    ----------
    encoding
        ``"raw"``, ``"gzip"`` or ``"bzip2"``.
    line_skip
        Lines before the data, skipped before it is decompressed.
    byte_skip
        Bytes before the data, skipped after it is decompressed; -1: it is the last of the file.
    pairs
        The key/value pairs, in their order, unescaped.
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
        The file, or as much of it as holds the header.

    Raises
    ------
    SegconvError
        ``SC051`` if this is no NRRD; ``SC053`` if the header contradicts itself; ``SC054`` if it is
        longer than `HEAD_LIMIT`; ``SC056`` for colour, blocks and other voxels that nnU-Net cannot
        be trained on; ``SC057`` if spacing, origin or direction is not usable; ``SC060`` if it names
        a data file that is not one plain name.
    """
    text, text_bytes = _text(head)
    lines, pairs = _sorted_out(text)
    fields = _fields(lines)
    sizes = [int(size) for size in _required(fields, "sizes")]
    if len(sizes) != _required(fields, "dimension"):
        raise SegconvError(f"declares {fields['dimension']} dimensions and the sizes {tuple(sizes)}", code="SC053")
    if any(size < 1 for size in sizes):
        raise SegconvError(f"declares the sizes {tuple(sizes)}; each must be at least 1", code="SC053")
    dtype = _voxel_type(fields)
    channel_axis = _channel_axis(fields, sizes)
    geometry, oddities = _spatial(fields, sizes, channel_axis, how)
    if not _in_order(list(fields)):
        oddities = (*oddities, ("SC093", "its fields stand in an order that other readers refuse"))
    if any(line.endswith((" ", "\t")) and ":=" not in line for line in text):
        oddities = (*oddities, ("SC093", "has blanks at the end of fields, which other readers refuse"))
    encoding = _encoding(fields)
    line_skip = int(fields.get("line skip", 0))
    byte_skip = int(fields.get("byte skip", 0))
    if line_skip < 0 or byte_skip < -1 or (byte_skip == -1 and encoding != "raw"):
        raise SegconvError(f"skips {line_skip} lines and {byte_skip} bytes of {encoding} data", code="SC053")
    return NrrdHeader(
        geometry=geometry,
        channels=1 if channel_axis is None else sizes[channel_axis],
        dtype=dtype,
        slope=1.0,
        intercept=0.0,
        four_dimensional=channel_axis is not None,
        oddities=oddities,
        interleaved=channel_axis == 0,
        encoding=encoding,
        line_skip=line_skip,
        byte_skip=byte_skip,
        text_bytes=text_bytes,
        voxel_file=_data_file(fields),
        pairs=pairs,
    )


def probe(file: BinaryIO, how: ReadOptions = STRICT) -> NrrdHeader:
    """Judge the header of an open file; see `read_header`."""
    head = file.read(_USUAL_HEAD)
    if len(head) == _USUAL_HEAD and b"\n\n" not in head and b"\n\r\n" not in head:
        head += file.read(HEAD_LIMIT + 1 - _USUAL_HEAD)
    return read_header(head, how)


def decode(data: Buffer, companion: Buffer | None = None, how: ReadOptions = STRICT) -> ArrayVolume:
    """Decode a whole file, proving every byte of it.

    Parameters
    ----------
    data
        The file, or the header of a volume in two files.
    companion
        The file that the header names as ``data file``.

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
    packed = memoryview(data)[header.text_bytes :] if header.voxel_file is None else memoryview(companion or b"")
    packed = _skip_lines(packed, header.line_skip)
    raw: Buffer
    if header.encoding == "raw":
        raw, alone = packed, True
    else:
        unpack = inflate if header.encoding == "gzip" else _inflate_bzip2
        raw, alone = unpack(packed, header.byte_skip + header.voxel_bytes + TRAILING_LIMIT)
    start = header.byte_skip if header.byte_skip >= 0 else len(raw) - header.voxel_bytes
    end = start + header.voxel_bytes
    if start < 0 or len(raw) < end:
        raise SegconvError(
            f"its voxels take {len(raw) - max(start, 0)} bytes, its header promises {header.voxel_bytes}", code="SC052"
        )
    if len(raw) > end + TRAILING_LIMIT:
        raise SegconvError(f"{len(raw) - end} bytes follow the last voxel, at most {TRAILING_LIMIT} may", code="SC054")
    trailing = len(raw) > end or not alone
    array = arranged(raw, header, start, interleaved=header.interleaved)
    return ArrayVolume(header, header.plain and not trailing, trailing, array)


def encode(
    array: NDArray[Any], geometry: Geometry, _ending: str = ".nrrd", sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a NRRD file, gzipped inside, the same bytes for the same voxels.

    Parameters
    ----------
    array
        ``(z, y, x)``, integers or floats of up to 64 bits.
    geometry
        The grid, three-dimensional.
    sheared
        Directions to write instead of the grid's own: those of the file that the grid comes from.
    """
    if array.shape != geometry.array_shape:
        raise ValueError(f"array of shape {array.shape} is not on a grid of shape {geometry.array_shape}")
    return [file_bytes(array, geometry, ["domain"] * 3, [], sheared)]


def file_bytes(
    array: NDArray[Any],
    geometry: Geometry,
    kinds: list[str],
    pairs: list[tuple[str, str]],
    sheared: NDArray[np.float64] | None = None,
) -> bytes:
    """Return a NRRD file with axes of these kinds and these key/value pairs.

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
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
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
        *(f"{key}:={_escaped(value)}" for key, value in pairs),
    ]
    return ("\n".join(header) + "\n\n").encode() + deflate([little.reshape(-1).view(np.uint8)])


def _unescaped(value: str) -> str:
    """The text of a key/value pair, which writes line feeds and backslashes with a backslash."""
    return value.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\r", " ").replace("\n", "\\n")


def _vector(numbers: Any) -> str:
    return "(" + ",".join(repr(float(number)) for number in numbers) + ")"


def _text(head: Buffer) -> tuple[list[str], int]:
    """Return the lines of the header, and its length with the empty line that ends it."""
    if bytes(head[: len(MAGIC)]) != MAGIC:
        raise content.refuse(head, "a NRRD volume")
    start = bytes(head[:HEAD_LIMIT])
    at = 0
    lines: list[str] = []
    while True:
        end = start.find(b"\n", at)
        line = (start[at:] if end < 0 else start[at:end]).removesuffix(b"\r")
        at = len(start) if end < 0 else end + 1
        if end < 0 and len(head) > HEAD_LIMIT:
            raise SegconvError(f"its header takes more than {HEAD_LIMIT} bytes", code="SC054")
        if not line:
            return lines, at
        # The format is ASCII; 3D Slicer writes the names of segments in UTF-8.
        lines.append(line.decode("utf-8", "replace"))
        if end < 0:
            return lines, at


def _sorted_out(text: list[str]) -> tuple[list[str], Mapping[str, str]]:
    """Return the magic and the lines of fields, their names in one spelling, and the key/value pairs."""
    if not _MAGIC_LINE.fullmatch(text[0]):
        raise SegconvError(f"begins with the line {text[0][:20]!r}, expected NRRD0001 to NRRD0005", code="SC053")
    lines, pairs = text[:1], {}
    for line in text[1:]:
        if line.startswith("#"):
            continue
        field_end, pair_end = line.find(": "), line.find(":=")
        if pair_end >= 0 and not 0 <= field_end < pair_end:
            key = line[:pair_end]
            if key in pairs:
                raise SegconvError(f"its header says {key[:60]!r} twice", code="SC053")
            pairs[key] = _unescaped(line[pair_end + 2 :].strip())
            continue
        name = _FIELDS.get(line[: max(field_end, 0)].lower().replace("centers", "centerings"))
        value = line[field_end + 2 :].strip()
        if name is None or (name in _NUMERIC and not _NUMBERS.fullmatch(value)):
            raise SegconvError(f"its header has the line {line[:60]!r}, which the format does not know", code="SC053")
        lines.append(f"{name}: {value}")
    return lines, pairs


def _in_order(names: list[str]) -> bool:
    """Return whether each field stands behind the one that says how long its list is."""
    axes_at = names.index("dimension")
    space_at = next((at for at, name in enumerate(names) if name in ("space", "space dimension")), -1)
    return not any(
        (name in _OF_AXES and at < axes_at) or (name in _OF_SPACE and (at < axes_at or at < space_at))
        for at, name in enumerate(names)
    )


def _fields(lines: list[str]) -> Mapping[str, Any]:
    # pynrrd parses each number by itself and raises whatever that raises.
    try:
        with warnings_as("error"):
            fields: Mapping[str, Any] = nrrd.read_header(lines)
    except (
        *(nrrd.NRRDError, ValueError, TypeError, KeyError, IndexError),
        *(AttributeError, OverflowError, StopIteration, Warning),
    ) as error:
        raise SegconvError(f"its header cannot be read ({error})", code="SC053") from error
    return fields


def _required(fields: Mapping[str, Any], name: str) -> Any:
    if name not in fields:
        raise SegconvError(f"its header has no field {name!r}", code="SC053")
    return fields[name]


def _voxel_type(fields: Mapping[str, Any]) -> np.dtype[Any]:
    name = str(_required(fields, "type")).lower()
    if name not in _TYPES:
        raise SegconvError(f"has voxels of type {name!r}", code="SC056")
    dtype: np.dtype[Any] = np.dtype(_TYPES[name])
    if dtype.itemsize == 1:
        return dtype
    endian = str(_required(fields, "endian")).lower()
    if endian not in ("little", "big"):
        raise SegconvError(f"has the byte order {endian!r}, expected little or big", code="SC053")
    ordered: np.dtype[Any] = dtype.newbyteorder("<" if endian == "little" else ">")
    return ordered


def _encoding(fields: Mapping[str, Any]) -> str:
    name = str(_required(fields, "encoding")).lower()
    known = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
    if name not in known:
        raise SegconvError(
            f"its voxels are encoded as {name!r}, expected raw, gzip or bzip2",
            code="SC056",
            hint="save the file again with gzip encoding",
        )
    return known[name]


def _data_file(fields: Mapping[str, Any]) -> str | None:
    name = fields.get("data file")
    return None if name is None else plain_name(str(name))


def _channel_axis(fields: Mapping[str, Any], sizes: list[int]) -> int | None:
    """Return which axis, counted from the fastest, holds channels; None if all are spatial."""
    n = len(sizes)
    if not 2 <= n <= 4:
        raise SegconvError(f"declares {n} dimensions, expected 2 to 4", code="SC053")
    kinds = [str(kind).lower() for kind in fields.get("kinds", [])]
    if kinds and len(kinds) != n:
        raise SegconvError(f"declares {n} dimensions and {len(kinds)} kinds", code="SC053")
    outside = [axis for axis, kind in enumerate(kinds) if kind not in _SPATIAL_KINDS]
    for axis in outside:
        if kinds[axis] in _COLOUR_KINDS:
            raise SegconvError(f"has colour voxels ({kinds[axis]})", code="SC056", hint="export one grey channel")
        if kinds[axis] not in _CHANNEL_KINDS:
            raise SegconvError(f"has voxels of the kind {kinds[axis]!r}", code="SC056")
    directions = fields.get("space directions")
    if directions is not None:
        rows = _rows(directions, n)
        for axis in outside:
            if rows[axis] is not None and kinds[axis] not in _UNTOLD_KINDS:
                raise SegconvError(f"gives axis {axis}, a {kinds[axis]}, a direction in space", code="SC053")
        outside = [axis for axis, row in enumerate(rows) if row is None]
    elif not outside and n == 4:
        outside = [3]
    if all(kind in _UNTOLD_KINDS for kind in kinds) and directions is None and n < 4:
        outside = []  # says nothing at all
    if len(outside) > 1 or n - len(outside) not in (2, 3):
        raise SegconvError(
            f"has {n - len(outside)} axes in space and {len(outside)} others, expected 2 or 3 and at most 1",
            code="SC053",
        )
    if outside and outside[0] not in (0, n - 1):
        raise SegconvError("its channels are neither its first nor its last axis", code="SC053")
    return outside[0] if outside else None


def _rows(directions: Any, n: int) -> list[NDArray[np.float64] | None]:
    """Return the step along each axis, None for axes that are not in space."""
    rows = list(directions)
    if len(rows) != n:
        raise SegconvError(f"declares {n} dimensions and {len(rows)} space directions", code="SC053")
    steps: list[NDArray[np.float64] | None] = []
    for row in rows:
        # pynrrd writes NaN for the word "none".
        vector = np.full(1, np.nan) if row is None else np.asarray(row, dtype=np.float64).reshape(-1)
        steps.append(None if np.isnan(vector).all() else vector)
    return steps


def _spatial(
    fields: Mapping[str, Any], sizes: list[int], channel_axis: int | None, how: ReadOptions
) -> tuple[Geometry, tuple[tuple[str, str], ...]]:
    """Return the grid as ITK reads it, and what is odd about the header."""
    axes = [axis for axis in range(len(sizes)) if axis != channel_axis]
    size = [sizes[axis] for axis in axes]
    oddities: list[tuple[str, str]] = []
    if len(size) == 2:
        oddities.append(("SC093", "is a picture of two dimensions; taken as one slice"))
        size.append(1)
    directions = fields.get("space directions")
    if directions is None:
        return _unplaced(fields, axes, size, oddities)
    signs = _signs(fields, oddities)
    scale = _mm_per_unit(fields.get("space units", []), oddities)
    steps = [row * scale for row in _rows(directions, len(sizes)) if row is not None]
    origin = np.asarray(fields.get("space origin", np.zeros(len(steps[0]))), dtype=np.float64) * scale
    if origin.shape != steps[0].shape:
        raise SegconvError("space directions and space origin differ in length", code="SC053")
    if len(origin) != 3:
        if len(origin) != 2 or len(steps) != 2:
            raise SegconvError(f"lies in a space of {len(origin)} dimensions, expected 3", code="SC053")
        steps = [np.append(step, 0.0) for step in steps]
        origin = np.append(origin, 0.0)
    lengths = [math.hypot(*step) for step in steps]
    if not all(math.isfinite(length) and length > 0 for length in lengths):
        raise SegconvError(f"its axes have the steps {tuple(lengths)} mm, expected numbers above 0", code="SC057")
    cosines = [step / length * signs for step, length in zip(steps, lengths, strict=True)]
    if len(cosines) == 2:
        cosines.append(np.cross(cosines[0], cosines[1]))
        lengths.append(1.0)
    grid = grid_of(
        tuple(size), tuple(lengths), tuple((origin * signs).tolist()), np.stack(cosines, axis=1), oddities, how
    )
    return grid, tuple(oddities)


def _signs(fields: Mapping[str, Any], oddities: list[tuple[str, str]]) -> NDArray[np.float64]:
    space = fields.get("space")
    name = str(space).lower()
    if space is not None and name in _SPACES:
        return np.array(_SPACES[name], dtype=np.float64)
    if space is not None and name not in _UNKNOWN_SPACES:
        raise SegconvError(
            f"lies in the space {space!r}, expected left-posterior-superior or another of a patient's",
            code="SC057",
            hint="save the file again in the space left-posterior-superior",
        )
    if str(fields.get("space dimension")) == "2":
        return np.ones(3)  # no named space has two dimensions
    what = "names no space" if space is None else f"lies in the space {space!r}, which is not a patient's"
    oddities.append(("SC092", f"{what}; taken for left-posterior-superior, as SimpleITK reads it"))
    return np.ones(3)


def _unplaced(
    fields: Mapping[str, Any], axes: list[int], size: list[int], oddities: list[tuple[str, str]]
) -> tuple[Geometry, tuple[tuple[str, str], ...]]:
    """Return the grid of a file that has spacings at best: along the axes, at the origin, as ITK reads it."""
    for name in ("space origin", "space", "space dimension", "axis mins", "axis maxs"):
        if name in fields:
            raise SegconvError(
                f"has the field {name!r} but no space directions", code="SC057", hint="save the file again as NRRD"
            )
    spacings = fields.get("spacings")
    if spacings is None:
        oddities.append(("SC092", "has neither space directions nor spacings; a spacing of 1 mm was taken"))
        return Geometry.plain(size), tuple(oddities)
    steps = np.asarray(spacings, dtype=np.float64).reshape(-1)
    if len(steps) <= max(axes):
        raise SegconvError(f"has {len(steps)} spacings for {max(axes) + 1} axes", code="SC053")
    units = fields.get("units", [""] * len(steps))
    scale = _mm_per_unit([units[axis] for axis in axes if axis < len(units)], oddities)
    spacing = [float(steps[axis]) * scale for axis in axes]
    if not all(math.isfinite(step) and step > 0 for step in spacing):
        raise SegconvError(f"has the spacings {tuple(spacing)}, expected numbers above 0", code="SC057")
    oddities.append(("SC092", "has no space directions; the grid is taken to lie along the LPS axes"))
    return Geometry.plain(size, (*spacing, *[1.0] * (3 - len(spacing)))), tuple(oddities)


def _mm_per_unit(units: Sequence[Any], oddities: list[tuple[str, str]]) -> float:
    """Return what lengths are multiplied by to be in mm."""
    names = sorted({str(unit).strip('" ').lower() for unit in units})
    factors = {_MM_PER_UNIT.get(name) for name in names} or {1.0}
    factor = factors.pop()
    if factor is None or factors:
        odd = next((name for name in names if name not in _MM_PER_UNIT), " and ".join(names))
        raise SegconvError(
            f"measures lengths in {odd}, expected mm", code="SC057", hint="save the file again with lengths in mm"
        )
    if factor != 1.0:
        oddities.append(("SC092", f"lengths are in {names[0]}; converted to mm"))
    return factor


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


def _inflate_bzip2(data: Buffer, limit: int) -> tuple[bytes, bool]:
    """Inflate a bzip2 stream to its end, checksums included; say whether nothing follows it."""
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
