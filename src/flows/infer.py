"""Predict a user's own files: convert them to nnU-Net's form, predict, and convert back.

Everything is planned first, so that bad inputs are refused before nnU-Net starts. The work is done
under the lock of the output, in two hidden folders next to it: one for the inputs and nnU-Net's
predictions, and one in which the output is built.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..convert.back.raw_predictions import plan_raw_predictions, run_raw_predictions
from ..convert.back.restore import plan_restore_of, run_restore
from ..convert.inputs import Inputs, as_converted, plan_inputs, run_inputs, ways_back
from ..dataset.layout import Dataset
from ..dataset.lineage import RESTORED, manifest
from ..errors import Cure, Finding, Interrupted, Refused, SegconvError
from ..train.paths import NAMES, Paths
from ..train.predict import OWN_FILES, USUAL_PREDICTION, CheckedModel, PredictOptions, predict_with
from ..work import begun, fsops, staging
from ..work.apart import refuse_holding, refuse_within
from ..work.interruption import interruptible
from ..work.locks import locked
from ..work.plan import INFER, Plan, Target, work_slot
from ..work.preflight import preflight, replaceable
from ..work.run import GO_ON, STOPPED, Outcome
from ..work.run_options import USUAL, RunOptions, refuse_unfit
from ..work.writing import writing

INPUTS = "imagesTs"
PREDICTIONS = "predictions"
"""Folders in the work folder that nnU-Net reads and writes."""


@dataclass(frozen=True)
class Prediction:
    """The result of a prediction.

    Parameters
    ----------
    output
        The folder.
    files
        File names in it.
    warnings
        Warnings from reading and restoring.
    """

    output: Path
    files: list[str]
    warnings: list[Finding]


def infer(
    dataset: Dataset,
    model: CheckedModel,
    inputs: Path,
    output: Path,
    paths: Paths,
    how: RunOptions = USUAL,
    predicting: PredictOptions = USUAL_PREDICTION,
    *,
    raw_output: bool = False,
) -> Prediction:
    """Predict files and write the predictions under the user's own names, values and format.

    Parameters
    ----------
    dataset
        The dataset that the model was trained on; its lineage says how to restore predictions.
    model
        See `check_model`.
    inputs
        A file or a folder.
    output
        Folder to create.
    how
        `jobs` is the number of workers, and of nnU-Net's reading and writing processes each; `overwrite` replaces
        what `infer` or `restore` wrote; `restart` discards an unfinished run. Other options are not used.
    predicting
        As for `predict_with`.
    raw_output
        Keep nnU-Net's own values and names instead.

    Raises
    ------
    SegconvError
        Before nnU-Net starts: ``SC020`` if the output exists and is not replaced, ``SC021`` for hidden
        folders that hold files of others, ``SC035`` if another run works on the output, and what
        `plan_inputs` and `plan_restore_of` raise; later ``SC101`` if nnU-Net does not write all
        predictions, ``SC062`` if the dataset was replaced since it was opened, and what reading and
        writing raise.
    Interrupted
        By Ctrl-C or SIGTERM; the hidden folders stay.
    """
    refuse_unfit(raw_output=raw_output)
    output = output.absolute()
    folders = {name: getattr(paths, word) for word, name in NAMES.items()}
    refuse_holding(output, {"the input": inputs, "the dataset": dataset.path, "the model": model.folder, **folders})
    refuse_within(output, "the input", inputs)
    target, within = _targets(output)
    planned = plan_inputs(inputs, dataset.description, within, as_converted(dataset.run))
    way_back, bring_back = _way_back(planned, dataset, output, raw_output=raw_output)
    _preflight(planned.plan, way_back, overwrite=how.overwrite)
    cures = (Cure.of("abort", target=output),)
    with interruptible(STOPPED, GO_ON, *cures), locked(target) as lock, locked(within):
        _preflight(planned.plan, way_back, overwrite=how.overwrite)  # another run may just have ended
        replaceable(target, overwrite=how.overwrite)
        with _begun(way_back, cures, how), _begun(planned.plan, cures, how):
            work = within.staging
            with writing(work), dataset.unchanged():
                prepared = run_inputs(planned, RunOptions(how.jobs))
            _make_room(work, way_back)
            predict_with(model, work / INPUTS, work / PREDICTIONS, paths, predicting, jobs=how.jobs)
            _refuse_missing(planned, way_back, model.log(paths))
            outcome = bring_back(RunOptions(how.jobs, overwrite=how.overwrite, lock=lock))
        with writing(work):
            late = begun.remove_own(work)
    files = sorted(item.outputs[0] for item in way_back.items)
    return Prediction(output, files, [*prepared.warnings, *outcome.warnings, *late])


def _targets(output: Path) -> tuple[Target, Target]:
    """Return two targets for the output: the staging folder of one builds it, that of the other holds the inputs."""
    kind = manifest(*RESTORED)
    return Target(output, output.name, kind), Target(output, work_slot(INFER, output), kind)


def _way_back(
    planned: Inputs, dataset: Dataset, output: Path, *, raw_output: bool
) -> tuple[Plan, Callable[..., Outcome]]:
    """Return the plan that turns predictions into the output, and the function that runs it."""
    names = {case.case: case.original_name for case in planned.cases}
    predictions = planned.plan.target.staging / PREDICTIONS
    if raw_output:
        raw = plan_raw_predictions(names, predictions, dataset, output)
        return raw.plan, partial(run_raw_predictions, raw)
    restoration = plan_restore_of(names, predictions, dataset, output, ways_back(planned))
    return restoration.plan, partial(run_restore, restoration)


def _preflight(*plans: Plan, overwrite: bool) -> None:
    for plan in plans:
        preflight(plan, overwrite=overwrite)


@contextmanager
def _begun(plan: Plan, cures: Sequence[Cure], how: RunOptions) -> Iterator[None]:
    """Create or resume the staging folder of a plan; remove it on any error but an interruption."""
    target, refused = plan.target, False
    try:
        with writing(target.staging):
            try:
                staging.begin(plan, restart=how.restart).close()
            except SegconvError as error:
                refused = error.code == "SC021"
                raise
        yield
    except Interrupted as error:
        error.hint, error.cures = GO_ON, tuple(cures)
        raise
    except Exception:
        with suppress(SegconvError, OSError):
            if not refused:
                staging.discard(target)
        raise


def _make_room(work: Path, way_back: Plan) -> None:
    """Create the folder that nnU-Net writes into, after declaring the files that it will write."""
    folder = work / PREDICTIONS
    names = {os.path.basename(source) for item in way_back.items for source in item.sources}
    with writing(folder):
        begun.declare(work, [f"{PREDICTIONS}/{name}" for name in names.union(OWN_FILES)])
        fsops.mkdir(folder)


def _refuse_missing(planned: Inputs, way_back: Plan, log: Path) -> None:
    """Refuse fewer predictions than inputs: nnU-Net may lose a worker and still end without an error."""
    images = {case.case: case.images[0] for case in planned.cases}
    missing = [
        Finding(
            "SC101",
            "nnU-Net ended without an error, but wrote no prediction for it",
            file=images[item.case],
            hint=f"run the same command again; {log} says more",
        )
        for item in way_back.items
        if not all(map(os.path.isfile, item.sources))
    ]
    if missing:
        raise Refused(reasons=missing)
