"""Read the text of a MetaImage header strictly: ``Key = Value`` lines of numbers and words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from .. import content
from ..gzipped import Buffer

HEAD_LIMIT = 1 << 16
"""Headers are shorter than this."""

_KEY = re.compile(r"[^\s:]+")
"""ITK adds whatever it knows of an image, such as ``dim[0]`` of a NIfTI file and ``0008|0060`` of DICOM. A colon ends
a key for MetaIO as well, and a blank hints at a misspelt one."""
_BLANKS = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?(nan|inf)", re.IGNORECASE)
"""Python accepts more as numbers than the format does."""


@dataclass(frozen=True)
class Fields:
    """The fields of a header; each method raises ``SC053`` for an invalid value.

    Parameters
    ----------
    values
        Key → text of its value, in the order of the header.
    text_bytes
        Length of the header.
    """

    values: Mapping[str, str]
    text_bytes: int

    def get(self, key: str, default: str) -> str:
        """Return the text of a key, or a default."""
        return self.values.get(key, default)

    def words(self, key: str, count: int) -> list[str]:
        """Return a given number of words of a required key."""
        if key not in self.values:
            raise SegconvError(f"its header has no {key}", code="SC053")
        words: list[str] = _BLANKS.split(self.values[key])
        if len(words) != count:
            raise SegconvError(f"{key} has {len(words)} numbers, expected {count}", code="SC053")
        return words

    def whole_numbers(self, key: str, count: int) -> list[int]:
        """Return a given number of whole numbers of a required key."""
        return [_integer(word, key) for word in self.words(key, count)]

    def whole(self, key: str, default: int | None = None) -> int:
        """Return the whole number of a key, or a default."""
        if key not in self.values and default is not None:
            return default
        return self.whole_numbers(key, 1)[0]

    def number(self, key: str, default: str) -> float:
        """Return the number of a key, or a default."""
        return _number(self.get(key, default), key)

    def first(self, keys: tuple[str, ...], count: int) -> NDArray[np.float64] | None:
        """Return a given number of numbers of the first key present; refuse other keys with different values.

        Parameters
        ----------
        keys
            Synonymous keys.
        """
        found = [(key, [_number(word, key) for word in self.words(key, count)]) for key in keys if key in self.values]
        for key, numbers in found[1:]:
            if numbers != found[0][1]:
                raise SegconvError(f"{found[0][0]} and {key} contradict each other", code="SC053")
        return np.array(found[0][1]) if found else None

    def yes(self, key: str, default: bool) -> bool:
        """Return whether a key is True."""
        word = self.get(key, str(default)).lower()
        if word not in ("true", "false", "1", "0", "t", "f"):
            raise SegconvError(f"{key} is {self.values[key][:30]!r}, expected True or False", code="SC053")
        return word in ("true", "1", "t")


def read_fields(head: Buffer) -> Fields:
    """Read the text of a header, up to the line that names the data file.

    Parameters
    ----------
    head
        The file, or a first part of it that contains the header.

    Raises
    ------
    SegconvError
        ``SC051`` if this is not a MetaImage; ``SC053`` for a line that is not ``Key = Value``, or a repeated
        key; ``SC054`` if the text is longer than `HEAD_LIMIT`.
    """
    if content.kind_of(head) != "MetaImage volume":
        raise content.refuse(head, "a MetaImage volume")
    start = bytes(head[:HEAD_LIMIT])
    values: dict[str, str] = {}
    at = 0
    while "ElementDataFile" not in values:
        end = start.find(b"\n", at)
        if end < 0 and len(head) > HEAD_LIMIT:
            raise SegconvError(f"its header takes more than {HEAD_LIMIT} bytes", code="SC054")
        if at >= len(start):
            raise SegconvError("its header ends before the line ElementDataFile", code="SC053")
        line = (start[at:] if end < 0 else start[at:end]).decode("utf-8", "replace").strip(" \t\r")
        at = len(start) if end < 0 else end + 1
        if line:
            key, value = _key_and_value(line)
            if key in values:
                raise SegconvError(f"its header says {key} twice", code="SC053")
            values[key] = value
    return Fields(values, at)


def _key_and_value(line: str) -> tuple[str, str]:
    key, equals, value = line.partition("=")
    key = key.strip(" \t")
    if not equals or not _KEY.fullmatch(key):
        raise SegconvError(f"its header has the line {line[:60]!r}, expected Key = Value", code="SC053")
    return key, value.strip(" \t")


def _integer(word: str, key: str) -> int:
    # No number of a header needs more than 19 digits.
    if not (word.isascii() and word.removeprefix("-").isdecimal() and len(word) < 20):
        raise SegconvError(f"{key} is {word[:30]!r}, expected a whole number", code="SC053")
    return int(word)


def _number(word: str, key: str) -> float:
    if not _NUMBER.fullmatch(word):
        raise SegconvError(f"{key} holds {word[:30]!r}, expected a number", code="SC053")
    return float(word)
