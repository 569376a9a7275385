"""The folds that nnU-Net makes for a dataset without any, so that they exist before the first training starts.

nnU-Net makes them at the start of each training that finds none; several trainings that start together would all write
the file. Source: ``nnunetv2.utilities.crossval_split`` of nnunetv2 2.8.1, which uses scikit-learn's ``KFold``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..dataset.splits import DEFAULT_FOLDS, DEFAULT_SEED, Splits
from ..errors import Cure, SegconvError


def default_split(cases: Iterable[str]) -> Splits:
    """Return nnU-Net's own folds, equal case by case.

    Parameters
    ----------
    cases
        Identifiers of all preprocessed cases, in any order.

    Raises
    ------
    SegconvError
        ``SC114`` if there are fewer cases than folds.
    """
    names = sorted(cases)
    if len(names) < DEFAULT_FOLDS:
        raise SegconvError(
            f"there are no folds, and nnU-Net's {DEFAULT_FOLDS} need {DEFAULT_FOLDS} cases, not {len(names)}",
            code="SC114",
            cures=[*([Cure.of("make_splits")] if len(names) > 1 else []), Cure.of("train_on_all")],
        )
    shuffled = np.arange(len(names))
    np.random.RandomState(DEFAULT_SEED).shuffle(shuffled)  # NumPy never changes what this class draws
    held_back = [set(part.tolist()) for part in np.array_split(shuffled, DEFAULT_FOLDS)]
    return [
        {
            "train": [name for number, name in enumerate(names) if number not in out],
            "val": [name for number, name in enumerate(names) if number in out],
        }
        for out in held_back
    ]
