"""BMP: uncompressed rows, read directly, because readers disagree on which palettes are grey.

Source of the format: https://learn.microsoft.com/windows/win32/gdi/bitmap-storage. Pillow writes it.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import Cure, SegconvError
from .. import content
from ..geometry import Geometry
from ..gzipped import Buffer
from ..picture import DecodedPicture, PictureHeader, opaque, refuse_colourless, refuse_size, refuse_tail
from ..read_options import STRICT, ReadOptions

HEAD_BYTES = 14 + 124 + 4 * 256
"""The longest header, and a palette."""

_BITFIELDS = 3
_MASKS = (0xFF0000, 0x00FF00, 0x0000FF)
_ALPHA = 0xFF000000
"""Of red, green, blue and alpha in 32 bits, as everybody writes them."""


@dataclass(frozen=True)
class _Layout:
    """The layout of the file."""

    header: PictureHeader
    rows_at: int
    row_bytes: int
    upside_down: bool
    bits: int
    colours: NDArray[np.uint8]


def probe(file: BinaryIO, _how: ReadOptions = STRICT) -> PictureHeader:
    """Judge the header of an open BMP; see `read_header`."""
    return read_header(file.read(HEAD_BYTES))


def read_header(head: Buffer) -> PictureHeader:
    """Judge the first `HEAD_BYTES` bytes of a BMP.

    A picture whose palette is the ramp of all greys from black to white counts as grey.

    Raises
    ------
    SegconvError
        ``SC051`` if it is not a BMP; ``SC053`` if its header is impossible; ``SC054`` for too many pixels;
        ``SC056`` for 16 bits and compressed pixels; ``SC058`` if the header is truncated.
    """
    return _layout(head).header


def decode(data: Buffer, _companion: Buffer | None = None, _how: ReadOptions = STRICT) -> DecodedPicture:
    """Decode a BMP: ``(y, x)`` indices or grey, or ``(y, x, s)``.

    Raises
    ------
    SegconvError
        What `read_header` raises; ``SC058`` if rows are missing; ``SC053`` if an index has no colour;
        ``SC054`` if more than 1 MiB follows the end.
    """
    found = _layout(data)
    header = found.header
    end = found.rows_at + found.row_bytes * header.height
    if len(data) < end:
        raise SegconvError(f"is cut: it ends after {len(data)} bytes, its header promises {end}", code="SC058")
    trailing = refuse_tail(data, end)
    rows = np.frombuffer(data, np.uint8, end - found.rows_at, found.rows_at).reshape(header.height, -1)
    if found.upside_down:
        rows = rows[::-1]
    samples = _colours_of_rows(rows, found) if header.samples > 1 else _bits_of_rows(rows, found)
    colours = opaque(found.colours) if header.kind == "palette" else None
    return DecodedPicture(header, not trailing, trailing, bytes(data), colours, samples)


def encode(
    array: NDArray[Any], _geometry: Geometry, _ending: str = ".bmp", _sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a BMP; see `encode_samples`."""
    return [encode_samples(array)]


def encode_palette(indices: NDArray[Any], colours: NDArray[np.uint8], _depth: int = 8) -> bytes:
    """Return a palette BMP; the format has no alpha."""
    return encode_samples(indices, colours[:, :3])


def encode_samples(samples: NDArray[Any], colours: NDArray[np.uint8] | None = None) -> bytes:
    """Return a BMP, uncompressed.

    Parameters
    ----------
    samples
        ``(y, x)``: bool for 1 bit per pixel, or uint8; or RGB ``(y, x, 3)`` or RGBA ``(y, x, 4)`` uint8.
    colours
        ``(n, 3)``, to make a palette picture of ``(y, x)`` uint8 indices.

    Raises
    ------
    SegconvError
        ``SC056`` for samples of 16 bits.
    """
    if samples.dtype == np.uint16:
        what = "needs 16 bits, and a BMP has 8 for each channel"
        raise SegconvError(what, code="SC056", cures=(Cure.of("write_tiff"),))
    if samples.shape[2:] == (4,):
        return _with_alpha(samples)
    image = Image.fromarray(np.ascontiguousarray(samples))
    if colours is not None:
        refuse_colourless(samples, len(colours))
        image.putpalette(np.ascontiguousarray(colours, dtype=np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="BMP")
    return buffer.getvalue()


def _with_alpha(samples: NDArray[Any]) -> bytes:
    """Return a BMP with a version 4 header that declares alpha, which Pillow does not write."""
    height, width = samples.shape[:2]
    rows = np.ascontiguousarray(samples[::-1, :, [2, 1, 0, 3]], dtype=np.uint8).tobytes()
    rows_at = 14 + 108
    return (
        struct.pack("<2sI4xI", b"BM", rows_at + len(rows), rows_at)
        + struct.pack("<IiiHHII16x", 108, width, height, 1, 32, _BITFIELDS, len(rows))
        + struct.pack("<IIII4s48x", *_MASKS, _ALPHA, b"BGRs")
        + rows
    )


def _colours_of_rows(rows: NDArray[np.uint8], found: _Layout) -> NDArray[np.uint8]:
    """Return rows, which store blue first, as ``(y, x, sample)``."""
    header = found.header
    pixels = rows[:, : header.width * found.bits // 8].reshape(header.height, header.width, -1)
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: header.samples]])


def _bits_of_rows(rows: NDArray[np.uint8], found: _Layout) -> NDArray[np.uint8]:
    """Return rows of pixels of at most one byte as ``(y, x)``."""
    header = found.header
    bits = np.unpackbits(rows, axis=-1)[:, : header.width * found.bits]
    samples = np.packbits(bits.reshape(header.height, header.width, found.bits), axis=-1)[..., 0] >> (8 - found.bits)
    refuse_colourless(samples, len(found.colours))
    return np.ascontiguousarray(samples)


def _layout(data: Buffer) -> _Layout:
    head = bytes(data[:HEAD_BYTES])
    if head[:2] != b"BM":
        raise content.refuse(head, "a BMP picture")
    if len(head) < 54:
        raise SegconvError(f"ends after {len(head)} bytes, within its header", code="SC058")
    rows_at, length, width, height, planes, bits, compression = struct.unpack("<10xIIiiHHI", head[:34])
    if not 40 <= length <= 124 or planes != 1 or rows_at < 14 + length:
        raise SegconvError(f"has a BMP header of {length} bytes and {planes} planes", code="SC053")
    _refuse_coding(head, bits, compression)
    refuse_size(width, abs(height))
    colours = np.zeros((0, 3), np.uint8)
    kind, samples = "RGB", 3
    if bits <= 8:
        colours = _colours(head, length, bits, rows_at)
        kind, samples = _kind(colours, bits), 1
    elif compression == _BITFIELDS and length >= 56 and head[66:70] == _ALPHA.to_bytes(4, "little"):
        kind, samples = "RGBA", 4
    header = PictureHeader(width, abs(height), min(bits, 8), kind, samples, format="BMP")
    return _Layout(header, rows_at, (width * bits + 31) // 32 * 4, height > 0, bits, colours)


def _refuse_coding(head: bytes, bits: int, compression: int) -> None:
    masks = struct.unpack("<III", head[54:66].ljust(12, b"\0"))
    usual = compression == 0 or (compression == _BITFIELDS and masks == _MASKS)
    if bits not in (1, 4, 8, 24, 32) or not usual:
        raise SegconvError(
            f"is a BMP of {bits} bits with the compression {compression}, expected 1, 4, 8, 24 or 32 bits without",
            code="SC056",
            hint="save it as PNG",
        )


def _kind(colours: NDArray[np.uint8], bits: int) -> str:
    """Return the kind of a picture with these colours: grey if they are all greys from black to white."""
    ramp = np.arange(1 << bits) * (255 // ((1 << bits) - 1))
    return "gray" if np.array_equal(colours, np.stack([ramp] * 3, axis=-1)) else "palette"


def _colours(head: bytes, length: int, bits: int, rows_at: int) -> NDArray[np.uint8]:
    """Return the palette after a header of a given length, ``(n, 3)`` red, green, blue."""
    used = int.from_bytes(head[46:50], "little")
    count = min(used or 1 << bits, 1 << bits, (rows_at - 14 - length) // 4)
    table = head[14 + length : 14 + length + 4 * count]
    if len(table) < 4 * count or count == 0:
        raise SegconvError("ends within its palette", code="SC058")
    return np.ascontiguousarray(np.frombuffer(table, np.uint8).reshape(-1, 4)[:, 2::-1])
