"""Predict with nnU-Net's own command; the model is checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from ..errors import Cure, SegconvError
from ..words import some_of
from .child import commands, run_nnunet
from .commands import Tell
from .device import AUTO, chosen_device, settings_of
from .folds import state_of
from .model import FINAL, log_file
from .offered_models import named_as, other_folds
from .paths import Paths
from .plans import configuration, read_plans
from .untrusted_models import NO_TRUST, Trust

OWN_FILES = ("dataset.json", "plans.json", "predict_from_raw_data_args.json")
"""What nnU-Net adds to a folder of predictions; ensembling needs the first two."""


@dataclass(frozen=True)
class CheckedModel:
    """A checked trained model; see `check_model`.

    Parameters
    ----------
    folder
        Folder with plans.json, dataset.json and the folds.
    dataset
        Name of the folder of the dataset that it was trained on.
    folds
        Folds to average predictions of.
    checkpoint
        File name of the checkpoint in each fold.
    previous
        First stage of a cascade, whose predictions this model gets with the images; None for other models.
    """

    folder: Path
    dataset: str
    folds: tuple[str, ...]
    checkpoint: str
    previous: CheckedModel | None = None

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoint of each fold."""
        return [self.folder / f"fold_{fold}" / self.checkpoint for fold in self.folds]

    def log(self, paths: Paths) -> Path | None:
        """Return the path of the log of its predictions; None without a folder for logs."""
        return log_file(paths, self.dataset, f"predict-{self.folder.name}") if paths.preprocessed is not None else None


def check_model(
    folder: Path, dataset: str, folds: Sequence[str], trust: Trust = NO_TRUST, *, checkpoint: str = FINAL
) -> CheckedModel:
    """Check that a model can predict, before anything is written.

    Parameters
    ----------
    folder
        Folder with plans.json, dataset.json and the folds, anywhere; see `Model.folder`.
    dataset
        Name of the folder of the dataset that it was trained on; the log is kept under it.
    folds
        Folds to average predictions of.
    trust
        Which parts of the model may be code.
    checkpoint
        File name of the checkpoint in each fold.

    Raises
    ------
    SegconvError
        ``SC010`` if a fold, or one of the first stage of a cascade, is not trained; ``SC041`` if nnunetv2 is not
        installed; ``SC064`` if plans or checkpoints would run foreign code; ``SC086`` if the stages of a cascade
        follow one another in a circle.
    """
    commands()
    return _checked(CheckedModel(folder, dataset, tuple(folds), checkpoint), trust, ())


def _checked(model: CheckedModel, trust: Trust, later: tuple[Path, ...]) -> CheckedModel:
    """Return a model with its first stage, after checking both; `later` are the stages that it comes before."""
    _refuse_untrained(model)
    file = model.folder / "plans.json"
    plans = read_plans(file)
    trust.refuse_foreign_classes(plans, file=str(file))
    for found in model.checkpoints:
        trust.check_checkpoint(found)
    first = first_stage(model.folder)
    if first is None:
        return model
    if first in (*later, model.folder):
        raise SegconvError("the stages of its cascade follow one another in a circle", code="SC086", file=str(file))
    return replace(model, previous=_checked(replace(model, folder=first), trust, (*later, model.folder)))


def _refuse_untrained(model: CheckedModel) -> None:
    for fold, found in zip(model.folds, model.checkpoints, strict=True):
        if not found.is_file():
            others = other_folds(model.folder, model.checkpoint)
            what = f"does not exist: this fold is not trained{f'; fold {some_of(others, 10)} is' if others else ''}"
            raise SegconvError(what, code="SC010", file=str(found), cures=_instead(model, fold, others))


def _instead(model: CheckedModel, fold: str, others: Sequence[str]) -> list[Cure]:
    """Return what a user may do who named a fold that is not trained to its end."""
    cures = [Cure.of("choose_trained_folds", folds=",".join(others))] if others else []
    begun = state_of(model.folder / f"fold_{fold}").whole
    if begun and model.checkpoint == FINAL:
        cures.append(Cure.of("choose_checkpoint", fold=fold, checkpoint=begun[0]))
    if model.folder.name.count("__") == 2:
        named = replace(named_as(model.folder), dataset=model.dataset)
        cures.append(Cure.of("train", **named.words, fold=fold))
    return cures


def first_stage(folder: Path) -> Path | None:
    """Return the folder of the first stage of a cascade, next to that of the second; None for other models.

    Raises
    ------
    SegconvError
        What `read_plans` raises.
    """
    names, _, name = folder.name.rpartition("__")
    plans = read_plans(folder / "plans.json")
    if name not in plans["configurations"]:
        return None
    before = configuration(plans, name).get("previous_stage")
    return folder.with_name(f"{names}__{before}") if isinstance(before, str) and names else None


def stage_folders(folder: Path) -> list[Path]:
    """Return the folders of a model and of the stages before it, the first stage first; raises as `first_stage`."""
    found = [folder]
    while (before := first_stage(found[0])) is not None and before not in found:
        found.insert(0, before)
    return found


@dataclass(frozen=True)
class PredictOptions:
    """How to predict.

    Parameters
    ----------
    device
        ``"cuda"``, ``"cpu"``, ``"mps"``, or ``"auto"``; see `chosen_device`.
    mirror
        Average over mirrored copies of each input, as nnU-Net does by default.
    tell
        Called with each line that nnU-Net writes.
    probabilities
        Keep the probabilities of all classes, too.
    gpus
        Numbers of GPUs that share the cases; the one that PyTorch finds if empty.
    overlay
        PNG to write of some of the predictions.
    """

    device: str = AUTO
    mirror: bool = True
    tell: Tell | None = None
    probabilities: bool = False
    gpus: tuple[str, ...] = ()
    overlay: Path | None = None


USUAL_PREDICTION = PredictOptions()
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Folders:
    """The folders of a prediction.

    Parameters
    ----------
    inputs
        Images, named as nnU-Net requires.
    output
        Where predictions are written.
    previous
        Predictions of the first stage, for the second stage of a cascade.
    """

    inputs: Path
    output: Path
    previous: Path | None = None


def predict_with(
    model: CheckedModel,
    folders: Folders,
    paths: Paths,
    options: PredictOptions = USUAL_PREDICTION,
    *,
    jobs: int = 1,
    settings: Mapping[str, str] = NO_SETTINGS,
) -> None:
    """Predict a folder of images with one model; errors are those of `run_nnunet`.

    Parameters
    ----------
    jobs
        Number of reading processes, and of writing ones.
    settings
        More variables for the child, such as the GPU that it may use.
    """
    device = chosen_device(options.device)
    arguments = ["-i", str(folders.inputs), "-o", str(folders.output), "-m", str(model.folder), "-f", *model.folds]
    arguments += ["-chk", model.checkpoint, "-device", device, "-npp", str(jobs), "-nps", str(jobs)]
    arguments += ["--disable_progress_bar"] + ([] if options.mirror else ["--disable_tta"])
    arguments += ["--save_probabilities"] if options.probabilities else []
    arguments += ["-prev_stage_predictions", str(folders.previous)] if folders.previous is not None else []
    run_nnunet(
        "nnUNetv2_predict_from_modelfolder",
        arguments,
        paths,
        log=model.log(paths),
        tell=options.tell,
        settings={**settings_of(device), **settings},
    )
