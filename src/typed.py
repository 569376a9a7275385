"""Values of parsed JSON by type: a reader returns a value of its type, and refuses anything else with its place.

A reader takes a value and returns it, checked. `texts`, `whole` and the like are readers; `many`, `mapping`, `optional`
and `entries` make a reader of others, so that the shape of a file is written down where the file is read:

>>> person = entries({"name": text, "born": optional(count)})
>>> person({"name": "Ada", "born": 1815})
{'name': 'Ada', 'born': 1815}
>>> person({"name": "Ada", "born": "1815"})
Traceback (most recent call last):
    ...
segconv.typed.Misfit: 'born' is '1815', expected a whole number from 0 on
"""

from __future__ import annotations

import math
import os
import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Read = Callable[[Any], T]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 60
_SHOWN.maxlevel = 3


LONGEST_NAME = 255
LONGEST_PATH = 4096
"""In bytes, what Linux allows for the name of a file and for a path."""


class Misfit(ValueError):
    """A value of an unexpected type.

    Parameters
    ----------
    message
        What was found, and what was expected.
    at
        Its place, from outside to inside.
    """

    def __init__(self, message: str = "", *, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.at = at

    def __str__(self) -> str:
        return f"{' → '.join(map(brief, self.at))} {self.message}" if self.at else f"it {self.message}"

    def inside(self, place: str | int) -> Misfit:
        """Return the same misfit, seen from one level further out."""
        return Misfit(self.message, at=(place, *self.at))


def brief(value: object) -> str:
    """Return a value for a message, shortened if long."""
    return _SHOWN.repr(value)


def can_be_a_path(text: str) -> bool:
    """Return whether a file can have this path; the system rejects one that is too long or not encodable."""
    try:
        parts = os.fsencode(text).split(b"/")
    except UnicodeEncodeError:
        return False
    return all(len(part) <= LONGEST_NAME for part in parts) and len(text) < LONGEST_PATH


def _expected(value: object, what: str) -> Misfit:
    return Misfit(f"is {brief(value)}, expected {what}")


def text(value: Any) -> str:
    """Read text."""
    if type(value) is not str:
        raise _expected(value, "text")
    return value


def file_name(value: Any) -> str:
    """Read a file name without a folder."""
    if value in ("", ".", "..") or "/" in path_text(value):
        raise _expected(value, "the name of a file")
    return str(value)


def path_text(value: Any) -> str:
    """Read text that may be the path of a file, wherever it is."""
    if type(value) is not str or not value or "\0" in value or not can_be_a_path(value):
        raise _expected(value, "the path of a file")
    return value


def whole(value: Any) -> int:
    """Read a whole number."""
    if type(value) is not int:
        raise _expected(value, "a whole number")
    return value


def count(value: Any) -> int:
    """Read a whole number that is not negative."""
    if type(value) is not int or value < 0:
        raise _expected(value, "a whole number from 0 on")
    return value


def number(value: Any) -> float:
    """Read a finite number, whole or not, and keep its type."""
    if type(value) not in (int, float):
        raise _expected(value, "a number")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise _expected(value, "a finite number")
    return value  # type: ignore[no-any-return]


def positive(value: Any) -> float:
    """Read a number above 0."""
    if number(value) <= 0:
        raise _expected(value, "a number above 0")
    return value  # type: ignore[no-any-return]


def truth(value: Any) -> bool:
    """Read true or false."""
    if type(value) is not bool:
        raise _expected(value, "true or false")
    return value


def sha256(value: Any) -> str:
    """Read a SHA-256 in hexadecimal digits."""
    if type(value) is not str or not _SHA256.fullmatch(value):
        raise _expected(value, "a SHA-256 of 64 hexadecimal digits")
    return value


def anything(value: Any) -> Any:
    """Read any value."""
    return value


def whole_between(low: int, high: int) -> Read[int]:
    """Return a reader of whole numbers in a range, ends included."""

    def read(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _expected(value, f"a whole number from {low} to {high}")
        return value

    return read


def one_of(*choices: str) -> Read[str]:
    """Return a reader that accepts certain words."""

    def read(value: Any) -> str:
        if type(value) is not str or value not in choices:
            raise _expected(value, f"one of {', '.join(choices)}")
        return value

    return read


def optional(read: Read[T]) -> Read[T | None]:
    """Return a reader that also accepts null."""
    return lambda value: None if value is None else read(value)


def either(*choices: Read[Any]) -> Read[Any]:
    """Return a reader that tries several readers; the last one says what was expected."""

    def read(value: Any) -> Any:
        for choice in choices[:-1]:
            try:
                return choice(value)
            except Misfit:
                continue
        return choices[-1](value)

    return read


def many(read: Read[T], *, least: int = 0, most: int | None = None) -> Read[list[T]]:
    """Return a reader of lists of a certain length."""

    def read_all(value: Any) -> list[T]:
        if type(value) is not list:
            raise _expected(value, "a list")
        if len(value) < least or (most is not None and len(value) > most):
            wanted = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            raise Misfit(f"has {len(value)} entries, expected {wanted}")
        found = []
        for place, item in enumerate(value):
            try:
                found.append(read(item))
            except Misfit as misfit:
                raise misfit.inside(place) from None
        return found

    return read_all


def mapping(read: Read[T], key: Read[str] = text) -> Read[dict[str, T]]:
    """Return a reader of objects with one reader for all keys and one for all values."""

    def read_all(value: Any) -> dict[str, T]:
        if type(value) is not dict:
            raise _expected(value, "an object {…}")
        found = {}
        for name, item in value.items():
            try:
                found[key(name)] = read(item)
            except Misfit as misfit:
                raise misfit.inside(name) from None
        return found

    return read_all


def entries(needed: Mapping[str, Read[Any]], further: Mapping[str, Read[Any]] | None = None) -> Read[dict[str, Any]]:
    """Return a reader of objects with certain keys; other keys are kept unchecked.

    Parameters
    ----------
    needed
        Required key → reader of its value.
    further
        The same for optional keys.
    """
    further = further or {}

    def read_all(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _expected(value, "an object {…}")
        found = dict(value)
        for name, read in needed.items():
            if name not in value:
                raise Misfit(f"lacks {name!r}")
            try:
                found[name] = read(value[name])
            except Misfit as misfit:
                raise misfit.inside(name) from None
        for name, read in further.items():
            if name in value:
                try:
                    found[name] = read(value[name])
                except Misfit as misfit:
                    raise misfit.inside(name) from None
        return found

    return read_all
