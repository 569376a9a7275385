"""Identify an nnU-Net model, and find its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset.names import DatasetName
from .checkpoints import FINAL as FINAL
from .checkpoints import is_whole

if TYPE_CHECKING:
    from .paths import Paths

DEFAULT_TRAINER = "nnUNetTrainer"
DEFAULT_PLANS = "nnUNetPlans"

LOGS = ".segconv-logs"
"""Folder in ``nnUNet_preprocessed``; nnU-Net does not take it for a dataset."""


@dataclass(frozen=True)
class Model:
    """A model, by nnU-Net's names.

    Parameters
    ----------
    dataset
        Name of the dataset's folder.
    configuration
        Configuration in its plans, such as ``3d_fullres``.
    trainer
        Name of the trainer class.
    plans
        Identifier of the plans.
    """

    dataset: str
    configuration: str
    trainer: str = DEFAULT_TRAINER
    plans: str = DEFAULT_PLANS

    @property
    def name(self) -> str:
        """Name of the folder: ``nnUNetTrainer__nnUNetPlans__3d_fullres``."""
        return f"{self.trainer}__{self.plans}__{self.configuration}"

    @property
    def words(self) -> dict[str, str]:
        """What names it in a command, as values of a cure: trainer and plans only if they are not nnU-Net's."""
        usual = {"trainer": DEFAULT_TRAINER, "plans": DEFAULT_PLANS}
        chosen = {name: value for name in usual if (value := getattr(self, name)) != usual[name]}
        number = DatasetName.of_folder(self.dataset)
        return {"dataset": str(number.id if number else self.dataset), "configuration": self.configuration, **chosen}

    def folder(self, paths: Paths) -> Path:
        """Return the folder of its folds in ``nnUNet_results``; it need not exist."""
        return paths.require("results") / self.dataset / self.name

    def fold_folder(self, paths: Paths, fold: str) -> Path:
        """Return the folder of a fold; it need not exist."""
        return self.folder(paths) / f"fold_{fold}"

    def trained_folds(self, paths: Paths) -> tuple[str, ...]:
        """Return the folds with finished training."""
        return trained_folds(self.folder(paths))

    def plans_file(self, paths: Paths) -> Path:
        """Return the path of its plans."""
        return plans_file(paths, self.dataset, self.plans)


def plans_file(paths: Paths, dataset: str, plans: str = DEFAULT_PLANS) -> Path:
    """Return the path of the plans of a dataset."""
    return paths.require("preprocessed") / dataset / f"{plans}.json"


def trained_folds(folder: Path) -> tuple[str, ...]:
    """Return the folds in the folder of a model with finished training."""
    return tuple(sorted(path.parent.name[len("fold_") :] for path in folder.glob(f"fold_*/{FINAL}") if is_whole(path)))


def log_file(paths: Paths, dataset: str, what: str) -> Path:
    """Return the path of the log of a command on a dataset."""
    return paths.require("preprocessed") / LOGS / dataset / f"{what}.log"
