"""Read the text of a NRRD header: its fields as numbers and words, and its key/value pairs.

Unknown fields, invalid numbers and repeated fields are refused, so that a misspelt field is not mistaken for an
absent one. Tests compare this with pynrrd.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from .. import content
from ..gzipped import Buffer

MAGIC = b"NRRD0"
_MAGIC_LINE = re.compile(r"NRRD000[1-5]")

HEAD_LIMIT = 1 << 22
"""Headers are shorter than this; those of segmentations with hundreds of segments reach a tenth of it."""

_NUMBERS = re.compile(r"[-+0-9.eE,() \tNnAaOoIiFf]*")
"""Digits, brackets, and the letters of none, nan and inf; Python accepts more as numbers than the format does."""

_LARGEST = 1 << 62


def _whole(text: str) -> int:
    return int(_vetted(text))


def _vetted(text: str) -> str:
    if not _NUMBERS.fullmatch(text):
        raise ValueError(f"{text[:30]!r} is not a number")
    return text


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array([float(word) for word in _vetted(text).split()], dtype=np.float64)


def _sizes(text: str) -> list[int]:
    found = _numbers(text).tolist()
    if not all(number.is_integer() and abs(number) < _LARGEST for number in found):
        raise ValueError(f"{text[:30]!r} are not whole numbers")
    return [int(number) for number in found]


def _vector(text: str) -> NDArray[np.float64]:
    if not (text.startswith("(") and text.endswith(")")):
        raise ValueError(f"{text[:30]!r} is not a vector in brackets")
    return np.array([float(word) for word in _vetted(text)[1:-1].split(",")], dtype=np.float64)


def _vectors(text: str) -> list[NDArray[np.float64] | None]:
    """Return one vector per axis, None for the word ``none`` and for NaN."""
    found = [None if word == "none" else _vector(word) for word in text.split()]
    if not found or len({len(vector) for vector in found if vector is not None}) > 1:
        raise ValueError("expected vectors of one length")
    return [None if vector is None or np.isnan(vector).all() else vector for vector in found]


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("content", "number", "type", "space", "sample units", "data file", "encoding", "endian"), str),
    **dict.fromkeys(("dimension", "space dimension", "byte skip", "line skip"), _whole),
    **dict.fromkeys(("block size", "spacings", "thicknesses", "axis mins", "axis maxs"), _numbers),
    "sizes": _sizes,
    "space origin": _vector,
    **dict.fromkeys(("space directions", "measurement frame"), _vectors),
    **dict.fromkeys(("centerings", "kinds"), str.split),
    **dict.fromkeys(("labels", "units", "space units"), shlex.split),
    **dict.fromkeys(("min", "max", "old min", "old max"), float),
}
"""All fields of the format, and what their text is read as."""

_FIELDS = {spelling: name for name in _PARSERS for spelling in (name, name.replace(" ", ""))}
"""With and without spaces."""

_OF_AXES = ("sizes", "spacings", "thicknesses", "axis mins", "axis maxs", "centerings", "kinds", "labels", "units")
_OF_SPACE = ("space directions", "space origin", "space units", "measurement frame")


@dataclass(frozen=True)
class Fields:
    """The fields of a header.

    Parameters
    ----------
    values
        Name of a field → its text, in the order of the header.
    pairs
        The key/value pairs, unescaped.
    text_bytes
        Length of the header, its empty line included.
    blanks_at_ends
        Whether lines of fields end with blanks.
    """

    values: Mapping[str, Any]
    pairs: Mapping[str, str]
    text_bytes: int
    blanks_at_ends: bool

    def required(self, name: str) -> Any:
        """Return the text of a field; raises ``SC053`` if it is missing."""
        if name not in self.values:
            raise SegconvError(f"its header has no field {name!r}", code="SC053")
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the text of a field, or a default."""
        return self.values.get(name, default)

    def oddities(self) -> list[tuple[str, str]]:
        """Return oddities of the text that other readers refuse."""
        odd = []
        if not _in_order(list(self.values)):
            odd.append(("SC093", "its fields stand in an order that other readers refuse"))
        if self.blanks_at_ends:
            odd.append(("SC093", "has blanks at the end of fields, which other readers refuse"))
        return odd


def read_fields(head: Buffer) -> Fields:
    """Read the text of a header.

    Parameters
    ----------
    head
        The file, or a first part of it that contains the header.

    Raises
    ------
    SegconvError
        ``SC051`` if this is not NRRD; ``SC053`` for an unknown line, an invalid field, or a repeated
        one; ``SC054`` if the text is longer than `HEAD_LIMIT`.
    """
    lines, text_bytes = _lines(head)
    if not _MAGIC_LINE.fullmatch(lines[0]):
        raise SegconvError(f"begins with the line {lines[0][:20]!r}, expected NRRD0001 to NRRD0005", code="SC053")
    values: dict[str, Any] = {}
    pairs: dict[str, str] = {}
    for line in lines[1:]:
        if line.startswith("#"):
            continue
        field_end, pair_end = line.find(": "), line.find(":=")
        if pair_end >= 0 and not 0 <= field_end < pair_end:
            _add(pairs, line[:pair_end], _unescaped(line[pair_end + 2 :].strip()))
            continue
        name = _FIELDS.get(line[: max(field_end, 0)].lower().replace("centers", "centerings"))
        if name is None:
            raise SegconvError(f"its header has the line {line[:60]!r}, which the format does not know", code="SC053")
        _add(values, name, _parsed(name, line[field_end + 2 :].strip()))
    blanks = any(line.endswith((" ", "\t")) and ":=" not in line for line in lines)
    return Fields(values, pairs, text_bytes, blanks)


def escaped(value: str) -> str:
    """Return the value of a key/value pair as text on one line."""
    return value.replace("\\", "\\\\").replace("\r", " ").replace("\n", "\\n")


def _unescaped(value: str) -> str:
    return value.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


def _add(said: dict[str, Any], name: str, value: Any) -> None:
    if name in said:
        raise SegconvError(f"its header says {name[:60]!r} twice", code="SC053")
    said[name] = value


def _parsed(name: str, text: str) -> Any:
    try:
        return _PARSERS[name](text)
    except ValueError as error:
        raise SegconvError(f"its header cannot be read: {name}: {error}", code="SC053") from error


def _lines(head: Buffer) -> tuple[list[str], int]:
    """Return the lines of the header, and its length including the final empty line."""
    if bytes(head[: len(MAGIC)]) != MAGIC:
        raise content.refuse(head, "a NRRD volume")
    start = bytes(head[:HEAD_LIMIT])
    at = 0
    lines: list[str] = []
    while True:
        end = start.find(b"\n", at)
        line = (start[at:] if end < 0 else start[at:end]).removesuffix(b"\r")
        at = len(start) if end < 0 else end + 1
        if end < 0 and len(head) > HEAD_LIMIT:
            raise SegconvError(f"its header takes more than {HEAD_LIMIT} bytes", code="SC054")
        if not line:
            return lines, at
        # The format is ASCII; 3D Slicer writes the names of segments in UTF-8.
        lines.append(line.decode("utf-8", "replace"))
        if end < 0:
            return lines, at


def _in_order(names: list[str]) -> bool:
    """Return whether each field follows the one that gives the length of its list."""
    axes_at = names.index("dimension")
    space_at = next((at for at, name in enumerate(names) if name in ("space", "space dimension")), -1)
    return not any(
        (name in _OF_AXES and at < axes_at) or (name in _OF_SPACE and (at < axes_at or at < space_at))
        for at, name in enumerate(names)
    )
