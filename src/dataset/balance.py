"""Deal groups of cases out to folds so that each fold gets its part of everything: cases, classes and their volume.

Each group is a vector of amounts, in units of what a fold should get. The sum of squares of what the folds hold is
least where all hold the same. Groups are dealt out from the largest to the smallest, each to the fold where the sum
grows least, which for stratification goes back to Sechidis, Tsoumakas and Vlahavas, "On the stratification of
multi-label data", ECML PKDD 2011; single groups, and pairs, then change their folds as long as the sum falls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_MOVED = 2000
"""Most groups that are moved after they were dealt out: with more, the folds are even anyway."""
MOST_EXCHANGED = 300
"""Most groups of which pairs are exchanged, since all pairs are compared."""
_LEAST_GAIN = 1e-9

Amounts = NDArray[np.float64]


def balanced(
    amounts: Amounts,
    folds: int,
    ranks: Sequence[bytes],
    *,
    weights: Sequence[float] | None = None,
    shares: Sequence[float] | None = None,
) -> NDArray[np.intp]:
    """Return the fold of each group.

    Parameters
    ----------
    amounts
        ``(groups, kinds)``, how much of each kind a group has, in any unit of that kind, at least 0. The first kind is
        positive for every group, so that no fold stays empty.
    folds
        Number of folds, at most that of groups.
    ranks
        Order in which groups of about one size are dealt out.
    weights
        How much each kind counts; by default all count the same.
    shares
        Part of everything that each fold should get, with a sum of 1; by default the same. The smallest may stay empty
        if it is smaller than the groups.
    """
    whole = amounts.sum(axis=0)
    counts = np.ones(len(whole)) if weights is None else np.sqrt(np.asarray(weights))
    parts = (amounts * counts)[:, whole > 0] * (folds / whole[whole > 0])
    missing = np.zeros((folds, parts.shape[1]))
    if shares is not None:
        missing -= np.outer(shares, parts.sum(axis=0))
    fold_of = _dealt(parts, missing, ranks)
    for _ in range(10 * len(parts) if len(parts) <= MOST_MOVED else 0):
        if not (
            _move(parts, fold_of, missing) or (len(parts) <= MOST_EXCHANGED and _exchange(parts, fold_of, missing))
        ):
            break
    return fold_of


def _dealt(parts: Amounts, missing: Amounts, ranks: Sequence[bytes]) -> NDArray[np.intp]:
    """Deal out groups, each to the fold where the sum of squares grows least.

    Parameters
    ----------
    missing
        What each fold holds before, ``(folds, kinds)``: what it should get, as negative amounts; 0 if all should get
        the same, which is even where each holds the same.
    """
    # Sizes are compared by powers of two, so that the ranks, and with them the seed, decide among similar groups.
    sizes = np.floor(np.log2(parts.max(axis=1)))
    held = missing.copy()
    fold_of = np.zeros(len(parts), dtype=np.intp)
    for group in sorted(range(len(parts)), key=lambda group: (-sizes[group], ranks[group])):
        fold = int((held @ parts[group]).round(9).argmin())  # rounded: machines add up in different orders
        fold_of[group] = fold
        held[fold] += parts[group]
    return fold_of


def _shared(parts: Amounts, fold_of: NDArray[np.intp], missing: Amounts) -> Amounts:
    """Return, for each group and fold, the product of what both hold, less that of the group's own fold."""
    held = missing.copy()
    np.add.at(held, fold_of, parts)
    products = parts @ held.T
    return products - products[np.arange(len(parts)), fold_of][:, None]


def _move(parts: Amounts, fold_of: NDArray[np.intp], missing: Amounts) -> bool:
    """Move the group that gains most to another fold; return whether any gains."""
    change = _shared(parts, fold_of, missing) + (parts**2).sum(axis=1)[:, None]
    change[np.arange(len(parts)), fold_of] = 0
    group, fold = np.unravel_index(np.argmin(np.round(change, 9)), change.shape)
    if change[group, fold] > -_LEAST_GAIN:
        return False
    fold_of[group] = fold
    return True


def _exchange(parts: Amounts, fold_of: NDArray[np.intp], missing: Amounts) -> bool:
    """Exchange the two groups that gain most; return whether any do."""
    shared = _shared(parts, fold_of, missing)[:, fold_of]
    squares = (parts**2).sum(axis=1)
    change = shared + shared.T + squares[:, None] + squares - 2 * (parts @ parts.T)
    change[fold_of[:, None] == fold_of] = 0
    one, other = np.unravel_index(np.argmin(np.round(change, 9)), change.shape)
    if change[one, other] > -_LEAST_GAIN:
        return False
    fold_of[one], fold_of[other] = fold_of[other], fold_of[one]
    return True
