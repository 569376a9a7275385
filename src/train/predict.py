"""Prediction through nnU-Net's own command, with a model that was looked at before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SegconvError
from .child import commands, run_nnunet
from .commands import Tell, log_file, settings_of
from .gate import check_checkpoint, refuse_foreign_classes
from .paths import Paths
from .plans import read_plans

OWN_FILES = ("dataset.json", "plans.json", "predict_from_raw_data_args.json")
"""What nnU-Net writes into a folder of predictions beside them; ensembling needs the first two."""


@dataclass(frozen=True)
class ProvedModel:
    """A trained model that was looked at; see `prove_model`.

    Parameters
    ----------
    folder
        With plans.json, dataset.json and the folds.
    dataset
        Name of the folder of the dataset that it was trained on.
    folds
        Whose predictions are averaged.
    checkpoint
        Name of the file of each fold.
    """

    folder: Path
    dataset: str
    folds: tuple[str, ...]
    checkpoint: str

    def log(self, paths: Paths) -> Path:
        """Return where what nnU-Net says of its predictions is kept."""
        return log_file(paths, self.dataset, f"predict-{self.folder.name}")


def prove_model(
    model: Path,
    dataset: str,
    *,
    folds: Sequence[str],
    checkpoint: str = "checkpoint_final.pth",
    allowed_modules: Collection[str] = (),
    trust_model: bool = False,
) -> ProvedModel:
    """Look whether a model can be predicted with, before anything is written.

    Parameters
    ----------
    model
        Folder with plans.json, dataset.json and the folds, wherever that lies; see `model_folder`.
    dataset
        Name of the folder of the dataset that it was trained on; the log is kept under it.
    folds
        Whose predictions are averaged.
    allowed_modules
        Where classes that the plans name may come from, besides nnU-Net's own networks.
    trust_model
        Do not look whether a checkpoint holds more than numbers.

    Raises
    ------
    SegconvError
        ``SC010`` if a fold is not trained; ``SC041`` if nnunetv2 is not installed; ``SC064`` if plans or
        checkpoints would bring code along.
    """
    commands()
    checkpoints = {fold: model / f"fold_{fold}" / checkpoint for fold in folds}
    for fold, found in checkpoints.items():
        if not found.is_file():
            raise SegconvError(
                "is not there: this fold is not trained",
                code="SC010",
                file=str(found),
                hint=f"segconv train {dataset} -c {model.name.rsplit('__', 1)[-1]} -f {fold}",
            )
    own_plans = model / "plans.json"
    refuse_foreign_classes(read_plans(own_plans), allowed_modules, file=str(own_plans))
    if not trust_model:
        for found in checkpoints.values():
            check_checkpoint(found)
    return ProvedModel(model, dataset, tuple(folds), checkpoint)


def predict_with(
    model: ProvedModel,
    inputs: Path,
    output: Path,
    paths: Paths,
    *,
    device: str = "cuda",
    mirror: bool = True,
    jobs: int = 1,
    tell: Tell | None = None,
) -> None:
    """Predict a folder of files that are named as nnU-Net wants them; errors as `run_nnunet`'s.

    Parameters
    ----------
    inputs, output
        Folders.
    mirror
        Average over mirrored copies of each input, as nnU-Net does by default.
    jobs
        Processes for reading and for writing, each.
    """
    arguments = ["-i", str(inputs), "-o", str(output), "-m", str(model.folder), "-f", *model.folds]
    arguments += ["-chk", model.checkpoint, "-device", device, "-npp", str(jobs), "-nps", str(jobs)]
    arguments += ["--disable_progress_bar"] + ([] if mirror else ["--disable_tta"])
    run_nnunet(
        "nnUNetv2_predict_from_modelfolder",
        arguments,
        paths,
        log=model.log(paths),
        tell=tell,
        settings=settings_of(device),
    )
