"""Parsed JSON with one change: another value in each place, or a key missing, added or renamed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e308, 10**30, "", "x", "../../x", "\0", "\ud800x", "²", "9" * 5000, "h" * 70_000,
    [], {}, [[]], [1, "x", None], {"a": [{"b": [None, {"c": -1}]}]},
)  # fmt: skip
KEYS = ("", "x", "-1", "../x", "\0", "\ud800x", "²", "9" * 5000)
ENTRIES = 2
"""So many entries of a list are changed: the others are like them."""

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutant:
    """A changed document.

    Parameters
    ----------
    at
        Where it is changed.
    what
        How, for people.
    document
        All of it.
    retyped
        Whether the place holds a value of another type than before; null is of any.
    """

    at: Place
    what: str
    document: Any
    retyped: bool = False


def mutants(document: Any, below: Place = ()) -> Iterator[Mutant]:
    """Yield every mutant of a document that is changed at or below a place."""
    for at, found in _places(document, below):
        for value in VALUES:
            yield Mutant(at, f"{value!r}"[:40], _with(document, at, value), _retypes(found, value))
        if at:
            yield Mutant(at, "missing", _without(document, at))
        if isinstance(found, dict):
            yield Mutant(at, "one key more", _with(document, at, {**found, "one more": VALUES[-1]}))
            for key in KEYS if found else ():
                first = next(iter(found))
                renamed = {(key if name == first else name): value for name, value in found.items()}
                yield Mutant(at, f"{key!r}"[:40] + " for a key", _with(document, at, renamed))
        if isinstance(found, list) and found:
            yield Mutant(at, "one entry more", _with(document, at, [*found, found[0]]))
            yield Mutant(at, "one entry less", _with(document, at, found[:-1]))


def _retypes(found: Any, value: Any) -> bool:
    if found is None or value is None:  # what may be missing
        return False
    numbers = (int, float)  # an integer is valid in place of a fraction
    return type(found) is not type(value) and not (type(found) in numbers and type(value) in numbers)


def _places(document: Any, below: Place) -> Iterator[tuple[Place, Any]]:
    found = document
    for step in below:
        found = found[step]
    yield below, found
    if isinstance(found, dict):
        for key in found:
            yield from _places(document, (*below, key))
    elif isinstance(found, list):
        for number in range(min(ENTRIES, len(found))):
            yield from _places(document, (*below, number))


def _with(document: Any, at: Place, value: Any) -> Any:
    if not at:
        return copy.deepcopy(value)
    changed = copy.deepcopy(document)
    _above(changed, at)[at[-1]] = copy.deepcopy(value)
    return changed


def _without(document: Any, at: Place) -> Any:
    changed = copy.deepcopy(document)
    del _above(changed, at)[at[-1]]
    return changed


def _above(document: Any, at: Place) -> Any:
    for step in at[:-1]:
        document = document[step]
    return document
