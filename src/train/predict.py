"""Predict with nnU-Net's own command; the model is checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cure, SegconvError
from .child import commands, run_nnunet
from .commands import Tell
from .device import AUTO, chosen_device, settings_of
from .gate import NO_TRUST, Trust
from .model import FINAL, log_file
from .paths import Paths
from .plans import read_plans

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
    """

    folder: Path
    dataset: str
    folds: tuple[str, ...]
    checkpoint: str

    def log(self, paths: Paths) -> Path:
        """Return the path of the log of its predictions."""
        return log_file(paths, self.dataset, f"predict-{self.folder.name}")


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
        ``SC010`` if a fold is not trained; ``SC041`` if nnunetv2 is not installed; ``SC064`` if plans or
        checkpoints would run foreign code.
    """
    commands()
    checkpoints = {fold: folder / f"fold_{fold}" / checkpoint for fold in folds}
    for fold, found in checkpoints.items():
        if not found.is_file():
            configuration = folder.name.rsplit("__", 1)[-1]
            raise SegconvError(
                "does not exist: this fold is not trained",
                code="SC010",
                file=str(found),
                cures=[Cure.of("train", dataset=dataset, configuration=configuration, fold=fold)],
            )
    plans = folder / "plans.json"
    trust.refuse_foreign_classes(read_plans(plans), file=str(plans))
    for found in checkpoints.values():
        trust.check_checkpoint(found)
    return CheckedModel(folder, dataset, tuple(folds), checkpoint)


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
    """

    device: str = AUTO
    mirror: bool = True
    tell: Tell | None = None


USUAL_PREDICTION = PredictOptions()


def predict_with(
    model: CheckedModel,
    inputs: Path,
    output: Path,
    paths: Paths,
    options: PredictOptions = USUAL_PREDICTION,
    *,
    jobs: int = 1,
) -> None:
    """Predict a folder of files named as nnU-Net requires; errors are those of `run_nnunet`.

    Parameters
    ----------
    inputs, output
        Folders.
    jobs
        Number of reading processes, and of writing ones.
    """
    device = chosen_device(options.device)
    arguments = ["-i", str(inputs), "-o", str(output), "-m", str(model.folder), "-f", *model.folds]
    arguments += ["-chk", model.checkpoint, "-device", device, "-npp", str(jobs), "-nps", str(jobs)]
    arguments += ["--disable_progress_bar"] + ([] if options.mirror else ["--disable_tta"])
    run_nnunet(
        "nnUNetv2_predict_from_modelfolder",
        arguments,
        paths,
        log=model.log(paths),
        tell=options.tell,
        settings=settings_of(device),
    )
