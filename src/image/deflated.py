"""Write deflate streams (RFC 1951, RFC 1950) with ISA-L: the same bytes for the same input in every process.

Without a history, ISA-L hashes the address of its own state instead of input, so that in about one of 8192
processes one match points elsewhere: the same content in different bytes. Starting with a stored block gives
the stream a history.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from isal import isal_zlib

ZLIB_WBITS = 15
"""zlib's window size for its own wrapper (RFC 1950)."""

RAW_WBITS = -15
"""zlib's window size for no wrapper."""

_WINDOW = 1 << 15
"""Bytes that a match may reach back (RFC 1951, 2)."""

_STORED = 65535
"""Bytes that a stored block holds (RFC 1951, 3.2.4)."""

_HISTORY = 64
"""Bytes that are stored at least, so that ISA-L has positions to start from."""

_ZLIB_HEADER = b"\x78\x01"
"""Of a stream with a window of 32 KiB, deflated fast (RFC 1950, 2.2)."""


def deflate_raw(parts: Sequence[Any], level: int) -> list[bytes]:
    """Return the pieces of one deflate stream over the concatenated buffers.

    The last buffer is deflated; the ones before it, headers of a few hundred bytes, are stored, so
    that no buffers have to be joined.

    Parameters
    ----------
    parts
        Contiguous buffers.
    level
        ISA-L's, 1 to 3.
    """
    *heads, last = parts or [b""]
    body = memoryview(last)
    body = body.cast("B") if body.nbytes else memoryview(b"")
    stored = b"".join(bytes(head) for head in heads)
    missing = max(_HISTORY - len(stored), 0)
    stored += bytes(body[:missing])
    stream = isal_zlib.compressobj(level, isal_zlib.DEFLATED, RAW_WBITS, zdict=stored[-_WINDOW:])
    blocks = [_block(stored[at : at + _STORED]) for at in range(0, len(stored), _STORED)]
    return [*blocks, stream.compress(body[missing:]), stream.flush()]


def deflate_zlib(data: Any, level: int) -> bytes:
    """Return a zlib stream (RFC 1950) over a contiguous buffer; `level` is ISA-L's, 1 to 3."""
    checksum = struct.pack(">I", isal_zlib.adler32(data))
    return b"".join([_ZLIB_HEADER, *deflate_raw([data], level), checksum])


def _block(stored: bytes) -> bytes:
    """Return a stored block that is not the last one."""
    return struct.pack("<BHH", 0, len(stored), len(stored) ^ 0xFFFF) + stored
