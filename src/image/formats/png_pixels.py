"""Prove the zlib stream of the pixels of a PNG, without keeping what it inflates to.

libdeflate, reached through imagecodecs, takes a fifth less time than ISA-L, but accepts a few codes that no encoder
writes. Bytes that changed into such codes are noticed by the checksums of the chunks, which gzip does not have.
Whatever it refuses is left to ISA-L, which says what is wrong.
"""

from __future__ import annotations

import numpy as np
from isal import igzip_lib

from ...errors import SegconvError
from ..gzipped import Buffer, DamagedStream

_PIECE = 1 << 17
"""Bytes that are inflated at once, and dropped: for larger ones the allocator asks the system for new pages."""

_LARGEST = 1 << 25
"""Most bytes that libdeflate inflates, as it needs memory for all of them, which the process keeps."""

_LARGEST_WINDOW = b"\x78"
"""First byte of a stream with a window of 32 KiB (RFC 1950, 2.2); libdeflate does not hold streams to a smaller one."""


class PixelData:
    """The zlib stream of the pixels, in the parts that chunks hold."""

    def __init__(self, expected: int) -> None:
        self._parts: list[Buffer] = []
        self._expected = expected

    def add(self, packed: Buffer) -> None:
        """Add the next part; bytes after the end of the stream are ignored."""
        self._parts.append(packed)

    def refuse_damaged(self) -> None:
        """Refuse a stream that is damaged up to here, or holds more bytes than the header promises."""
        self._inflate()

    def refuse_unsound(self) -> None:
        """Refuse a stream that is damaged or cut, or does not hold the bytes that the header promises."""
        if self._is_sound():
            return
        total, ended = self._inflate()
        if not ended or total != self._expected:
            raise SegconvError(f"its pixel data is cut: {total} of {self._expected} bytes", code="SC058")

    def _is_sound(self) -> bool:
        """Return whether libdeflate proves the stream; if not, it may still be sound."""
        if self._expected > _LARGEST:
            return False
        import imagecodecs

        packed = b"".join(self._parts)
        if packed[:1] != _LARGEST_WINDOW:
            return False
        try:
            inflated = imagecodecs.deflate_decode(packed, out=np.empty(self._expected, np.uint8).data)
        except (RuntimeError, ImportError):  # errors of imagecodecs; the second if it was built without libdeflate
            return False
        return len(inflated) == self._expected

    def _inflate(self) -> tuple[int, bool]:
        """Inflate up to at most one byte too many; return the number of bytes, and whether the stream ends."""
        stream = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB)
        total = 0
        for part in self._parts:
            packed = part
            try:
                while not stream.eof and total <= self._expected:
                    total += len(stream.decompress(packed, min(_PIECE, self._expected - total + 1)))
                    packed = b""
                    if stream.needs_input:
                        break
            except DamagedStream as error:
                raise SegconvError(f"its pixel data is damaged ({error})", code="SC058") from error
            if total > self._expected:
                raise SegconvError(
                    f"its pixels inflate to more than the {self._expected} bytes they need", code="SC054"
                )
        return total, stream.eof
