"""The folds of a dataset as a report shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Fold:
    """A fold.

    Parameters
    ----------
    train, copies, val
        Number of training cases, of augmented copies among them, and of validation cases.
    patients
        Number of patients that are validated; None if unknown.
    cases, share
        Class → number of validation cases that hold it, and the part of its voxels that this fold validates.
    """

    train: int
    copies: int
    val: int
    patients: int | None
    cases: Mapping[str, int]
    share: Mapping[str, float]


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
    folds: tuple[Fold, ...]
    verdict: str
    leaks: tuple[str, ...]
    misfits: tuple[str, ...] = ()
