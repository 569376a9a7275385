"""Give small files to threads together: handing work to a thread takes as long as reading one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

READ_AT_ONCE = 4 << 20
"""Bytes of files in a batch, from which it is full."""

MOST_AT_ONCE = 64
"""Most files in a batch."""


def batches(items: Iterable[tuple[T, int]], most: int = MOST_AT_ONCE) -> Iterator[list[T]]:
    """Yield items in turn, small ones together.

    Parameters
    ----------
    items
        Each with the number of bytes that it reads.
    most
        Largest number of items in a batch.
    """
    batch: list[T] = []
    total = 0
    for item, nbytes in items:
        batch.append(item)
        total += nbytes
        if total >= READ_AT_ONCE or len(batch) >= most:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
