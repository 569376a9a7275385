"""Prediction of a user's own files: brought into nnU-Net's form, predicted, and brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..convert.inputs import plan_inputs, run_inputs
from ..convert.restore import plan_restore, run_restore
from ..dataset.layout import Dataset
from ..errors import Finding, SegconvError
from ..train.commands import DEFAULT_TRAINER, model_folder, predict
from ..train.paths import Paths
from ..train.plans import DEFAULT_PLANS
from ..work import fsops
from ..work.plan import hidden_name
from ..work.staging import is_empty_folder, writing


@dataclass(frozen=True)
class Prediction:
    """What was predicted.

    Parameters
    ----------
    output
        The folder.
    files
        Names in it.
    warnings
        Of reading and restoring.
    """

    output: Path
    files: list[str]
    warnings: list[Finding]


def infer(
    dataset: Dataset,
    inputs: Path,
    output: Path,
    paths: Paths,
    *,
    configuration: str,
    folds: Sequence[str],
    trainer: str = DEFAULT_TRAINER,
    plans: str = DEFAULT_PLANS,
    raw_output: bool = False,
    overwrite: bool = False,
    jobs: int = 1,
    **how: Any,
) -> Prediction:
    """Predict files and write the predictions in the user's own names, values and format.

    Parameters
    ----------
    dataset
        The dataset that the model was trained on; its lineage tells the way back.
    inputs
        A file or a folder.
    output
        Folder to be made.
    configuration, trainer, plans
        Which model of the dataset.
    raw_output
        Keep nnU-Net's own values and names instead.
    how
        Further keyword arguments of `predict`.

    Raises
    ------
    SegconvError
        ``SC020`` if `output` is there; ``SC062`` if the dataset was replaced since it was opened; what
        reading, `predict` and `plan_restore` raise.
    """
    output = output.absolute()
    if output.exists() and not overwrite and not is_empty_folder(output):
        raise SegconvError("is there already", code="SC020", file=str(output), hint="choose another -o, or --overwrite")
    work = output.parent / hidden_name(f"infer-{output.name}")
    planned = plan_inputs(inputs, dataset.description, work / "inputs")
    prepared = run_inputs(planned, jobs=jobs, overwrite=True)
    predictions = work / "predictions"
    with writing(work):
        if predictions.is_dir():
            fsops.remove_tree(predictions)
        fsops.mkdir(predictions)
    predict(
        model_folder(paths, dataset.path.name, configuration, trainer=trainer, plans=plans),
        dataset.path.name,
        work / "inputs" / "imagesTs",
        predictions,
        paths,
        folds=folds,
        jobs=jobs,
        **how,
    )
    warnings = list(prepared.warnings)
    if raw_output:
        dataset.held.refuse_if_changed()
        with writing(output):
            if is_empty_folder(output):
                fsops.rmdir(output)
            elif output.exists():
                fsops.remove_tree(output)
            fsops.rename_new(predictions, output)
        files = sorted(path.name for path in output.iterdir() if path.name.endswith(dataset.description.file_ending))
    else:
        names = {case.case: case.original_name for case in planned.cases}
        restoration = plan_restore(predictions, dataset, output, names=names)
        outcome = run_restore(restoration, jobs=1, overwrite=overwrite, restart=True)
        warnings += outcome.warnings
        files = sorted(item.outputs[0] for item in restoration.plan.items)
    with writing(work):
        fsops.remove_tree(work)
    return Prediction(output, files, warnings)
