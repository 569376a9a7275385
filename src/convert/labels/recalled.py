"""Masks of two values that planning decoded, packed to bits, so that a run in the same process need not decode them.

A mask is found by the SHA-256 of its file: whatever became of a file meanwhile, the pixels are those of its bytes.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ...image.picture import DecodedPicture, Picture, PictureHeader


MOST_BYTES = 32 << 20
"""Limit for all packed masks: a thousand of 512×512 pixels."""

LEAST_PIXELS = 1 << 12
"""Smaller masks are decoded again in less time than it takes to keep and recall them."""


@dataclass(frozen=True)
class _Packed:
    """A proved picture of two grey values."""

    header: PictureHeader
    plain: bool
    values: NDArray[np.uint8]
    bits: NDArray[np.uint8]

    def opened(self, data: bytes) -> DecodedPicture:
        from ...image.picture import DecodedPicture

        size = (self.header.height, self.header.width)
        set_bits = np.unpackbits(self.bits, count=size[0] * size[1]).reshape(size)
        low, high = self.values
        return DecodedPicture(self.header, self.plain, not self.plain, data, None, low + set_bits * (high - low))


class Recalled:
    """Packed masks, up to `MOST_BYTES`; each is recalled once."""

    def __init__(self) -> None:
        self._packed: dict[str, _Packed] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, opened: Picture, values: Collection[int]) -> None:
        """Keep a mask if it is an eight-bit grey picture with one or two values, and there is room.

        Parameters
        ----------
        values
            The values in it.
        """
        header, nbytes = opened.header, opened.header.value_bytes // 8
        grey = header.kind == "gray" and header.depth == 8 and header.format == "PNG"
        worth = grey and header.value_bytes >= LEAST_PIXELS
        if not worth or len(values) > 2 or self._bytes + nbytes > MOST_BYTES:
            return
        ends = np.array([min(values), max(values)], dtype=np.uint8)
        packed = _Packed(header, opened.plain, ends, np.packbits(opened.stored != ends[0]))
        digest = hashlib.sha256(opened.data).hexdigest()
        with self._lock:
            if digest not in self._packed:
                self._packed[digest] = packed
                self._bytes += packed.bits.nbytes

    def recall(self, digest: str, data: bytes) -> Picture | None:
        """Return the picture in a file by the hash of its bytes; None if it was not kept, or recalled before."""
        with self._lock:
            packed = self._packed.pop(digest, None)
            self._bytes -= packed.bits.nbytes if packed is not None else 0
        return packed.opened(data) if packed is not None else None

    def forget(self) -> None:
        """Forget all masks."""
        with self._lock:
            self._packed.clear()
            self._bytes = 0


RECALLED = Recalled()
"""The masks of the last plan that this process made."""
