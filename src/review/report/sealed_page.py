"""Seal reports, so that an edited one is not mistaken for segconv's own: the last line is the SHA-256 of the others."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ... import reading
from ...errors import SegconvError
from ..pictures.sealed import refuse_unless_ours

MAX_BYTES = 1 << 30

_SEAL = re.compile(rb"<!-- segconv SHA-256: ([0-9a-f]{64}) -->\n\Z")


def sealed(page: bytes) -> bytes:
    """Return a page with a seal."""
    page = page if page.endswith(b"\n") else page + b"\n"
    return page + b"<!-- segconv SHA-256: %s -->\n" % hashlib.sha256(page).hexdigest().encode()


def is_sealed(page: Path) -> bool:
    """Return whether a file is exactly what `sealed` returned."""
    try:
        data = reading.whole(reading.in_real_folder(page), MAX_BYTES)
    except (SegconvError, OSError):
        return False
    found = _SEAL.search(data)
    return found is not None and hashlib.sha256(data[: found.start()]).hexdigest().encode() == found[1]


def refuse_taken(page: Path, *, overwrite: bool) -> None:
    """Refuse to replace anything but a report by segconv, and that unless asked for.

    Raises
    ------
    SegconvError
        ``SC020`` for a file that is not replaced; ``SC031`` if it could not be written anyway.
    """
    refuse_unless_ours(page, is_sealed, "a report that segconv made", overwrite=overwrite)
