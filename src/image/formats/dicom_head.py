"""Whether a file is DICOM, by its first bytes: behind a preamble of 128 bytes, or from the first of them on.

Files without a preamble are older than part 10 of the standard, or were cut out of a stream. They are
taken for DICOM only if elements begin at once, in the order that the standard wants.
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
"""Of a value at the beginning: identifiers, dates and times are short."""
_FEWEST = 2
"""So many elements must follow one another."""


def is_dicom(head: bytes) -> bool:
    """Return whether a file is DICOM, from its first `HEAD_BYTES` bytes."""
    return has_preamble(head) or is_bare(head)


def has_preamble(head: bytes) -> bool:
    """Return whether the magic stands behind a preamble."""
    return head[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC


def is_bare(head: bytes) -> bool:
    """Return whether elements of DICOM begin with the first byte, in little-endian order."""
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
