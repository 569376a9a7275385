"""A trained model on the disk: found by a word or a folder, with its folds and what each held back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..dataset.names import DatasetName
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import read_splits
from ..errors import SegconvError
from .commands import DEFAULT_TRAINER
from .paths import Paths
from .plans import DEFAULT_PLANS, configuration, read_plans

FINAL = "checkpoint_final.pth"


@dataclass(frozen=True)
class TrainedModel:
    """A folder that nnU-Net trained a model into.

    Parameters
    ----------
    folder
        ``…/Dataset501_Shapes/nnUNetTrainer__nnUNetPlans__2d``, with dataset.json, plans.json, fold_0 …
    dataset
        Name of the folder of the dataset that it was trained on.
    folds
        Those whose training is finished.
    """

    folder: Path
    dataset: str
    folds: tuple[str, ...]

    @property
    def name(self) -> str:
        """Trainer, plans and configuration, as nnU-Net writes them."""
        return self.folder.name


def find_model(text: str, dataset: str, paths: Paths, *, trust: bool = False) -> TrainedModel:
    """Return the model that a user named.

    Parameters
    ----------
    text
        Its folder, or for a model of `dataset` ``2d``, or ``nnUNetTrainer__nnUNetPlans__2d``.
    dataset
        Name of the folder of the dataset.
    trust
        Allow a folder that is not in ``nnUNet_results``.

    Raises
    ------
    SegconvError
        ``SC010`` if it is not there, or no fold of it is trained; ``SC001`` if it lies elsewhere and is
        not trusted, or is the second stage of a cascade; ``SC086`` if its plans cannot be used.
    """
    results = paths.require("results")
    folder = Path(text)
    if not os.path.lexists(folder / "plans.json"):
        name = text if "__" in text else f"{DEFAULT_TRAINER}__{DEFAULT_PLANS}__{text}"
        folder = results / dataset / name
    if not os.path.lexists(folder / "plans.json"):
        there = sorted(path.parent.name for path in (results / dataset).glob("*/plans.json"))
        raise SegconvError(
            f"no model {text!r} of {dataset}{'; there are ' + ', '.join(there) if there else ''}",
            code="SC010",
            file=str(folder),
            hint="-m takes the folder of a model, or one of these names",
        )
    folder = Path(os.path.realpath(folder))
    if not trust and not folder.is_relative_to(Path(os.path.realpath(results))):
        raise SegconvError(
            "is not in nnUNet_results: a model is code, and runs when it is loaded",
            file=str(folder),
            hint="--trust-model runs it all the same",
        )
    plans = read_plans(folder / "plans.json")
    trained_on: str = plans.get("dataset_name", "")
    if DatasetName.of_folder(trained_on) is None:
        raise SegconvError(
            f"was trained on {trained_on!r}, expected the name of a dataset", code="SC086", file=str(folder)
        )
    stage = folder.name.rsplit("__", 1)[-1]
    if stage in plans["configurations"] and configuration(plans, stage).get("previous_stage"):
        raise SegconvError(
            "is the second stage of a cascade, which predicts from predictions of the first", file=str(folder)
        )
    folds = sorted(path.parent.name[len("fold_") :] for path in folder.glob(f"fold_*/{FINAL}"))
    if not folds:
        raise SegconvError("has no fold whose training is finished", code="SC010", file=str(folder))
    return TrainedModel(folder, trained_on, tuple(folds))


def held_back(model: TrainedModel, fold: str, paths: Paths) -> list[str]:
    """Return the cases that a fold was validated on, in the order of the file.

    Raises
    ------
    SegconvError
        ``SC001`` for a fold that is not trained, or ``all``, which holds nothing back; ``SC010`` if the
        folds that it was trained with are not there; ``SC095`` if this one is not among them, ``SC099``
        if they are no folds.
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
            hint="train a fold with a number: segconv train DATASET -c CONFIGURATION -f 0",
        )
    if not os.path.lexists(splits):
        raise SegconvError(
            "is not there: which cases the model has not seen is not known",
            code="SC010",
            file=str(splits),
            hint="copy the splits_final.json that the model was trained with there",
        )
    folds = read_splits(splits)
    if int(fold) >= len(folds):
        raise SegconvError(f"has no fold {fold}", code="SC095", file=str(splits))
    return folds[int(fold)]["val"]
