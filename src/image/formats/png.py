"""PNG: prove files without decoding, decode without losing values, and encode to the same bytes every time.

Source of the format: PNG (ISO/IEC 15948), https://www.w3.org/TR/png-3/. imagecodecs decodes samples
of 8 and 16 bits, Pillow palettes and fewer bits; neither is imported before it is needed. The proof (every chunk's CRC,
the inflated length and Adler-32 of the pixels) is done here, because Pillow stops at the last pixel
and leaves the checksums of the pixel data unread.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, BinaryIO

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from ...errors import SegconvError
from .. import content
from ..deflated import deflate_zlib
from ..geometry import Geometry
from ..gzipped import Buffer
from ..picture import (
    EXIF_ORIENTATION,
    Picture,
    PictureHeader,
    opaque,
    refuse_colourless,
    refuse_size,
    refuse_tail,
    turned,
)
from ..read_options import STRICT, ReadOptions
from .png_pixels import PixelData

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_LIBPNG_SIDE = 1_000_000
"""Longest side of a picture that libpng, the decoder of imagecodecs, accepts."""

HEAD_BYTES = 33
"""Signature and IHDR chunk: enough to know size and kind of a picture."""

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_KINDS = {0: "gray", 2: "RGB", 3: "palette", 4: "gray+alpha", 6: "RGBA"}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}

ISAL_LEVEL = 2
"""ISA-L's level for masks and palettes: as fast as its lowest, and smaller."""

COMPRESS_LEVEL = 1
"""zlib's level for what is encoded anew: masks shrink to nothing at any level."""


@dataclass(frozen=True)
class Png(Picture):
    """A proved PNG, decoded when its samples are first needed."""

    @cached_property
    def stored(self) -> NDArray[Any]:
        """Samples as stored, palettes as indices; see `samples_of`."""
        return samples_of(self.data, self.header, self.palette)

    @property
    def packed(self) -> bool:
        """Whether it is not decoded yet."""
        return "stored" not in self.__dict__


def probe(file: BinaryIO, _how: ReadOptions = STRICT) -> PictureHeader:
    """Judge the header of an open PNG; see `read_header`."""
    return header_of(file.read(content.HEAD_BYTES))


def decode(data: Buffer, _companion: Buffer | None = None, how: ReadOptions = STRICT) -> Png:
    """Prove a PNG; see `prove`."""
    header, plain = prove(data, pixels=how.proves_pixels)
    return Png(header, plain, not plain, bytes(data), palette(data) if header.kind == "palette" else None)


def header_of(head: bytes) -> PictureHeader:
    """Do what `read_header` does; equal headers, as most pictures of a set have, are judged once."""
    return _sound_header(head[:HEAD_BYTES]) if head.startswith(SIGNATURE) else read_header(head)


@lru_cache(maxsize=1 << 10)
def _sound_header(head: bytes) -> PictureHeader:
    return read_header(head)


def read_header(head: Buffer) -> PictureHeader:
    """Judge the first `HEAD_BYTES` bytes of a PNG.

    Raises
    ------
    SegconvError
        ``SC051`` if it is not a PNG, ``SC053`` if its header is impossible, ``SC054`` if it has more
        than `MAX_PIXELS` pixels, ``SC058`` if the header is truncated or damaged.
    """
    _refuse_damaged(head)
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", head[16:29])
    if depth not in _DEPTHS.get(colour, ()) or (compression, filtering) != (0, 0) or interlace > 1:
        raise SegconvError(f"has the unknown coding {(depth, colour, compression, filtering, interlace)}", code="SC053")
    refuse_size(width, height)
    header = PictureHeader(width, height, depth, _KINDS[colour], _SAMPLES[colour], bool(interlace))
    if max(width, height) > _LIBPNG_SIDE and header.depth == 16 and header.samples > 1:
        raise _too_long(header)
    return header


def _refuse_damaged(head: Buffer) -> None:
    """Refuse bytes that do not begin with the signature and a sound IHDR chunk."""
    if bytes(head[: len(SIGNATURE)]) != SIGNATURE:
        raise content.refuse(head, "a PNG picture")
    if len(head) < HEAD_BYTES:
        raise SegconvError(f"ends after {len(head)} bytes, within its header", code="SC058")
    if bytes(head[8:16]) != struct.pack(">I4s", 13, b"IHDR"):
        raise SegconvError("does not begin with an IHDR chunk of 13 bytes", code="SC058")
    if zlib.crc32(head[12:29]) != int.from_bytes(head[29:33], "big"):
        raise SegconvError("the checksum of its header (IHDR) is wrong", code="SC058")


def _too_long(header: PictureHeader) -> SegconvError:
    return SegconvError(
        f"is {header}, sides of at most {_LIBPNG_SIDE} pixels are read where a pixel has several samples of 16 bits",
        code="SC054",
        hint="save it as TIFF",
    )


def prove(data: Buffer, *, pixels: bool = True) -> tuple[PictureHeader, bool]:
    """Check every byte of a PNG on which its pixels depend.

    Parameters
    ----------
    pixels
        Whether to inflate the pixels as well; otherwise only the checksums of the chunks are verified.

    Returns
    -------
    header
        Result of `read_header`.
    plain
        Whether nothing follows the end of the picture.

    Raises
    ------
    SegconvError
        What `read_header` raises; ``SC058`` if a chunk is truncated or its checksum is wrong, or if the pixels
        do not inflate to exactly as many bytes as the header promises; ``SC053`` if it is stored
        rotated; ``SC054`` if they inflate to more, or more than 1 MiB follows the end.
    """
    header = header_of(bytes(data[: content.HEAD_BYTES]))  # so many show what it is instead
    inflated = PixelData(sum(rows * (1 + row) for rows, row in _passes(header)))
    names: list[bytes] = []
    end = 0
    try:
        for name, body, end in _chunks(memoryview(data)):  # noqa: B007 - the last end counts
            _judge_chunk(name, body, names)
            names.append(name)
            if name == b"IDAT" and pixels:
                inflated.add(body)
    except SegconvError:
        inflated.refuse_damaged()  # what comes first in the file is reported
        raise
    if pixels:
        inflated.refuse_unsound()
    if header.kind == "palette" and b"PLTE" not in names:
        raise SegconvError("is a palette picture without a palette", code="SC058")
    return header, not refuse_tail(data, end)


def _judge_chunk(name: bytes, body: memoryview, before: list[bytes]) -> None:
    """Refuse a chunk in the wrong place or with content that its name does not allow."""
    if not name.isalpha():
        raise SegconvError(f"has a chunk called {name!r}, expected four letters", code="SC058")
    if name == b"IDAT" != before[-1] and name in before:
        raise SegconvError(f"its pixel data is parted by a {before[-1].decode()!r} chunk", code="SC058")
    if name == b"PLTE" and (not body or len(body) % 3):
        raise SegconvError(f"its palette takes {len(body)} bytes, expected three per colour", code="SC058")
    if name == b"eXIf" and (orientation := _orientation(body)) != 1:
        raise turned(orientation)


def samples_of(data: Buffer, header: PictureHeader, colours: NDArray[np.uint8] | None = None) -> NDArray[Any]:
    """Decode the samples of a PNG that `prove` accepted.

    Parameters
    ----------
    colours
        Colours of its palette, if it has one.

    Returns
    -------
    samples
        ``(y, x)`` or ``(y, x, sample)``, uint8 or uint16. Grey of 1, 2 and 4 bits and palette
        indices are as stored, never scaled.

    Raises
    ------
    SegconvError
        ``SC053`` if an index has no colour in the palette; ``SC058`` if the decoder refuses.
    """
    whole = header.kind != "palette" and header.depth >= 8
    if whole and max(header.width, header.height) <= _LIBPNG_SIDE:
        return _by_libpng(data, header)
    from . import pillow

    try:
        with pillow.png(_what_pixels_need(data)) as opened:
            samples = np.asarray(opened)
    except (OSError, ValueError, SyntaxError) as error:
        raise SegconvError(f"cannot be decoded ({error})", code="SC058") from error
    if whole:
        return samples
    if header.kind == "gray":
        # Pillow scales these to 0..255: 1-bit as booleans, 2-bit by 85, 4-bit by 17.
        return samples.astype(np.uint8) if header.depth == 1 else samples // (255 // ((1 << header.depth) - 1))
    refuse_colourless(samples, len(palette(data) if colours is None else colours))
    return samples


def _by_libpng(data: Buffer, header: PictureHeader) -> NDArray[Any]:
    """Decode samples of 8 and 16 bits."""
    import imagecodecs

    try:
        samples: NDArray[Any] = imagecodecs.png_decode(_what_pixels_need(data))
    except UnicodeDecodeError as error:  # libpng's message may contain any bytes as the name of a chunk
        raise SegconvError("cannot be decoded: a chunk is unknown, or comes twice", code="SC058") from error
    except RuntimeError as error:  # the base class of imagecodecs's errors
        raise SegconvError(f"cannot be decoded ({error})", code="SC058") from error
    if header.samples == 1:
        return samples if samples.ndim == 2 else samples[..., 0]
    return samples[..., : header.samples]  # drop the alpha that libpng makes from a transparent colour


def palette(data: Buffer) -> NDArray[np.uint8]:
    """Return the colours of a palette PNG that `prove` accepted, ``(n, 4)``, alpha as its tRNS chunk says."""
    colours, alpha = b"", b""
    for name, body, _ in _chunks(memoryview(data)):
        if name == b"PLTE":
            colours = colours or bytes(body)
        if name == b"tRNS":
            alpha = alpha or bytes(body)
    table = opaque(np.frombuffer(colours, dtype=np.uint8).reshape(-1, 3))
    said = np.frombuffer(alpha, dtype=np.uint8)[: len(table)]
    table[: len(said), 3] = said
    return table


def encode(
    array: NDArray[Any], _geometry: Geometry, _ending: str = ".png", _sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a PNG; see `encode_samples`."""
    return [encode_samples(array)]


def encode_samples(samples: NDArray[Any]) -> bytes:
    """Return a PNG of grey ``(y, x)`` or of samples ``(y, x, s)``: grey and alpha, RGB, RGBA; uint8 or uint16."""
    if samples.ndim == 3 and samples.dtype == np.uint16:
        import imagecodecs

        return bytes(imagecodecs.png_encode(np.ascontiguousarray(samples), level=COMPRESS_LEVEL))
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(samples)).save(buffer, format="PNG", compress_level=COMPRESS_LEVEL)
    return buffer.getvalue()


def encode_palette(indices: NDArray[Any], colours: NDArray[np.uint8], depth: int = 8) -> bytes:
    """Return a palette PNG with exactly these colours.

    Parameters
    ----------
    indices
        ``(y, x)``, each below ``len(colours)``.
    colours
        ``(n, 3)``, or ``(n, 4)`` with alpha; n at most ``2**depth``.
    depth
        Bits per pixel: 1, 2, 4 or 8.
    """
    if len(colours) > 1 << depth:
        raise ValueError(f"{len(colours)} colours do not fit {depth} bits")
    refuse_colourless(indices, len(colours))
    table = np.ascontiguousarray(colours[:, :3], dtype=np.uint8).tobytes()
    return _packed(indices, depth, 3, table, colours[:, 3].astype(np.uint8).tobytes() if colours.shape[1] > 3 else b"")


def encode_few_bits(samples: NDArray[Any], depth: int) -> bytes:
    """Return a grey PNG of 1, 2 or 4 bits per pixel from ``(y, x)`` samples below ``2**depth``."""
    if int(samples.max()) >= 1 << depth:
        raise ValueError(f"the sample {int(samples.max())} does not fit {depth} bits")
    return _packed(samples, depth, 0, b"")


def encode_mask(values: NDArray[Any]) -> bytes:
    """Return a grey PNG of ``(y, x)`` uint8 or uint16, deflated by ISA-L; masks need no row filters."""
    depth = values.dtype.itemsize * 8
    rows = np.zeros((values.shape[0], 1 + values.shape[1] * values.dtype.itemsize), dtype=np.uint8)
    rows[:, 1:] = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder(">")).view(np.uint8)
    return _file(values.shape, depth, 0, b"", deflate_zlib(rows, ISAL_LEVEL))


def _packed(samples: NDArray[Any], depth: int, colour: int, colours: bytes, alpha: bytes = b"") -> bytes:
    """Pack samples into bits, the first in the highest bits; each row follows its filter type 0."""
    height, width = samples.shape
    bits = np.unpackbits(samples.astype(np.uint8)[..., np.newaxis], axis=-1)[..., 8 - depth :]
    rows = np.packbits(bits.reshape(height, width * depth), axis=-1)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)
    return _file((height, width), depth, colour, colours, deflate_zlib(filtered, ISAL_LEVEL), alpha)


def _file(shape: tuple[int, ...], depth: int, colour: int, colours: bytes, pixels: bytes, alpha: bytes = b"") -> bytes:
    """Return a PNG from deflated rows."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", shape[1], shape[0], depth, colour, 0, 0, 0)),
        *([(b"PLTE", colours)] if colours else []),
        *([(b"tRNS", alpha)] if alpha else []),
        (b"IDAT", pixels),
        (b"IEND", b""),
    ]
    return SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", isal_zlib.crc32(name + body))


def _chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview, int]]:
    """Yield the name, body and end of each chunk up to IEND, and check the checksums."""
    at = len(SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise SegconvError(f"is cut: it ends after {len(data)} bytes, before its IEND chunk", code="SC058")
        length, name = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + length
        if end > len(data):
            raise SegconvError(f"is cut within its {name.decode('latin-1')!r} chunk", code="SC058")
        body = data[at + 8 : at + 8 + length]
        if isal_zlib.crc32(data[at + 4 : at + 8 + length]) != int.from_bytes(data[end - 4 : end], "big"):
            raise SegconvError(f"the checksum of its {name.decode('latin-1')!r} chunk is wrong", code="SC058")
        yield name, body, end
        if name == b"IEND":
            return
        at = end


def _what_pixels_need(data: Buffer) -> bytes:
    """Return a proved PNG without its texts, profiles and times, and without a palette if it is grey.

    Decoders inflate these, fail on some, and print messages about others.
    """
    view = memoryview(data)
    unused = b"PLTE" if view[25] in (0, 4) else b""
    kept = [view[: len(SIGNATURE)]]
    at = len(SIGNATURE)
    name = b""
    while name != b"IEND":
        length, name = struct.unpack(">I4s", view[at : at + 8])
        needed = name[:1].isupper() and name != unused  # PNG, 5.4: a lower-case initial means optional
        if needed or name == b"tRNS":
            kept.append(view[at : at + 12 + length])
        at += 12 + length
    return b"".join(kept)


def _orientation(exif: memoryview) -> int:
    """Return the orientation in an eXIf chunk; 1 (not rotated) without one."""
    from PIL import Image

    tags = Image.Exif()
    try:
        tags.load(bytes(exif))
        return int(tags.get(EXIF_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error):  # viewers ignore damaged chunks
        return 1


def _passes(header: PictureHeader) -> list[tuple[int, int]]:
    """Rows and bytes per row of each pass: one, or Adam7's seven."""
    bits = header.depth * header.samples
    if not header.interlaced:
        return [(header.height, (header.width * bits + 7) // 8)]
    adam7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    sizes = [(-((header.width - x) // -dx), -((header.height - y) // -dy)) for x, y, dx, dy in adam7]
    return [(rows, (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0]
