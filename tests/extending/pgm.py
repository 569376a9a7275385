"""A format in one file: PGM, a line of text before rows of grey pixels. See docs/extending.md.

Source of the format: https://netpbm.sourceforge.net/doc/pgm.html; only its binary form with 8 bits, without comments.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from segconv.errors import SegconvError
from segconv.image import content
from segconv.image.geometry import Geometry
from segconv.image.gzipped import Buffer
from segconv.image.picture import DecodedPicture, PictureHeader, refuse_size, refuse_tail
from segconv.image.read_options import STRICT, ReadOptions

HEAD_BYTES = 64
_HEAD = re.compile(rb"P5\s+(\d{1,9})\s+(\d{1,9})\s+255\s")


def probe(file: BinaryIO, _how: ReadOptions = STRICT) -> PictureHeader:
    """Return the header of an open file."""
    return _read(file.read(HEAD_BYTES))[0]


def decode(data: Buffer, _companion: Buffer | None = None, _how: ReadOptions = STRICT) -> DecodedPicture:
    """Check that all pixels are there, and return them, ``(y, x)``."""
    header, start = _read(bytes(data[:HEAD_BYTES]))
    end = start + header.width * header.height
    if len(data) < end:
        raise SegconvError(f"ends after {len(data)} bytes, expected {end}", code="SC058")
    trailing = refuse_tail(data, end)
    pixels = np.frombuffer(data, np.uint8, end - start, start).reshape(header.height, header.width)
    return DecodedPicture(header, not trailing, trailing, bytes(data), None, pixels)


def encode(
    array: NDArray[Any], _geometry: Geometry, _ending: str = ".pgm", _sheared: NDArray[np.float64] | None = None
) -> list[Any]:
    """Return the pieces of a file that holds grey pixels, ``(y, x)`` uint8."""
    height, width = array.shape
    return [b"P5\n%d %d\n255\n" % (width, height), np.ascontiguousarray(array, dtype=np.uint8).tobytes()]


def _read(head: bytes) -> tuple[PictureHeader, int]:
    """Return the header of a file, and where its pixels begin."""
    match = _HEAD.match(head)
    if match is None:
        raise content.refuse(head, "a PGM picture")
    width, height = int(match[1]), int(match[2])
    refuse_size(width, height)
    return PictureHeader(width, height, depth=8, kind="gray", samples=1, format="PGM"), match.end()
