"""Find near-identical images by their perceptual hashes, without comparing all pairs.

Hashes count as near-identical if fewer bits differ than they have words. Then at least one word is equal in both, so
that only hashes that share a word are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ..image.perceptual import WORD_BITS

_WORD = np.dtype(f">u{WORD_BITS // 8}")
_BITS_OF = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8)).reshape(-1, 16).sum(axis=1, dtype=np.uint8)
_AT_ONCE = 1 << 18
"""Number of pairs that are compared at once, for memory."""


def near_identical(hashes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of names with near-identical hashes; of several with equal hashes, each with the first.

    Parameters
    ----------
    hashes
        Name → its `perceptual_hash`.
    """
    first: dict[str, str] = {}
    of_kind: dict[str, list[str]] = defaultdict(list)
    for name, own in hashes.items():
        if own in first:
            yield first[own], name
        else:
            first[own] = name
            of_kind[own.partition(":")[0]].append(own)
    for alike in of_kind.values():
        for one, other in _pairs(_words(alike)):
            yield first[alike[one]], first[alike[other]]


def _words(hashes: Sequence[str]) -> NDArray[np.uint32]:
    """Return the words of hashes of one kind, ``(hashes, words)``."""
    data = bytes.fromhex("".join(one.partition(":")[2] for one in hashes))
    return np.frombuffer(data, dtype=_WORD).reshape(len(hashes), -1).astype(np.uint32)


def _pairs(words: NDArray[np.uint32]) -> Iterable[tuple[int, int]]:
    """Return the pairs of rows that differ in fewer bits than they have words, in order."""
    found: set[tuple[int, int]] = set()
    for word in words.T:
        order = np.argsort(word, kind="stable")
        for start, stop in _sharing(word[order]):
            one, other = order[start], order[stop]
            for part in range(0, len(one), _AT_ONCE):
                some, others = one[part : part + _AT_ONCE], other[part : part + _AT_ONCE]
                near = _distances(words[some], words[others]) < words.shape[1]
                found.update(zip(some[near].tolist(), others[near].tolist(), strict=True))
    return sorted((min(pair), max(pair)) for pair in found)


def _sharing(ordered: NDArray[np.uint32]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield positions of pairs of equal values among sorted ones: neighbours first, then those further apart."""
    start = np.arange(len(ordered))
    for apart in count(1):
        start = start[start + apart < len(ordered)]
        start = start[ordered[start] == ordered[start + apart]]
        if not len(start):
            return
        yield start, start + apart


def _distances(some: NDArray[np.uint32], others: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Return in how many bits rows differ."""
    different: NDArray[np.intp] = _BITS_OF[(some ^ others).view(np.uint16)].sum(axis=1, dtype=np.intp)
    return different
