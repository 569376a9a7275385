"""Which of nnU-Net's models is meant, and where nnU-Net keeps what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .paths import Paths

DEFAULT_TRAINER = "nnUNetTrainer"
DEFAULT_PLANS = "nnUNetPlans"

FINAL, LATEST = "checkpoint_final.pth", "checkpoint_latest.pth"

LOGS = ".segconv-logs"
"""Folder in ``nnUNet_preprocessed``; nnU-Net does not take it for a dataset."""


@dataclass(frozen=True)
class Model:
    """A model by the names that nnU-Net gives it.

    Parameters
    ----------
    dataset
        Name of the dataset's folder.
    configuration
        Of its plans, such as ``3d_fullres``.
    trainer
        Name of the class.
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

    def folder(self, paths: Paths) -> Path:
        """Return the folder of its folds in ``nnUNet_results``, whether it exists or not."""
        return paths.require("results") / self.dataset / self.name

    def fold_folder(self, paths: Paths, fold: str) -> Path:
        """Return the folder of a fold, whether it exists or not."""
        return self.folder(paths) / f"fold_{fold}"

    def trained_folds(self, paths: Paths) -> tuple[str, ...]:
        """Return the folds whose training is finished."""
        return trained_folds(self.folder(paths))

    def plans_file(self, paths: Paths) -> Path:
        """Return where its plans are."""
        return plans_file(paths, self.dataset, self.plans)


def plans_file(paths: Paths, dataset: str, plans: str = DEFAULT_PLANS) -> Path:
    """Return where the plans of a dataset are."""
    return paths.require("preprocessed") / dataset / f"{plans}.json"


def trained_folds(folder: Path) -> tuple[str, ...]:
    """Return the folds in the folder of a model whose training is finished."""
    return tuple(sorted(path.parent.name[len("fold_") :] for path in folder.glob(f"fold_*/{FINAL}")))


def log_file(paths: Paths, dataset: str, what: str) -> Path:
    """Return where the log of a command on a dataset is."""
    return paths.require("preprocessed") / LOGS / dataset / f"{what}.log"
