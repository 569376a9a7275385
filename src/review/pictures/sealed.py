"""Seal pictures, so that an edited one is not mistaken for segconv's own.

The seal is a text in the PNG file: the SHA-256 of all its other bytes. A program that edits the picture, or any
text in it, drops the seal or invalidates it. Source of the format: PNG (ISO/IEC 15948), 5.3 and 11.3.3.2.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from ... import reading
from ...errors import Cure, SegconvError
from ...work.preflight import refuse_unwritable_name

MAX_BYTES = 256 << 20

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"segconv SHA-256\0"
_HEADER_END = len(_SIGNATURE) + 12 + 13
"""Where the first chunk, with the size of the picture, ends; the seal follows."""
_SEAL_BYTES = 12 + len(_KEYWORD) + hashlib.sha256().digest_size * 2


def sealed(png: bytes) -> bytes:
    """Return a PNG file with a seal."""
    return png[:_HEADER_END] + _seal(png) + png[_HEADER_END:]


def is_sealed(picture: Path) -> bool:
    """Return whether a file is exactly what `sealed` returned."""
    try:
        data = reading.whole(reading.in_real_folder(picture), MAX_BYTES)
    except (SegconvError, OSError):
        return False
    end = _HEADER_END + _SEAL_BYTES
    return data.startswith(_SIGNATURE) and data[_HEADER_END:end] == _seal(data[:_HEADER_END] + data[end:])


def refuse_taken(picture: Path, *, overwrite: bool) -> None:
    """Refuse to replace anything but a picture by segconv, and that unless asked for.

    Raises
    ------
    SegconvError
        ``SC020`` for a file that is not replaced; ``SC031`` if it could not be written anyway.
    """
    refuse_unless_ours(picture, is_sealed, "a picture that segconv drew", overwrite=overwrite)


def refuse_unless_ours(file: Path, is_ours: Callable[[Path], bool], what: str, *, overwrite: bool) -> None:
    """Refuse to replace anything but a file by segconv; errors are those of `refuse_taken`.

    Parameters
    ----------
    is_ours
        Whether a file is one.
    what
        What it is then.
    """
    refuse_unwritable_name(file)
    if not os.path.lexists(file):
        return
    if not overwrite:
        raise SegconvError(
            "already exists",
            code="SC020",
            file=str(file),
            cures=[Cure.of("choose_other_output"), Cure.of("overwrite")],
        )
    if not is_ours(file):
        raise SegconvError(
            f"is not {what}, to the last byte, and is not replaced",
            code="SC020",
            file=str(file),
            cures=[Cure.of("choose_other_output")],
        )


def _seal(png: bytes) -> bytes:
    """Return the chunk that seals a file without a seal."""
    content = b"tEXt" + _KEYWORD + hashlib.sha256(png).hexdigest().encode()
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
