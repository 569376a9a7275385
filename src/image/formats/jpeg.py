"""JPEG: grey or RGB, read to its end marker; its samples are never exact, so `PictureHeader.lossy` is set.

Source of the format: ITU-T T.81, https://www.w3.org/Graphics/JPEG/itu-t81.pdf. Pillow decodes it. It
has no checksums: truncation is detected, a flipped bit among the pixels is not.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from ...errors import SegconvError
from .. import content
from ..gzipped import Buffer
from ..picture import EXIF_ORIENTATION, DecodedPicture, PictureHeader, refuse_size, refuse_tail, turned
from ..read_options import STRICT, ReadOptions
from ..warned import ignored_warnings
from . import pillow

HEAD_LIMIT = 1 << 20
"""What stands before the pixels, thumbnails and profiles included, takes fewer bytes than this."""

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker within entropy-coded data: neither a stuffed byte, nor a restart, nor filling."""


@dataclass(frozen=True)
class Frame:
    """The frame header of a JPEG."""

    width: int
    height: int
    depth: int
    components: int


def probe(file: BinaryIO, _how: ReadOptions = STRICT) -> PictureHeader:
    """Judge the header of an open JPEG; see `read_header`."""
    return read_header(file.read(HEAD_LIMIT))


def read_header(head: Buffer) -> PictureHeader:
    """Judge the part before the pixels of a JPEG, at most its first `HEAD_LIMIT` bytes.

    Raises
    ------
    SegconvError
        ``SC051`` if it is not a JPEG; ``SC053`` if it is stored turned (EXIF orientation); ``SC054`` for
        too many pixels; ``SC056`` for CMYK and depths other than 8 bits; ``SC058`` if the header is truncated.
    """
    if bytes(head[:3]) != b"\xff\xd8\xff":
        raise content.refuse(head, "a JPEG picture")
    frame, _ = frame_of(head)
    if frame.depth != 8 or frame.components not in (1, 3):
        raise SegconvError(
            f"is a JPEG of {frame.components} components (CMYK, if 4) and {frame.depth} bits, expected grey or RGB",
            code="SC056",
            hint="save it as grey or RGB",
        )
    refuse_size(frame.width, frame.height)
    orientation = _orientation(head)
    if orientation != 1:
        raise turned(orientation)
    kind = "gray" if frame.components == 1 else "RGB"
    return PictureHeader(frame.width, frame.height, 8, kind, frame.components, format="JPEG", lossy=True)


def decode(data: Buffer, _companion: Buffer | None = None, _how: ReadOptions = STRICT) -> DecodedPicture:
    """Decode a JPEG: ``(y, x)`` or ``(y, x, 3)`` uint8.

    Raises
    ------
    SegconvError
        What `read_header` raises; ``SC058`` if it is truncated or the decoder fails; ``SC054`` if more than
        1 MiB follows the end.
    """
    header = read_header(data)
    end = _end(bytes(data), frame_of(data)[1])
    trailing = refuse_tail(data, end)
    try:
        with pillow.jpeg(data) as opened:
            samples = np.asarray(opened)
    except (OSError, ValueError, SyntaxError) as error:
        raise SegconvError(f"cannot be decoded ({error})", code="SC058") from error
    expected = (header.height, header.width) if header.samples == 1 else (header.height, header.width, 3)
    if samples.shape != expected:
        raise SegconvError(f"decodes to the shape {samples.shape}, expected {expected}", code="SC056")
    return DecodedPicture(header, not trailing, trailing, bytes(data), None, samples)


def frame_of(data: Buffer) -> tuple[Frame, int]:
    """Return the frame header of a JPEG, and the start of its first scan.

    Raises
    ------
    SegconvError
        ``SC058`` if no scan follows the segments.
    """
    head = bytes(data[:HEAD_LIMIT])
    frame: Frame | None = None
    at = 2
    while True:
        name, body, end = _segment(head, at)
        if name in _FRAMES:
            if len(body) < 6:
                raise SegconvError("its frame header is cut", code="SC058")
            depth, height, width, components = struct.unpack(">BHHB", body[:6])
            frame = Frame(width, height, depth, components)
        if name == _SCAN:
            if frame is None:
                raise SegconvError("its pixels begin before its frame header", code="SC058")
            return frame, at
        at = end


def _segment(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Return the name, body and end of the segment that begins at a byte."""
    while data[at : at + 2] == b"\xff\xff":
        at += 1
    if at + 4 > len(data) or data[at] != 0xFF:
        raise SegconvError(f"is cut or damaged: no marker at byte {at} of {len(data)}", code="SC058")
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    end = at + 2 + length
    if length < 2 or end > len(data):
        raise SegconvError(f"is cut within the segment at byte {at}", code="SC058")
    return data[at + 1], data[at + 4 : end], end


def _end(data: bytes, at: int) -> int:
    """Walk all scans from the first; return the end of the end marker."""
    while True:
        _, _, at = _segment(data, at)
        marker = _MARKER.search(data, at)
        if marker is None:
            raise SegconvError(f"is cut: it ends after {len(data)} bytes, before its end marker", code="SC058")
        at = marker.start()
        while data[at + 1] != _SCAN:
            if data[at + 1] == _END:
                return at + 2
            _, _, at = _segment(data, at)
            if data[at : at + 1] != b"\xff" or at + 1 >= len(data):
                raise SegconvError(f"is cut or damaged: no marker at byte {at} of {len(data)}", code="SC058")


def _orientation(head: Buffer) -> int:
    try:
        # Warnings concern damaged tags, on which the picture does not depend.
        with ignored_warnings(), pillow.jpeg(bytes(head[:HEAD_LIMIT])) as opened:
            return int(opened.getexif().get(EXIF_ORIENTATION, 1))
    # Pillow passes on the errors of its EXIF parser.
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, struct.error) as error:
        raise SegconvError(f"cannot be decoded ({error})", code="SC058") from error
