"""Find a trained model by name or folder, with its folds and the cases that each held back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..dataset.names import DatasetName
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import read_splits
from ..errors import Cure, SegconvError
from .model import Model, trained_folds
from .paths import Paths
from .plans import configuration, read_plans

PLANS = "plans.json"
"""Of a model: the plans that it was trained with."""


@dataclass(frozen=True)
class TrainedModel:
    """The folder of a trained model.

    Parameters
    ----------
    folder
        ``…/Dataset501_Shapes/nnUNetTrainer__nnUNetPlans__2d``, with dataset.json, plans.json, fold_0 …
    dataset
        Name of the folder of the dataset that it was trained on.
    folds
        Folds with finished training.
    """

    folder: Path
    dataset: str
    folds: tuple[str, ...]

    @property
    def name(self) -> str:
        """Trainer, plans and configuration, as nnU-Net writes them."""
        return self.folder.name


def find_model(text: str, dataset: str, paths: Paths, *, trust: bool = False) -> TrainedModel:
    """Return the model named by the user.

    Parameters
    ----------
    text
        Its folder; or for a model of `dataset`, ``2d`` or ``nnUNetTrainer__nnUNetPlans__2d``.
    dataset
        Name of the folder of the dataset.
    trust
        Allow a folder outside ``nnUNet_results``.

    Raises
    ------
    SegconvError
        ``SC010`` if it does not exist or none of its folds is trained; ``SC001`` if it is elsewhere and not
        trusted, or the second stage of a cascade; ``SC086`` if its plans cannot be used.
    """
    folder = _located(text, dataset, paths)
    if not trust and not folder.is_relative_to(Path(os.path.realpath(paths.require("results")))):
        raise SegconvError(
            "is not in nnUNet_results: a model is code, and runs when it is loaded",
            file=str(folder),
            cures=[Cure.of("trust_files")],
        )
    plans = read_plans(folder / PLANS)
    trained_on: str = plans.get("dataset_name", "")
    if DatasetName.of_folder(trained_on) is None:
        raise SegconvError(
            f"was trained on {trained_on!r}, expected the name of a dataset", code="SC086", file=str(folder)
        )
    name = folder.name.rsplit("__", 1)[-1]
    if name in plans["configurations"] and configuration(plans, name).get("previous_stage"):
        raise SegconvError(
            "is the second stage of a cascade, which predicts from predictions of the first", file=str(folder)
        )
    folds = trained_folds(folder)
    if not folds:
        raise SegconvError("has no fold whose training is finished", code="SC010", file=str(folder))
    return TrainedModel(folder, trained_on, folds)


def _located(text: str, dataset: str, paths: Paths) -> Path:
    """Return the real folder of the model named by the user."""
    of_dataset = paths.require("results") / dataset
    named = of_dataset / (text if "__" in text else Model(dataset, text).name)
    for folder in (Path(text), named):
        if os.path.lexists(folder / PLANS):
            return Path(os.path.realpath(folder))
    existing = sorted(path.parent.name for path in of_dataset.glob(f"*/{PLANS}"))
    raise SegconvError(
        f"no model {text!r} of {dataset}{'; there are ' + ', '.join(existing) if existing else ''}",
        code="SC010",
        file=str(named),
        cures=[Cure.of("choose_model")],
    )


def held_back(model: TrainedModel, fold: str, paths: Paths) -> list[str]:
    """Return the cases that a fold was validated on, in the order of the file.

    Raises
    ------
    SegconvError
        ``SC001`` for an untrained fold, or ``all``, which holds nothing back; ``SC010`` if the folds
        that it was trained with do not exist; ``SC095`` if this one is not among them, ``SC099``
        if the file is not a list of folds.
    """
    if fold not in model.folds:
        raise SegconvError(
            f"fold {fold} is not trained", file=str(model.folder), hint=f"trained are {', '.join(model.folds)}"
        )
    splits = paths.require("preprocessed") / model.dataset / SPLITS_FILE
    if not fold.isdecimal():
        raise SegconvError(
            f"fold {fold} was trained on all cases, none was held back",
            file=str(model.folder),
            hint="train a fold with a number",
            cures=[Cure.of("train", fold=0)],
        )
    if not os.path.lexists(splits):
        raise SegconvError(
            "does not exist: which cases the model has not seen is unknown",
            code="SC010",
            file=str(splits),
            hint="put the splits_final.json that the model was trained with there",
        )
    folds = read_splits(splits)
    if int(fold) >= len(folds):
        raise SegconvError(f"has no fold {fold}", code="SC095", file=str(splits))
    return folds[int(fold)]["val"]
