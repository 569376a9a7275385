"""Whether many texts differ, such as the names of a million cases, in little memory."""

from __future__ import annotations

from collections.abc import Iterable


def surely_differ(texts: Iterable[str]) -> bool:
    """Return whether no two texts are equal; False if some may be, as their hashes are."""
    import numpy as np  # only where a plan is made: `segconv --help` loads none

    hashes = np.fromiter(map(hash, texts), np.int64)
    hashes.sort()
    return not bool((hashes[1:] == hashes[:-1]).any())
