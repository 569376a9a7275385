"""Names of label values in the extensions of a NIfTI header, as Caret writes them, and TotalSegmentator after it.

Sources: the extension of nifti1.h (https://nifti.nimh.nih.gov/nifti-1), and the label table of Caret's XML
(https://www.nitrc.org/projects/cifti, ``CaretExtension/VolumeInformation/LabelTable/Label``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from ..gzipped import Buffer

CARET = 30
"""Code of an extension in Caret's XML. TotalSegmentator 2.18 writes 0, "unknown", for the same XML."""
_UNKNOWN = 0

_EXTENDER = 348
"""Four bytes here, after the header, say whether extensions follow."""
_FIRST = 352
_HEAD = 8
"""Size and code before the content of an extension."""

# Bounded, so that no text takes longer than its length.
_LABEL = re.compile(r"<Label\s([^<>]{0,400})>\s{0,9}(?:<!\[CDATA\[([^\]]{0,200})\]\]>|([^<]{0,200}))\s{0,9}</Label>")
_KEY = re.compile(r'\bKey="(\d{1,18})"')


def label_names(raw: Buffer, voxels_at: int, *, little: bool) -> dict[int, str]:
    """Return value → name from the label tables in the extensions of a header; empty without any.

    Parameters
    ----------
    raw
        Inflated bytes of a file, at least up to its voxels.
    voxels_at
        Where its voxels begin.
    little
        Whether the header has its least bytes first.
    """
    found: dict[int, str] = {}
    for content in _extensions(memoryview(raw)[:voxels_at], "little" if little else "big"):
        text = content.decode("utf-8", errors="replace")
        if "<CaretExtension" in text:
            found |= dict(_labels(text))
    return found


def _extensions(head: memoryview, order: Literal["little", "big"]) -> Iterator[bytes]:
    """Yield the contents of extensions that may be Caret's; a wrong size ends the list."""
    at = _FIRST if head[_EXTENDER] else len(head)
    while at + _HEAD <= len(head):
        size = int.from_bytes(head[at : at + 4], order)
        if not _HEAD < size <= len(head) - at:
            return
        if int.from_bytes(head[at + 4 : at + _HEAD], order) in (CARET, _UNKNOWN):
            yield bytes(head[at + _HEAD : at + size])
        at += size


def _labels(text: str) -> Iterator[tuple[int, str]]:
    from html import unescape  # its table of names is long

    for attributes, quoted, plain in _LABEL.findall(text):
        key = _KEY.search(attributes)
        name = (quoted or unescape(plain)).strip()
        if key is not None and name:
            yield int(key[1]), name
