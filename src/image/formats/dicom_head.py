"""Recognise DICOM files and their content by the first bytes, with or without a preamble of 128 bytes.

Files without a preamble are older than part 10 of the standard, or were cut out of a stream. They count
as DICOM only if elements begin at once, in the standard's order.
Source of the format: DICOM PS3.10, 7.1 and PS3.5, 7.1, https://dicom.nema.org/medical/dicom/current.
"""

from __future__ import annotations

import struct

PREAMBLE_BYTES = 128
MAGIC = b"DICM"
HEAD_BYTES = 1024

SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""Value representations whose length takes two bytes."""
LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""Value representations whose length takes four bytes."""
_META, _IDENTIFYING = 0x0002, 0x0008
_LONGEST = 512
"""Most bytes of a value at the beginning: identifiers, dates and times are short."""
_FEWEST = 2
"""Elements that must follow one another."""


def is_dicom(head: bytes) -> bool:
    """Return whether a file is DICOM, from its first `HEAD_BYTES` bytes."""
    return has_preamble(head) or is_bare(head)


def has_preamble(head: bytes) -> bool:
    """Return whether the magic follows a preamble."""
    return head[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC


def is_bare(head: bytes) -> bool:
    """Return whether DICOM elements begin with the first byte, in little-endian order."""
    at, last = 0, 0
    for _ in range(_FEWEST):
        if len(head) < at + 8:
            return False
        group, number, vr, short = struct.unpack("<HH2sH", head[at : at + 8])
        start = at + 8
        if vr in SHORT:
            length = short
        elif vr in LONG and short == 0:
            start, length = at + 12, int.from_bytes(head[at + 8 : at + 12], "little")
        else:
            length = int.from_bytes(head[at + 4 : at + 8], "little")
        tag = group << 16 | number
        if group not in (_META, _IDENTIFYING) or tag <= last or length > _LONGEST or length % 2:
            return False
        at, last = start + length, tag
    return True


def is_implicit(head: bytes) -> bool:
    """Return whether the elements of a bare file have no value representation."""
    return head[4:6] not in SHORT


_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NO_IMAGES = {
    "1.2.840.10008.1.3.10": "a DICOMDIR",
    f"{_STORAGE}9.": "a waveform",
    f"{_STORAGE}11.": "a presentation state",
    f"{_STORAGE}66.4": "a segmentation (DICOM SEG)",
    f"{_STORAGE}66.7": "a segmentation (DICOM SEG)",
    f"{_STORAGE}66": "a registration, surface or raw data",
    f"{_STORAGE}88.": "a report (DICOM SR)",
    f"{_STORAGE}104.": "a document",
    f"{_STORAGE}481.3": "a structure set (RTSTRUCT)",
    f"{_STORAGE}481.": "of radiotherapy",
}
"""Prefixes of the classes of objects without slices, and what such an object is."""


def _sop_class(head: bytes) -> str:
    """Return the class of an object, from the meta information, or from the data set if there is none."""
    if is_bare(head) and is_implicit(head):
        at = head.find(b"\x08\x00\x16\x00")
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        return "" if at < 0 else head[at + 8 : at + 8 + length].decode("ascii", "replace").strip("\0 ")
    at = max(head.find(b"\x02\x00\x02\x00UI"), head.find(b"\x08\x00\x16\x00UI") if is_bare(head) else -1)
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return "" if at < 0 else head[at + 8 : at + 8 + length].decode("ascii", "replace").strip("\0 ")


def object_in(head: bytes) -> str | None:
    """Return the kind of a DICOM object without slices, from its first bytes; None for slices and other files."""
    kind = _sop_class(head) if is_dicom(head) else ""
    return next((what for start, what in _NO_IMAGES.items() if kind.startswith(start)), None)
