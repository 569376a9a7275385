"""NIfTI-1: judge headers, decode voxels and prove every byte, and write the same bytes for the same voxels.

Source of the format: https://nifti.nimh.nih.gov/nifti-1 (nifti1.h). `nifti_block` reads the fields
of a header; `nifti_forms` decides which of its two forms counts.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from .. import content
from ..geometry import Geometry
from ..gzipped import TRAILING_LIMIT, Buffer, deflated_pieces, inflate, inflate_head, is_gzip
from ..read_options import STRICT, ReadOptions
from ..stored import DecodedVolume, VolumeHeader
from ..voxel_bytes import anything_after, arranged, refuse_large
from .nifti_block import DTYPES, NiftiBlock
from .nifti_forms import spatial, with_forms, with_sheared

ENDINGS = (".nii", ".nii.gz")

HEADER_SIZE = 348
NIFTI_2 = 540
"""Size of the header of a NIfTI-2 file."""
VOXELS_AT = 352
"""Voxels of a single file begin here at the earliest: the header and four bytes about extensions."""

HEAD_BYTES = 1 << 16
"""Enough of a file to inflate its header."""

EXTENSION_LIMIT = 1 << 24
"""Most bytes of header extensions."""

_TYPE_NAMES = {1: "bit", 32: "complex64", 128: "RGB", 1536: "float128", 1792: "complex128", 2304: "RGBA"}


@dataclass(frozen=True)
class NiftiHeader(VolumeHeader):
    """A usable NIfTI header.

    Parameters
    ----------
    offset
        Start of the voxels in the inflated bytes.
    block
        The 348 bytes of the header.
    """

    offset: int
    block: bytes

    @property
    def plain(self) -> bool:
        """As for any volume, but also requires native byte order, which only the header shows for one-byte voxels."""
        return super().plain and int.from_bytes(self.block[:4], sys.byteorder) == HEADER_SIZE

    def encoded(self, array: NDArray[Any], geometry: Geometry, ending: str) -> list[Any]:
        """Return the pieces of a file with other voxels; NIfTI on the same grid keeps these forms bit for bit."""
        if ending in ENDINGS and self.plain and geometry == self.geometry:
            return compress(encode_like(array, self), ending)
        return super().encoded(array, geometry, ending)


@dataclass(frozen=True)
class Nifti(DecodedVolume):
    """A decoded file.

    Parameters
    ----------
    raw
        The inflated bytes; not writable.
    """

    header: NiftiHeader
    raw: Buffer

    @property
    def stored(self) -> NDArray[Any]:
        """Stored voxels, ``(z, y, x)``, or ``(channel, z, y, x)`` if there are several; not writable."""
        return arranged(self.raw, self.header, self.header.offset, interleaved=False)

    @property
    def label_names(self) -> dict[int, str]:
        """Value → name, from a label table in the header."""
        from .nifti_names import label_names

        little = int.from_bytes(self.header.block[:4], "little") == HEADER_SIZE
        return label_names(self.raw, self.header.offset, little=little)

    def encoded(self, ending: str, geometry: Geometry | None = None, channel: int = 0) -> list[Any]:
        """Return the pieces of a file with one channel; NIfTI gets the stored bytes after a new header."""
        if ending not in ENDINGS or geometry is not None:
            return super().encoded(ending, geometry, channel)
        slab: Any = self.channel_bytes(channel)
        if not self.header.dtype.isnative:
            swapped = np.frombuffer(slab, dtype=self.header.dtype)
            slab = swapped.astype(self.header.dtype.newbyteorder("=")).view(np.uint8)
        return compress([channel_header(self.header), slab], ending)

    def channel_bytes(self, channel: int) -> memoryview:
        """Stored bytes of one channel: a view of `raw`, not a copy."""
        header = self.header
        start = header.offset + channel * header.slab_bytes
        return memoryview(self.raw)[start : start + header.slab_bytes]


def read_header(head: Buffer, how: ReadOptions = STRICT) -> NiftiHeader:
    """Judge the first bytes of an inflated NIfTI file.

    Parameters
    ----------
    head
        At least `VOXELS_AT` bytes.

    Raises
    ------
    SegconvError
        ``SC051`` if this is not a single-file NIfTI-1; ``SC053`` if sizes or offsets are impossible;
        ``SC056`` for complex, colour and other voxels that nnU-Net cannot be trained on; ``SC057``
        if spacing, origin or direction is not usable.
    """
    block = bytes(head[:HEADER_SIZE])
    _refuse_other_formats(block)
    header = NiftiBlock(block)
    size, channels, four_dimensional = _shape(header)
    dtype = _voxel_type(header)
    offset = float(header["vox_offset"])
    # With 0, nibabel reads from byte 352 but SimpleITK from 348, which gives other voxels.
    if not (VOXELS_AT <= offset <= VOXELS_AT + EXTENSION_LIMIT and offset == int(offset)):
        raise SegconvError(f"voxels are said to begin at byte {offset:g}, not at {VOXELS_AT} or later", code="SC053")
    slope, intercept = _scaling(header)
    geometry, oddities = spatial(header, size, how)
    return NiftiHeader(geometry, channels, dtype, slope, intercept, four_dimensional, oddities, int(offset), block)


def probe(file: BinaryIO, how: ReadOptions = STRICT) -> NiftiHeader:
    """Judge the header of an open file, gzipped or not; see `read_header`."""
    return _read_packed(file.read(HEAD_BYTES), how)


def _read_packed(data: Buffer, how: ReadOptions) -> NiftiHeader:
    """Judge the header of a file from its first `HEAD_BYTES` bytes, gzipped or not."""
    head = data
    if is_gzip(data):
        head = inflate_head(data, VOXELS_AT)
        if len(head) < VOXELS_AT:
            inflate(data, VOXELS_AT)  # a truncated stream is a different error from other content
    return read_header(head, how)


def decode(data: Buffer, _companion: Buffer | None = None, how: ReadOptions = STRICT) -> Nifti:
    """Decode a complete file and prove every byte of it.

    Parameters
    ----------
    data
        The file, gzipped or not; its name does not matter.

    Raises
    ------
    SegconvError
        What `read_header` raises; ``SC050`` for a damaged gzip stream; ``SC052`` if voxels are
        missing; ``SC054`` if it is larger than allowed or carries more than 1 MiB after its end.
    """
    header = _read_packed(data, how)
    refuse_large(header, how)
    limit = header.offset + header.voxel_bytes + TRAILING_LIMIT
    raw, at_end = inflate(data, limit) if is_gzip(data) else (bytes(data), True)
    trailing = anything_after(raw, header.offset, header) or not at_end
    return Nifti(header, header.plain and not trailing, trailing, raw)


def new_header(geometry: Geometry, dtype: np.dtype[Any]) -> bytes:
    """Return the 352 bytes before the voxels of a file on this grid, in mm, with both forms equal."""
    header = NiftiBlock()
    header.set_dtype(dtype)
    header.set_shape(geometry.size)
    header.set_forms(geometry.affine_ras, geometry.spacing_mm)
    return _finish(header)


def channel_header(header: NiftiHeader) -> bytes:
    """Return the 352 bytes before the voxels of one channel of a file, with unchanged scaling and forms.

    Free text is dropped. A header with oddities gets new forms; its voxels must be in native byte order.
    """
    if not header.plain:
        fresh = NiftiBlock(new_header(header.geometry, header.dtype))
        if header.scaled:
            fresh["scl_slope"], fresh["scl_inter"] = header.slope, header.intercept
        return _finish(fresh)
    own = NiftiBlock(header.block)
    own.set_shape(header.geometry.size)
    for text in ("descrip", "aux_file", "intent_name", "db_name", "data_type"):
        own[text] = b""
    return _finish(own)


def encode(
    array: NDArray[Any], geometry: Geometry, ending: str, _sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a file, gzipped if the ending says so; see `buffers_of`."""
    return compress(buffers_of(array, geometry), ending)


def buffers_of(array: NDArray[Any], geometry: Geometry) -> list[Any]:
    """Return the buffers of an uncompressed file, to join, write or pass to `compress`.

    Parameters
    ----------
    array
        ``(z, y, x)`` or ``(z, y, x, channel)``, any real type of NIfTI-1.
    geometry
        The three-dimensional grid.
    """
    if array.shape[:3] != geometry.array_shape:
        raise ValueError(f"array of shape {array.shape} is not on a grid of shape {geometry.array_shape}")
    native = _in_file_order(array)
    head = NiftiBlock(new_header(geometry, native.dtype)[:HEADER_SIZE])
    return [_with_channels(head, array), native.reshape(-1).view(np.uint8)]


def _in_file_order(array: NDArray[Any]) -> NDArray[Any]:
    """Return voxels in native byte order; one channel after another, if there are several."""
    ordered = np.moveaxis(array, 3, 0) if array.ndim > 3 else array
    return np.ascontiguousarray(ordered, dtype=array.dtype.newbyteorder("="))


def _with_channels(header: NiftiBlock, array: NDArray[Any]) -> bytes:
    """Return a header with a fourth axis for the channels of an array, if it has one."""
    if array.ndim > 3:
        header.set_shape((*array.shape[2::-1], array.shape[3]))
        header["pixdim"][4] = 1
    return _finish(header)


def encode_like(array: NDArray[Any], header: NiftiHeader) -> list[Any]:
    """Return the buffers of a file with the forms of another file, bit for bit, and voxels of another type.

    Parameters
    ----------
    array
        ``(z, y, x)`` or ``(z, y, x, channel)`` on the grid of `header`.
    header
        A header without oddities; its scaling does not apply to `array`.
    """
    own = NiftiBlock(channel_header(header))
    native = _in_file_order(array)
    own.set_dtype(native.dtype)
    own["scl_slope"], own["scl_inter"] = 1.0, 0.0
    own["cal_min"], own["cal_max"] = 0.0, 0.0
    return [_with_channels(own, array), native.reshape(-1).view(np.uint8)]


def with_own_forms(buffers: list[Any], forms: str, grid: Geometry) -> list[Any]:
    """Return the buffers of a file with the forms of another file on the same grid, or with its sheared axes.

    See `nifti_forms.with_forms` and `nifti_forms.with_sheared`.
    """
    head, *voxels = buffers
    block = bytes(head[:HEADER_SIZE])
    block = with_forms(block, forms, grid) if forms else with_sheared(block, grid) if grid.sheared else block
    return [block + bytes(head[HEADER_SIZE:]), *voxels]


def compress(buffers: list[Any], ending: str) -> list[Any]:
    """Return the pieces of a file, in order, from `buffers_of`; gzipped if the ending says so."""
    return deflated_pieces(buffers) if ending.endswith(".gz") else buffers


def _finish(header: NiftiBlock) -> bytes:
    header["magic"] = b"n+1"
    header["vox_offset"] = VOXELS_AT
    header["xyzt_units"] = 2
    return header.to_bytes() + bytes(VOXELS_AT - HEADER_SIZE)


def _refuse_other_formats(block: bytes) -> None:
    if not block or content.kind_of(block) not in (None, "NIfTI volume"):
        raise content.refuse(block, "a single-file NIfTI-1")
    if len(block) < HEADER_SIZE:
        raise SegconvError(f"ends after {len(block)} bytes, a NIfTI header takes {HEADER_SIZE}", code="SC052")
    if NIFTI_2 in (int.from_bytes(block[:4], "little"), int.from_bytes(block[:4], "big")):
        raise SegconvError(
            "is NIfTI-2, expected NIfTI-1: nnU-Net reads through SimpleITK, which does not know it",
            code="SC051",
            hint="save it as NIfTI-1, for instance as nibabel.Nifti1Image(image.dataobj, image.affine)",
        )
    if block[344:348] == b"ni1\0":
        raise SegconvError(
            "is the header of a pair of files, expected a single-file NIfTI-1",
            code="SC051",
            hint="save both as one file, for instance with nibabel",
        )
    if block[344:348] != b"n+1\0":
        raise SegconvError(
            f"is not a single-file NIfTI-1: its magic is {block[344:348]!r}, expected b'n+1\\x00'", code="SC051"
        )
    if HEADER_SIZE not in (int.from_bytes(block[:4], "little"), int.from_bytes(block[:4], "big")):
        raise SegconvError("the header does not begin with its own length, 348", code="SC051")


def _shape(header: NiftiBlock) -> tuple[tuple[int, ...], int, bool]:
    """Size ``(x, y, z)``, number of channels, and whether a fourth axis is declared."""
    dims = [int(d) for d in header["dim"]]
    n = dims[0]
    if not 2 <= n <= 7:
        raise SegconvError(f"declares {n} dimensions, expected 2 to 4", code="SC053")
    shape = dims[1 : n + 1]
    if any(d < 1 for d in shape):
        raise SegconvError(f"declares the shape {tuple(shape)}; each axis must be at least 1", code="SC053")
    if any(d != 1 for d in shape[4:]):
        raise SegconvError(f"declares the shape {tuple(shape)}, expected at most 4 dimensions", code="SC084")
    while len(shape) < 4:
        shape.append(1)
    return tuple(shape[:3]), shape[3], n >= 4


def _voxel_type(header: NiftiBlock) -> np.dtype[Any]:
    code = int(header["datatype"])
    if code not in DTYPES:
        raise SegconvError(f"has voxels of type {_TYPE_NAMES.get(code, f'{code}, which is unknown')}", code="SC056")
    dtype = header.voxel_dtype()
    if int(header["bitpix"]) != dtype.itemsize * 8:
        raise SegconvError(
            f"says {int(header['bitpix'])} bits per voxel, its type {dtype.name} has {dtype.itemsize * 8}", code="SC053"
        )
    return dtype


def _scaling(header: NiftiBlock) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope) or slope == 0:
        return 1.0, 0.0
    if abs(slope) < np.finfo(np.float64).eps:
        raise SegconvError(f"has the slope {slope:g}, which readers take for none or multiply by", code="SC053")
    if not math.isfinite(intercept):
        raise SegconvError(f"has the slope {slope:g} but the intercept {intercept}", code="SC053")
    return slope, intercept
