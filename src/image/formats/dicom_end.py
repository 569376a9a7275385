"""Find the end of a DICOM file by walking its elements, because readers stop after what they need.

Source of the format: DICOM PS3.5, 7.1 (elements), 7.5 (sequences), A.4 (encapsulated pixels), and
PS3.10, 7.1 (meta information), https://dicom.nema.org/medical/dicom/current.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from ... import reading
from .dicom_head import HEAD_BYTES, LONG, MAGIC, PREAMBLE_BYTES, SHORT, has_preamble, is_implicit

_START = PREAMBLE_BYTES + len(MAGIC)
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = 0x7FE0
"""Group of the pixels, after which hardly any element comes."""
_SYNTAX = 0x00020010
_META = b"\2\0"
"""Group of the meta information, which is always little-endian."""
_IMPLICIT = b"1.2.840.10008.1.2"
_BIG = b"1.2.840.10008.1.2.2"
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_DEEPEST = 16
"""Most nested sequences that are followed."""


class _NoElement(Exception):
    """The bytes are not an element."""


class _Walk:
    """Elements of a file in one transfer syntax."""

    def __init__(self, file: BinaryIO, size: int, *, implicit: bool = False, big: bool = False) -> None:
        self._file, self._size, self._implicit = file, size, implicit
        self._order = ">" if big else "<"

    def element(self, at: int) -> tuple[int, int, int]:
        """Return the tag, and the start and length of the value."""
        tag, vr, short = struct.unpack(f"{self._order}4s2sH", self._bytes(at, 8))
        group, number = struct.unpack(f"{self._order}HH", tag)
        length: int
        if self._implicit or group == 0xFFFE:
            (length,) = struct.unpack(f"{self._order}4xI", self._bytes(at, 8))
            start = at + 8
        elif vr in LONG:
            (length,) = struct.unpack(f"{self._order}8xI", self._bytes(at, 12))
            start = at + 12
        elif vr in SHORT:
            start, length = at + 8, short
        else:
            raise _NoElement
        if length != _UNDEFINED and start + length > self._size:
            raise _NoElement
        return group << 16 | number, start, length

    def after(self, at: int, depth: int = 0) -> tuple[int, int]:
        """Return the tag of an element, and the start of the next one."""
        tag, start, length = self.element(at)
        if length != _UNDEFINED:
            return tag, start + length
        if depth > _DEEPEST:
            raise _NoElement
        at = start
        while True:
            inner, start, length = self.element(at)
            if inner == _SEQUENCE_END:
                return tag, start
            if inner != _ITEM:
                raise _NoElement
            at = start + length if length != _UNDEFINED else self._after_item(start, depth)

    def value(self, start: int, length: int) -> bytes:
        """Return the value of an element."""
        return self._bytes(start, length)

    def _after_item(self, at: int, depth: int) -> int:
        while True:
            tag, start, _ = self.element(at)
            if tag == _ITEM_END:
                return start
            _, at = self.after(at, depth + 1)

    def _bytes(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        found = self._file.read(count)
        if len(found) < count:
            raise _NoElement
        return found


def trailing_bytes(path: str) -> int:
    """Return the number of bytes after the last element of a DICOM file; 0 if its elements do not show it.

    Tags ascend, so bytes after the pixels that are not an element with a higher tag do not belong to the file.
    """
    with reading.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            head = file.read(HEAD_BYTES)
            syntax, at = _meta(_Walk(file, size), _START if has_preamble(head) else 0)
            if not syntax and not has_preamble(head):
                syntax = _IMPLICIT if is_implicit(head) else b""
        except _NoElement:
            return 0
        if syntax == _DEFLATED:
            return 0
        walk = _Walk(file, size, implicit=syntax == _IMPLICIT, big=syntax == _BIG)
        last = 0
        while at < size:
            try:
                tag, end = walk.after(at)
            except _NoElement:
                tag, end = 0, at
            if tag <= last:
                return size - at if last >> 16 >= _PIXELS else 0
            last, at = tag, end
    return 0


def _meta(walk: _Walk, start: int) -> tuple[bytes, int]:
    """Return the transfer syntax, and the start of the data set."""
    at, syntax = start, b""
    while walk.value(at, 2) == _META:
        tag, value, length = walk.element(at)
        if tag == _SYNTAX:
            syntax = walk.value(value, length).rstrip(b"\0 ")
        _, at = walk.after(at)
    return syntax, at
