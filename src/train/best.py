"""What nnU-Net found best for a dataset: a model or an ensemble of two, and how its predictions are postprocessed.

``nnUNetv2_find_best_configuration`` leaves it in ``inference_information.json`` in the results of the dataset. Paths
in that file are those of the machine that wrote it, so files are found by name instead.
"""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import Cure, Finding, SegconvError, warning
from ..typed import Misfit, count, entries, file_name, many, mapping
from .ensemble import Ensemble
from .model import FINAL, Model
from .postprocess import read_postprocessing
from .predict import check_model, stage_folders
from .untrusted_models import NO_TRUST, Trust

FILE = "inference_information.json"
ENSEMBLES = "ensembles"
LARGEST = 16 << 20


def _score(value: Any) -> float:
    """Read a score; NaN, which nnU-Net writes for a class that occurs nowhere, is one."""
    if type(value) not in (int, float):
        raise Misfit(f"is {value!r}, expected a number")
    return float(value)


_said = entries(
    {
        "folds": many(count, least=1),
        "all_results": mapping(_score),
        "best_model_or_ensemble": entries(
            {
                "result_on_crossval_pre_pp": _score,
                "result_on_crossval_post_pp": _score,
                "selected_model_or_models": many(
                    entries({"configuration": file_name, "trainer": file_name, "plans_identifier": file_name}),
                    least=1,
                ),
            }
        ),
    }
)


@dataclass(frozen=True)
class Best:
    """What nnU-Net found best.

    Parameters
    ----------
    folder
        Results of the dataset.
    models
        The model, or the models of the ensemble.
    folds
        Folds that were compared, and whose predictions are averaged.
    scores
        Model or ensemble → mean Dice over all classes, on the validation cases of the folds.
    dice, dice_postprocessed
        Of the best, before and after its postprocessing.
    """

    folder: Path
    models: tuple[Model, ...]
    folds: tuple[str, ...]
    scores: dict[str, float]
    dice: float
    dice_postprocessed: float

    @property
    def name(self) -> str:
        """The model or ensemble, as nnU-Net names it."""
        names = [model.name for model in self.models]
        return names[0] if len(names) == 1 else "___".join(("ensemble", *names, "_".join(self.folds)))

    @property
    def source(self) -> Path:
        """Folder of its validation predictions, and of the postprocessing that suits them."""
        if len(self.models) > 1:
            return self.folder / ENSEMBLES / self.name
        return self.folder / self.name / crossval_folder(self.folds)

    @property
    def file(self) -> Path:
        """The file that says so."""
        return self.folder / FILE


def crossval_folder(folds: Sequence[str]) -> str:
    """Return the name of nnU-Net's folder of the validation predictions of several folds."""
    return f"crossval_results_folds_{'_'.join(folds)}"


def read_best(folder: Path) -> Best | None:
    """Return what nnU-Net found best; None if it was not asked.

    Parameters
    ----------
    folder
        Results of the dataset.

    Raises
    ------
    SegconvError
        ``SC086`` if its file cannot be used; ``SC030`` if it cannot be read.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        return None
    try:
        said = _said(read_json(path))
    except Misfit as misfit:
        raise SegconvError(
            f"is not what nnU-Net writes about the best configuration: {misfit}",
            code="SC086",
            file=str(path),
            cures=[Cure.of("find_best", dataset=folder.name)],
        ) from None
    best = said["best_model_or_ensemble"]
    models = tuple(
        Model(folder.name, chosen["configuration"], chosen["trainer"], chosen["plans_identifier"])
        for chosen in best["selected_model_or_models"]
    )
    return Best(
        folder,
        models,
        tuple(map(str, said["folds"])),
        said["all_results"],
        best["result_on_crossval_pre_pp"],
        best["result_on_crossval_post_pp"],
    )


def read_json(path: Path) -> Any:
    """Return the content of a JSON file of nnU-Net, which may hold NaN.

    Raises
    ------
    SegconvError
        ``SC086`` if it is not JSON; ``SC030`` if it cannot be read.
    """
    try:
        return json.loads(reading.whole(reading.in_real_folder(path), LARGEST))
    except OSError as error:
        raise reading.refusal(error, path) from error
    except (ValueError, RecursionError) as error:
        raise SegconvError(f"is not JSON ({error})", code="SC086", file=str(path)) from error


def best_ensemble(best: Best, trust: Trust = NO_TRUST, *, checkpoint: str = FINAL) -> Ensemble:
    """Return the models of the best, checked, with their postprocessing.

    Raises
    ------
    SegconvError
        What `check_model` and `read_postprocessing` raise.
    """
    folders = [best.folder / model.name for model in best.models]
    postprocessing = read_postprocessing(best.source, folders[0])
    members = [check_model(folder, best.folder.name, best.folds, trust, checkpoint=checkpoint) for folder in folders]
    return Ensemble(tuple(members), postprocessing)


def outdated(best: Best, ensemble: Ensemble) -> list[Finding]:
    """Return a warning if a model was trained again since it was found best."""
    found = os.stat(best.file).st_mtime_ns
    later = [model for model in ensemble.models if any(path.stat().st_mtime_ns > found for path in model.checkpoints)]
    return [
        warning(
            "SC123",
            "was trained again since the best configuration was found",
            file=str(model.folder),
            cures=[Cure.of("find_best", dataset=best.folder.name)],
        )
        for model in later
    ]


def nnunet_commands(best: Best) -> list[str]:
    """Return nnU-Net's own commands that predict with the best.

    nnU-Net prints such commands, too; for a cascade it leaves out the first stage, without which the second
    cannot predict.

    Raises
    ------
    SegconvError
        What `read_plans` raises of the models' plans.
    """
    several = len(best.models) > 1
    commands: list[list[str]] = []
    outputs: list[str] = []
    for number, model in enumerate(best.models, 1):
        ending = f"_{number}" if several else ""
        previous: list[str] = []
        *before, last = stage_folders(best.folder / model.name)
        for stage in before:
            output = f"{stage.name.rpartition('__')[2].upper()}{ending}"
            commands.append([*_predict(stage, output, best), *previous])
            previous = ["-prev_stage_predictions", output]
        outputs.append(f"PREDICTIONS{ending}")
        saved = ["--save_probabilities"] if several else []
        commands.append([*_predict(last, outputs[-1], best), *previous, *saved])
    if several:
        commands.append(["nnUNetv2_ensemble", "-i", *outputs, "-o", "PREDICTIONS"])
    words = ["nnUNetv2_apply_postprocessing", "-i", "PREDICTIONS", "-o", "POSTPROCESSED"]
    words += ["-pp_pkl_file", str(best.source / "postprocessing.pkl")]
    commands.append([*words, "-plans_json", str(best.folder / best.models[0].name / "plans.json")])
    return [shlex.join(words) for words in commands]


def _predict(model: Path, output: str, best: Best) -> list[str]:
    trainer, plans, name = model.name.split("__")
    words = ["nnUNetv2_predict", "-i", "INPUT", "-o", output, "-d", best.folder.name, "-f", *best.folds]
    return [*words, "-tr", trainer, "-p", plans, "-c", name]


def classes_without_score(summary: Path) -> list[str]:
    """Return the classes in a summary of nnU-Net that have no mean Dice, because they occur in no case."""
    found = entries({"mean": mapping(entries({"Dice": _score}))})(read_json(summary))
    return [name for name, scores in found["mean"].items() if math.isnan(scores["Dice"])]
