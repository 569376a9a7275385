"""Training folds one after the other, after a look at what must not be mixed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset.layout import Dataset
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import read_splits
from ..errors import SegconvError
from ..train.commands import DEFAULT_TRAINER, HowToTrain, fold_folder, train_fold
from ..train.holds import training
from ..train.paths import Paths
from ..train.plans import configuration as find_configuration
from ..train.plans import plans_file, read_plans
from .plan import refuse_leaking

if TYPE_CHECKING:
    from typing_extensions import Unpack


def train_folds(
    dataset: Dataset, configuration: str, folds: Sequence[str], paths: Paths, *, plans: str, **how: Unpack[HowToTrain]
) -> list[Path]:
    """Train folds; keyword arguments are those of `HowToTrain`.

    All of them are held from the first to the last: no other run trains one of them, or plans the dataset anew.

    Raises
    ------
    SegconvError
        ``SC010`` if the dataset is not planned, ``SC001`` if there is no such configuration or fold,
        ``SC095`` if the folds leak, ``SC099`` if they are none; ``SC035`` if another run trains one of them, or
        plans the dataset; what `train_fold` raises.
    """
    name, trainer = dataset.path.name, how.get("trainer", DEFAULT_TRAINER)
    folders = [fold_folder(paths, name, configuration, fold, trainer=trainer, plans=plans) for fold in folds]
    with training(paths, name, folders):
        _refuse_unplanned(dataset, configuration, folds, paths, plans)
        return [train_fold(dataset.name.id, name, configuration, fold, paths, plans=plans, **how) for fold in folds]


def _refuse_unplanned(dataset: Dataset, configuration: str, folds: Sequence[str], paths: Paths, plans: str) -> None:
    """Refuse folds that leak, and what there is not to train."""
    preprocessed = paths.require("preprocessed")
    find_configuration(read_plans(plans_file(preprocessed, dataset.path.name, plans)), configuration)
    splits = preprocessed / dataset.path.name / SPLITS_FILE
    with dataset.unchanged():
        refuse_leaking(dataset, splits)
    if os.path.lexists(splits):
        count = len(read_splits(splits))
        beyond = [fold for fold in folds if fold != "all" and int(fold) >= count]
        if beyond:
            # nnU-Net would make up a random split of 80 to 20.
            raise SegconvError(f"there is no fold {beyond[0]}", hint=f"folds are 0 to {count - 1}, or all")
