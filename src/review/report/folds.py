"""The folds of a dataset as a report shows them."""

from __future__ import annotations

from dataclasses import dataclass

from ...dataset.fold_facts import FoldFacts


@dataclass(frozen=True)
class Folds:
    """The folds of a dataset.

    Parameters
    ----------
    origin
        Their file, or that they are nnU-Net's own.
    folds
        Each fold.
    verdict
        Of looking for leaks.
    leaks
        Each leak in words.
    misfits
        Cases and classes that do not fit, in words.
    """

    origin: str
    folds: tuple[FoldFacts, ...]
    verdict: str
    leaks: tuple[str, ...]
    misfits: tuple[str, ...] = ()
