"""Gzip streams, inflated to their very end and deflated to the same bytes every time.

ISA-L does the work (the `isal` package): its inflate checks each member's CRC-32 and length, which
zlib-based readers of medical images do not reach, because they stop after the last voxel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from isal import isal_zlib

from ..errors import SegconvError

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WBITS = 31
"""zlib's window size for a gzip wrapper (RFC 1952)."""

DEFLATE_LEVEL = 1
"""ISA-L's level: a third of a second for a CT of 80 MiB, within a few per cent of zlib's level 6."""

HEAD_BYTES = 1 << 16
"""A member's header with its file name and comment takes fewer bytes than this."""

TRAILING_LIMIT = 1 << 20
"""Up to so many bytes after the end are an oddity; more are taken for an attack."""

Buffer = bytes | bytearray | memoryview

DamagedStream: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub declares an instance
"""What ISA-L raises."""


def is_gzip(data: Buffer) -> bool:
    """Return whether the bytes begin as a gzip stream does."""
    return bytes(data[:2]) == GZIP_MAGIC


def inflate_head(data: Buffer, size: int) -> bytes:
    """Return the first `size` inflated bytes, or fewer if there are no more.

    Raises
    ------
    SegconvError
        ``SC050`` if the stream is damaged before that.
    """
    # What is left over is copied, so no more goes in than a header can need.
    rest: Buffer = memoryview(data)[: size + HEAD_BYTES]
    head = b""
    try:
        while len(head) < size and is_gzip(rest):  # a member may be shorter than that
            member = isal_zlib.decompressobj(wbits=GZIP_WBITS)
            head += member.decompress(rest, max_length=size - len(head))
            rest = member.unused_data
    except DamagedStream as error:
        raise _damaged(error) from error
    return head


def inflate(data: Buffer, limit: int) -> tuple[bytes, bool]:
    """Inflate a gzip stream to its end.

    Parameters
    ----------
    data
        The whole file.
    limit
        Most bytes that it may inflate to.

    Returns
    -------
    raw
        The inflated bytes of all members.
    plain
        Whether the stream is one member with nothing behind it.

    Raises
    ------
    SegconvError
        ``SC050`` if the stream is cut, or a checksum or length is wrong; ``SC054`` if it inflates
        to more than `limit` bytes, or carries more than `TRAILING_LIMIT` bytes behind its end.
    """
    parts: list[bytes] = []
    total = 0
    rest: Buffer = data
    while True:
        member = isal_zlib.decompressobj(wbits=GZIP_WBITS)
        try:
            raw = member.decompress(rest, max_length=limit - total + 1)
        except DamagedStream as error:
            raise _damaged(error) from error
        total += len(raw)
        if total > limit:
            raise SegconvError(f"inflates to more than the {limit} bytes that its header accounts for", code="SC054")
        if not member.eof:
            raise SegconvError(
                f"gzip stream is cut: it ends after {len(data)} bytes, before its checksum", code="SC050"
            )
        parts.append(raw)
        rest = member.unused_data
        if not is_gzip(rest):
            break
    if len(rest) > TRAILING_LIMIT:
        raise SegconvError(f"{len(rest)} bytes follow the gzip stream, at most {TRAILING_LIMIT} may", code="SC054")
    return (parts[0] if len(parts) == 1 else b"".join(parts)), len(parts) == 1 and not rest


def deflate(parts: Iterable[Any]) -> bytes:
    """Return one gzip member over the concatenated buffers, without name or time: same bytes for same input."""
    # In one call: at the end of each piece of a stream ISA-L hashes a few bytes that are not there yet,
    # so that what it finds further on depends on what lay in its buffer before.
    pieces = list(parts)
    whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return bytes(isal_zlib.compress(whole, level=DEFLATE_LEVEL, wbits=GZIP_WBITS))


def _damaged(error: Exception) -> SegconvError:
    return SegconvError(f"gzip stream is damaged ({error})", code="SC050")
