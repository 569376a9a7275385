"""TIFF: prove that all strips and tiles exist and are complete; samples are kept as stored.

Source of the format: TIFF 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf. tifffile
reads and writes it, with imagecodecs for its compressions.

As in scikit-image and tifffile, samples of a TIFF whose 0 means white (``MinIsWhite``) are not inverted,
and samples of 1, 2 and 4 bits are not scaled.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from ...errors import SegconvError
from .. import content
from ..geometry import Geometry
from ..gzipped import Buffer
from ..picture import DecodedPicture, PictureHeader, opaque, refuse_colourless, refuse_size, turned
from ..read_options import MAX_VOLUME, STRICT, ReadOptions
from . import jpeg
from .tiff_axes import CHANNELS, MIXED, meaning_of_pages, names_of_channels

# TIFF's codes of supported compressions; each decoder is bounded by a given size.
_PLAIN, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _ZSTD, _JPEG = 1, 5, 8, 32946, 32773, 50000, 7
_UNPACKERS = {
    _LZW: imagecodecs.lzw_decode,
    _DEFLATE: imagecodecs.zlib_decode,
    _OLD_DEFLATE: imagecodecs.zlib_decode,
    _PACKBITS: imagecodecs.packbits_decode,
    _ZSTD: imagecodecs.zstd_decode,
}
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_PHOTOMETRICS = {5: "CMYK", 8: "L*a*b*", 9: "L*a*b*", 10: "L*a*b*", _YCBCR: "YCbCr"}
_NUMBERS = {1: "uint", 2: "int", 3: "float", 4: "uint"}
_THUMBNAIL = 1
"""Bit of NewSubfileType: a reduced version of another page."""

_PADDING_BYTES = 64
"""Some writers pad a strip by a few bytes."""

_TIFF_ERRORS = (
    *(tifffile.TiffFileError, RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(AssertionError, ArithmeticError, EOFError, OSError, struct.error),
)
"""What tifffile and imagecodecs raise at damaged files; RuntimeError is the root of imagecodecs's own."""

# tifffile logs its doubts; this module refuses what matters.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def probe(file: BinaryIO, _how: ReadOptions = STRICT) -> PictureHeader:
    """Judge the directories of an open file.

    Raises
    ------
    SegconvError
        What `decode` raises of them.
    """
    _refuse_other_formats(file.read(content.HEAD_BYTES))
    file.seek(0)
    with _opened(file) as tiff:
        return _header(tiff)


def decode(data: Buffer, _companion: Buffer | None = None, _how: ReadOptions = STRICT) -> DecodedPicture:
    """Decode a TIFF: ``(y, x)``, ``(y, x, s)``, or with a first axis of pages if there are several.

    Raises
    ------
    SegconvError
        ``SC051`` if it is not a TIFF; ``SC053`` for a picture that is stored rotated or pages that differ;
        ``SC054`` for too many pixels, or strips that unpack to more than they need; ``SC056`` for unsupported
        sample kinds and compressions; ``SC058`` if it is truncated or damaged.
    """
    _refuse_other_formats(data)
    with _opened(io.BytesIO(data)) as tiff:
        header = _header(tiff)
        samples = _samples(tiff, header, data)
        colours = opaque(_palette_of(tiff.pages[0])) if header.kind == "palette" else None
        return DecodedPicture(header, True, False, bytes(data), colours, samples)


def encode(
    array: NDArray[Any], _geometry: Geometry, _ending: str = ".tif", _sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a TIFF of one page; see `encode_samples`."""
    return [encode_samples(array)]


def encode_palette(indices: NDArray[Any], colours: NDArray[np.uint8], _depth: int = 8) -> bytes:
    """Return a palette TIFF; the format has no alpha."""
    return encode_samples(indices, colours[:, :3])


def encode_samples(samples: NDArray[Any], colours: NDArray[np.uint8] | None = None) -> bytes:
    """Return a TIFF of one page, deflated, the same bytes for the same samples.

    Parameters
    ----------
    samples
        ``(y, x)``: bool for 1 bit per pixel, else integers or floats; or ``(y, x, s)`` with 2 to 4
        samples: grey and alpha, RGB, RGBA.
    colours
        ``(n, 3)``, to make a palette picture of ``(y, x)`` uint8 indices.
    """
    return encode_pages(samples[np.newaxis], colours)


def encode_pages(pages: NDArray[Any], colours: NDArray[np.uint8] | None = None) -> bytes:
    """Return a TIFF with a page for each entry of the first axis; see `encode_samples`."""
    options: dict[str, Any] = {"photometric": "minisblack"}
    if pages.ndim == 4:
        options = {
            "photometric": "rgb" if pages.shape[-1] > 2 else "minisblack",
            "planarconfig": "contig",
            "extrasamples": ["unassalpha"] if pages.shape[-1] in (2, 4) else None,
        }
    if colours is not None:
        refuse_colourless(pages, len(colours))
        table = np.zeros((3, 256), dtype=np.uint16)
        table[:, : len(colours)] = colours.T.astype(np.uint16) * 257
        options = {"photometric": "palette", "colormap": table}
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page in pages:
            writer.write(
                np.ascontiguousarray(page),
                compression=None if page.dtype == bool else "zlib",
                software=False,
                metadata=None,
                **options,
            )
    return buffer.getvalue()


def _refuse_other_formats(head: Buffer) -> None:
    if content.kind_of(head) != "TIFF picture":
        raise content.refuse(head, "a TIFF picture")


@contextmanager
def _opened(file: Any) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF, and turn all errors of its reader into one."""
    try:
        # An OME file may name further files that belong to it; none of them is opened.
        with tifffile.TiffFile(file, _multifile=False) as tiff:
            yield tiff
    except SegconvError:
        raise
    except _TIFF_ERRORS as error:
        raise SegconvError(f"is a damaged TIFF ({type(error).__name__}: {error})", code="SC058") from error


def _header(tiff: tifffile.TiffFile) -> PictureHeader:
    found = _pages(tiff)
    pages = len(found)
    header = _page_header(found[0], pages)
    promised = (tiff.imagej_metadata or {}).get("images", 1) if tiff.is_imagej else 1
    if promised > pages:
        raise SegconvError(
            f"holds {promised} pictures behind one directory, as ImageJ writes above 4 GiB",
            code="SC056",
            hint="save it as BigTIFF or as slices",
        )
    refuse_size(header.width, header.height, pages)
    whole = header.width * header.height * pages * header.samples * -(-header.depth // 8)
    if whole > MAX_VOLUME:
        raise SegconvError(f"decodes to {whole} bytes, at most {MAX_VOLUME} are allowed", code="SC054")
    for number, page in enumerate(found[1:], start=2):
        other = _page_header(page, pages)
        if other != header:
            raise SegconvError(
                f"its page {number} is {other}, its first {header}",
                code="SC053",
                hint="save the pages that differ as files of their own",
            )
    meaning = meaning_of_pages(tiff, pages)
    if meaning == MIXED or (meaning == CHANNELS and header.kind != "gray"):
        raise SegconvError(
            f"holds {pages} pages that are channels, and slices, frames or colours as well",
            code="SC056",
            hint="save each channel as a file of its own",
        )
    if meaning != CHANNELS:
        return header
    return replace(header, channel_pages=True, channel_names=names_of_channels(tiff, pages))


def _pages(tiff: tifffile.TiffFile) -> list[Any]:
    """Return the pages without the thumbnails that cameras and microscopes append."""
    pages = [tiff.pages[number].aspage() for number in range(len(tiff.pages))]
    if not pages:
        raise SegconvError("is a TIFF without a picture", code="SC053")
    return [pages[0], *(page for page in pages[1:] if not int(page.subfiletype) & _THUMBNAIL)]


def _page_header(page: Any, pages: int) -> PictureHeader:
    _refuse_unread(page)
    compression, photometric = int(page.compression), int(page.photometric)
    if photometric == _YCBCR and compression == _JPEG:
        photometric = _RGB  # the decoder converts it back, as for any JPEG
    numbers = _NUMBERS.get(int(page.sampleformat))
    samples, depth = int(page.samplesperpixel), page.bitspersample
    if numbers is None or depth not in _depths(numbers, photometric, samples, compression):
        raise SegconvError(f"has samples of {depth} bits of the TIFF format {page.sampleformat}", code="SC056")
    kind = _kind(page, photometric, samples)
    if kind is None or page.imagedepth != 1:
        raise SegconvError(
            f"has {samples} samples per pixel of the kind {_PHOTOMETRICS.get(photometric, photometric)}",
            code="SC056",
            hint="save it as grey or RGB, further channels as files of their own",
        )
    return PictureHeader(
        width=int(page.imagewidth),
        height=int(page.imagelength),
        depth=int(depth),
        kind=kind,
        samples=samples,
        pages=pages,
        format="TIFF",
        lossy=compression == _JPEG,
        numbers=numbers,
        white_is_zero=photometric == _MIN_IS_WHITE,
        unnamed=samples - _named_samples(photometric) if kind == "bands" else 0,
    )


def _refuse_unread(page: Any) -> None:
    """Refuse pages that are stored rotated, which may be the only problem, and unsupported compressions."""
    orientation = page.tags.valueof(274, 1)
    if orientation != 1:
        raise turned(int(orientation))
    compression = int(page.compression)
    if compression not in (*_UNPACKERS, _PLAIN, _JPEG):
        raise SegconvError(
            f"is a TIFF with the compression {compression}, expected none, LZW, deflate, PackBits, Zstandard or JPEG",
            code="SC056",
            hint="save it again with deflate",
        )


def _depths(numbers: str, photometric: int, samples: int, compression: int) -> set[int]:
    """Return the allowed bits per sample."""
    if numbers == "float":
        return {16, 32, 64}
    depths = {8, 16, 32, 64}
    if numbers == "uint" and samples == 1 and photometric in (_MIN_IS_WHITE, _MIN_IS_BLACK, _PALETTE):
        depths |= {1, 2, 4}
    if numbers == "uint" and compression != _JPEG and photometric in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB):
        depths |= {10, 12, 14}  # packed by cameras and scanners; unpacked to 16 bits
    return depths


def _named_samples(photometric: int) -> int:
    """Return how many samples per pixel are its colour or grey value."""
    return 3 if photometric == _RGB else 1


def _kind(page: Any, photometric: int, samples: int) -> str | None:
    """Return the kind of a pixel's samples: alpha only if the file says so; other extra samples are bands."""
    kinds = {(_MIN_IS_WHITE, 1): "gray", (_MIN_IS_BLACK, 1): "gray", (_RGB, 3): "RGB", (_PALETTE, 1): "palette"}
    own = _named_samples(photometric)
    if photometric in (_MIN_IS_BLACK, _RGB) and samples > own:
        alpha = [int(extra) for extra in page.extrasamples] in ([1], [2])
        if samples == own + 1 and alpha:
            return "gray+alpha" if own == 1 else "RGBA"
        return "bands"
    if photometric == _PALETTE and (page.bitspersample > 16 or page.colormap is None):
        return None
    return kinds.get((photometric, samples))


def _samples(tiff: tifffile.TiffFile, header: PictureHeader, data: Buffer) -> NDArray[Any]:
    pages = []
    for page in _pages(tiff):
        _prove_segments(page, data)
        pages.append(_samples_of(page, header))
    return pages[0] if header.pages == 1 else np.stack(pages)


def _samples_of(page: Any, header: PictureHeader) -> NDArray[Any]:
    """Return the samples of one page, ``(y, x)`` or ``(y, x, sample)``, of `PictureHeader.value_dtype`."""
    array = np.asarray(page.asarray(maxworkers=1))
    if page.planarconfig == 2 and array.ndim == 3:
        array = np.moveaxis(array, 0, -1)
    expected = (header.height, header.width, header.samples)
    array = np.ascontiguousarray(array).reshape(expected if header.samples > 1 else expected[:2])
    if header.kind == "palette":
        refuse_colourless(array, len(_palette_of(page)))
    return array.astype(header.value_dtype, copy=False)


def _prove_segments(page: Any, data: Buffer) -> None:
    """Check that each strip or tile of a page exists and inflates to exactly the expected size."""
    whole = memoryview(data)
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    if page.is_tiled:
        rows, columns = page.tilelength, page.tilewidth
    else:
        rows, columns = min(page.rowsperstrip, page.imagelength), page.imagewidth
    count = -(-page.imagelength // rows) * -(-page.imagewidth // columns) * planes
    refuse_size(columns, rows)
    if not len(page.dataoffsets) == len(page.databytecounts) == count:
        raise SegconvError(f"has {len(page.dataoffsets)} strips or tiles, its size asks for {count}", code="SC058")
    row_bytes = -(-columns * (page.samplesperpixel // planes) * page.bitspersample // 8)
    for index, (offset, length) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        if offset <= 0 or length <= 0 or offset + length > len(whole):
            raise SegconvError(
                f"is cut: strip or tile {index + 1} of {count} ends at byte {offset + length} of {len(whole)}",
                code="SC058",
            )
        segment = whole[offset : offset + length]
        if page.compression == _JPEG:
            _refuse_jpeg_bomb(bytes(segment), columns, rows)
            continue
        left = rows if page.is_tiled else page.imagelength - index % (count // planes) * rows
        found = length if page.compression == _PLAIN else _unpacked_bytes(page, segment, rows * row_bytes)
        needed = row_bytes * min(rows, left)
        if found < needed:
            raise SegconvError(
                f"strip or tile {index + 1} of {count} holds {found} bytes of pixels, expected {needed}", code="SC058"
            )


def _unpacked_bytes(page: Any, segment: memoryview, expected: int) -> int:
    """Return how many bytes a segment unpacks to; refuse more than expected."""
    packed = bytes(segment)
    if page.fillorder == 2:
        packed = bytes(imagecodecs.bitorder_decode(packed))
    # Bounded, so that it takes no more memory than the header accounts for.
    limit = expected + _PADDING_BYTES
    try:
        found = len(_UNPACKERS[int(page.compression)](packed, out=limit))
    except RuntimeError as error:
        raise SegconvError(f"its compressed pixels are damaged ({error})", code="SC058") from error
    if found >= limit:
        raise SegconvError(f"its pixels unpack to more than the {expected} bytes they need", code="SC054")
    return found


def _refuse_jpeg_bomb(segment: bytes, columns: int, rows: int) -> None:
    frame = jpeg.frame_of(segment)[0]
    if frame.width > columns + 16 or frame.height > rows + 16:
        raise SegconvError(f"holds a JPEG of {frame.width}×{frame.height} for a tile of {columns}×{rows}", code="SC054")


def _palette_of(page: Any) -> NDArray[np.uint8]:
    table = np.asarray(page.colormap)
    # The format has 16 bits per colour; some writers store 8.
    eight = table >> 8 if table.max(initial=0) > 255 else table
    return np.ascontiguousarray(eight.reshape(3, -1).T.astype(np.uint8))
