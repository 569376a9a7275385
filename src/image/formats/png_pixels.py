"""Prove the zlib stream of the pixels of a PNG, part by part and without keeping what it inflates to."""

from __future__ import annotations

from isal import igzip_lib

from ...errors import SegconvError
from ..gzipped import Buffer, DamagedStream

_PIECE = 1 << 17
"""Bytes that are inflated at once, and dropped: for larger ones the allocator asks the system for new pages."""


class PixelData:
    """The zlib stream of the pixels, inflated part by part, up to at most one byte too many."""

    def __init__(self, expected: int) -> None:
        self._stream = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB)
        self._expected = expected
        self._total = 0

    def add(self, packed: Buffer) -> None:
        """Inflate the next part; bytes after the end of the stream are ignored."""
        if self._stream.eof:
            return
        try:
            while self._total <= self._expected:
                limit = min(_PIECE, self._expected - self._total + 1)
                self._total += len(self._stream.decompress(packed, limit))
                packed = b""
                if self._stream.eof or self._stream.needs_input:
                    break
        except DamagedStream as error:
            raise SegconvError(f"its pixel data is damaged ({error})", code="SC058") from error
        if self._total > self._expected:
            raise SegconvError(f"its pixels inflate to more than the {self._expected} bytes they need", code="SC054")

    def refuse_cut(self) -> None:
        """Refuse a stream that is truncated or holds fewer bytes than the header promises."""
        if not self._stream.eof or self._total != self._expected:
            raise SegconvError(f"its pixel data is cut: {self._total} of {self._expected} bytes", code="SC058")
