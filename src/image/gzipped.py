"""Inflate gzip streams to their very end, and deflate to the same bytes every time.

ISA-L does the work (the `isal` package): its inflate checks each member's CRC-32 and length, which
zlib-based readers of medical images do not reach, because they stop after the last voxel.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from isal import igzip_lib, isal_zlib

from ..errors import SegconvError
from .deflated import deflate_raw
from .room import room_for

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WBITS = 31
"""zlib's window size for a gzip wrapper (RFC 1952)."""

DEFLATE_LEVEL = 1
"""ISA-L's level: a third of a second for a CT of 80 MiB, within a few per cent of zlib's level 6."""

PIECE = 1 << 18
"""Bytes that are inflated at once: they are copied before they leave the cache."""

_FIRST_SHARE, _LARGEST_SHARE = 1 << 10, 1 << 20
"""Bytes that are passed to a member at once, doubled each time."""

_LARGEST_RATIO = 1032
"""Most bytes that one byte of deflate inflates to (RFC 1951: 258 bytes in two bits)."""

_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"
"""Of a member without name or time, deflated fast, on no system in particular (RFC 1952)."""

HEAD_BYTES = 1 << 16
"""A member's header with its file name and comment takes fewer bytes than this, and so do blocks without content."""

TRAILING_LIMIT = 1 << 20
"""Up to so many bytes after the end are an oddity; more are refused."""

Buffer = bytes | bytearray | memoryview

DamagedStream: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub declares an instance
"""What ISA-L raises."""


def is_gzip(data: Buffer) -> bool:
    """Return whether the bytes begin like a gzip stream."""
    return bytes(data[:2]) == GZIP_MAGIC


def inflate_head(data: Buffer, size: int) -> bytes:
    """Return the first `size` inflated bytes, or all if there are fewer.

    Raises
    ------
    SegconvError
        ``SC050`` if the stream is damaged before that; ``SC054`` if more than `HEAD_BYTES` bytes hold fewer.
    """
    # Leftover input is copied, so no more goes in than a header can need.
    rest: Buffer = memoryview(data)[: size + HEAD_BYTES]
    head = b""
    try:
        while len(head) < size and is_gzip(rest):  # a member may be shorter
            member = isal_zlib.decompressobj(wbits=GZIP_WBITS)
            head += member.decompress(rest, max_length=size - len(head))
            rest = member.unused_data
    except DamagedStream as error:
        raise _damaged(error) from error
    if len(head) < size and len(data) >= HEAD_BYTES and len(rest) < len(GZIP_MAGIC):
        # A shorter file, or one with other bytes after the stream, is known completely.
        raise SegconvError(
            f"gzip stream begins with {HEAD_BYTES} bytes that hold {len(head)} bytes of data, expected {size}:"
            " an overlong name or comment, or blocks without content",
            code="SC054",
            hint="decompress it and compress it anew, for instance with gunzip and gzip",
        )
    return head


def inflate(data: Buffer, limit: int) -> tuple[memoryview, bool]:
    """Inflate a gzip stream to its end.

    Parameters
    ----------
    data
        The complete file.
    limit
        Maximum number of inflated bytes.

    Returns
    -------
    raw
        The inflated bytes of all members; not writable.
    plain
        Whether the stream is one member with nothing after it.

    Raises
    ------
    SegconvError
        ``SC050`` if the stream is truncated, or a checksum or length is wrong; ``SC054`` if it inflates
        to more than `limit` bytes, or more than `TRAILING_LIMIT` bytes follow its end.
    """
    # numpy requests large pages, which saves a quarter of the time; unused pages take no memory.
    room = room_for(min(limit, len(data) * _LARGEST_RATIO))
    packed = memoryview(data)
    total = members = end = 0
    while members == 0 or is_gzip(packed[end : end + len(GZIP_MAGIC)]):
        start = end
        for piece, end in _member(packed, start):  # noqa: B007 - where the next member begins
            if total + len(piece) > limit:
                raise SegconvError(
                    f"inflates to more than the {limit} bytes that its header accounts for", code="SC054"
                )
            room[total : total + len(piece)] = np.frombuffer(piece, np.uint8)  # outside the lock of Python
            total += len(piece)
        members += 1
    rest = len(packed) - end
    if rest > TRAILING_LIMIT:
        raise SegconvError(f"{rest} bytes follow the gzip stream, at most {TRAILING_LIMIT} may", code="SC054")
    return room[:total].data.toreadonly(), members == 1 and not rest


def _member(packed: memoryview, start: int) -> Iterator[tuple[bytes, int]]:
    """Yield the pieces of the member that begins at `start`, each with the position reached in the input.

    Leftover input is copied, and BGZF consists of short members, so members get little input at first.
    """
    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    at, share = start, _FIRST_SHARE
    try:
        while not member.eof:
            given = packed[at : at + share] if member.needs_input or at == start else b""
            at += len(given)
            share = min(2 * share, _LARGEST_SHARE)
            piece = member.decompress(given, PIECE)
            if not piece and not given and member.needs_input and not member.eof:
                raise SegconvError(
                    f"gzip stream is cut: it ends after {len(packed)} bytes, before its checksum", code="SC050"
                )
            yield piece, at - len(member.unused_data)
    except DamagedStream as error:
        raise _damaged(error) from error


def deflate(parts: Sequence[Any]) -> bytes:
    """Return one gzip member over the concatenated buffers, without name or time."""
    return b"".join(deflated_pieces(parts))


def deflated_pieces(parts: Sequence[Any]) -> list[bytes]:
    """Return the pieces of one gzip member over the concatenated buffers, without name or time.

    The last buffer is deflated; the ones before it, headers of a few hundred bytes, are stored, so
    that no buffers have to be joined.
    """
    checksum = size = 0
    for buffer in parts:
        checksum = isal_zlib.crc32(buffer, checksum)
        size += memoryview(buffer).nbytes
    trailer = struct.pack("<II", checksum, size & 0xFFFFFFFF)
    return [_HEADER, *deflate_raw(parts, DEFLATE_LEVEL), trailer]


def _damaged(error: Exception) -> SegconvError:
    return SegconvError(f"gzip stream is damaged ({error})", code="SC050")
