"""Train folds one after the other, after checking that they do not leak."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..dataset.layout import Dataset
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import read_splits
from ..errors import SegconvError
from ..train.commands import TrainOptions, train_fold
from ..train.gate import NO_TRUST, Trust
from ..train.holds import training
from ..train.model import Model
from ..train.paths import Paths
from ..train.plans import planned
from .plan import refuse_leaking


def train_folds(
    dataset: Dataset,
    model: Model,
    folds: Sequence[str],
    paths: Paths,
    options: TrainOptions,
    trust: Trust = NO_TRUST,
) -> list[Path]:
    """Train folds of a model of a dataset; return their folders.

    All folds are locked throughout: no other run trains one of them or plans the dataset again.

    Raises
    ------
    SegconvError
        ``SC010`` if the dataset is not planned, ``SC001`` if the configuration or fold does not exist,
        ``SC095`` if the folds leak, ``SC099`` if the file is not a list of folds; ``SC035`` if another run trains
        one of them or plans the dataset; what `train_fold` raises.
    """
    with training(paths, model.dataset, [model.fold_folder(paths, fold) for fold in folds]):
        planned(model, paths)
        _refuse_folds(dataset, folds, paths.require("preprocessed") / model.dataset / SPLITS_FILE)
        return [train_fold(model, fold, paths, options, trust) for fold in folds]


def _refuse_folds(dataset: Dataset, folds: Sequence[str], splits: Path) -> None:
    """Refuse folds that leak or do not exist: for those, nnU-Net would make a random split of 80 to 20."""
    with dataset.unchanged():
        refuse_leaking(dataset, splits)
    if not os.path.lexists(splits):
        return
    count = len(read_splits(splits))
    beyond = [fold for fold in folds if fold != "all" and int(fold) >= count]
    if beyond:
        raise SegconvError(f"there is no fold {beyond[0]}", hint=f"folds are 0 to {count - 1}, or all")
