"""Long sequences that take little memory: their entries are made block by block, each time they are read."""

from __future__ import annotations

import bisect
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from operator import eq
from typing import TypeVar, overload

T = TypeVar("T")

SIZE = 256
"""Entries of a block."""


class _Lazy(Sequence[T], ABC):
    """A sequence that equals others with equal entries."""

    @abstractmethod
    def entry(self, at: int) -> T:
        """Return an entry by its place, counted from 0."""

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        numbers = range(len(self))[at]
        return self.entry(numbers) if isinstance(numbers, int) else list(map(self.entry, numbers))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))


class InBlocks(_Lazy[T]):
    """A sequence whose entries are made block by block; the last block is kept, for entries read in their order.

    Parameters
    ----------
    length
        Number of entries.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._kept: tuple[int, Sequence[T]] = (-1, ())

    @abstractmethod
    def block(self, number: int) -> Sequence[T]:
        """Make the entries of a block; all have `SIZE` but the last."""

    def blocks(self) -> Iterator[Sequence[T]]:
        """Yield block after block."""
        return map(self.block, range(-(-self._length // SIZE)))

    def entry(self, at: int) -> T:
        """Return an entry by its place, counted from 0."""
        number, place = divmod(at, SIZE)
        kept = self._kept  # another thread may replace it
        if kept[0] != number:
            kept = self._kept = number, self.block(number)
        return kept[1][place]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return itertools.chain.from_iterable(self.blocks())


class Names(InBlocks[str]):
    """Names of files, in the order given; a block is one text, in which a name takes its letters and one more."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(len(names))
        self._texts = ["\0".join(names[at : at + SIZE]) for at in range(0, len(names), SIZE)]

    def block(self, number: int) -> list[str]:
        """Return the names of a block."""
        return self._texts[number].split("\0")


class Chained(_Lazy[T]):
    """Sequences one after the other; entries may be added, as to a list.

    Attributes
    ----------
    parts
        The sequences.
    """

    def __init__(self, *parts: Sequence[T]) -> None:
        self.parts: list[Sequence[T]] = []
        self._starts: list[int] = []
        for part in parts:
            self.extend(part)

    def append(self, entry: T) -> None:
        """Add an entry."""
        self.extend([entry])

    def extend(self, entries: Sequence[T]) -> None:
        """Add entries; a list now belongs to this sequence, which may add later entries to it."""
        last = self.parts[-1] if self.parts else None
        if isinstance(last, list) and isinstance(entries, list):
            last += entries
        elif entries:
            self._starts.append(len(self))
            self.parts.append(entries)

    def clear(self) -> None:
        """Remove all entries."""
        self.parts.clear()
        self._starts.clear()

    def entry(self, at: int) -> T:
        """Return an entry by its place, counted from 0."""
        number = bisect.bisect_right(self._starts, at) - 1
        return self.parts[number][at - self._starts[number]]

    def __len__(self) -> int:
        return self._starts[-1] + len(self.parts[-1]) if self.parts else 0

    def __iter__(self) -> Iterator[T]:
        return itertools.chain.from_iterable(self.parts)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Chained) and self.parts == other.parts:  # which looks at no entry if they are the same
            return True
        return super().__eq__(other)
