"""Word counts and lists for messages."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 3
"""How many names a message on many shows."""


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    >>> count_of(1, "case"), count_of(2, "case"), count_of(0, "series", "series")
    ('1 case', '2 cases', '0 series')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def some_of(names: Iterable[object], shown: int = SHOWN) -> str:
    """Return the first few of many names, and how many more there are.

    >>> some_of(["a", "b"]), some_of("abcde"), some_of("abcde", 1)
    ('a, b', 'a, b, c and 2 more', 'a and 4 more')
    """
    texts = [str(name) for name in names]
    more = len(texts) - shown
    return ", ".join(texts[:shown]) + (f" and {more} more" if more > 0 else "")


def typed_size(size: Iterable[int]) -> str:
    """Return a size as a user types it.

    >>> typed_size([64, 128])
    '64x128'
    """
    return "x".join(map(str, size))


def times(size: Iterable[int]) -> str:
    """Return a size as people write it.

    >>> times([64, 128])
    '64×128'
    """
    return "×".join(map(str, size))
