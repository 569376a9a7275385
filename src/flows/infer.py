"""Predict a user's own files: convert them to nnU-Net's form, predict, and convert back.

Everything is planned first, so that bad inputs are refused before nnU-Net starts. The work is done
under the lock of the output, in two hidden folders next to it: one for the inputs and nnU-Net's
predictions, and one in which the output is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..convert.back.raw_predictions import plan_raw_predictions, run_raw_predictions
from ..convert.back.restore import plan_restore_of, run_restore
from ..convert.inputs import Inputs, as_converted, plan_inputs, run_inputs, ways_back
from ..dataset import history
from ..dataset.layout import Dataset
from ..dataset.lineage import RESTORED, manifest
from ..errors import Cure, Finding, Interrupted, Refused, SegconvError
from ..review.pictures.sealed import refuse_taken
from ..train.ensemble import Ensemble
from ..train.holds import predicting as trained_folds_as_they_are
from ..train.paths import NAMES, Paths
from ..train.predict import USUAL_PREDICTION, CheckedModel, PredictOptions
from ..train.queue import Slot, gpu_slots
from ..train.trainers_of_models import refuse_without_trainer
from ..work import begun, staging
from ..work.apart import refuse_holding, refuse_within
from ..work.interruption import interruptible
from ..work.locks import locked
from ..work.plan import INFER, Plan, Target, work_slot
from ..work.preflight import preflight, replaceable
from ..work.run import GO_ON, STOPPED, Outcome
from ..work.run_options import USUAL, RunOptions, refuse_unfit
from ..work.single import write_single
from ..work.writing import writing
from .predicted import LabelCount, Predicted, count_labels, draw_overlay, warn_of_background
from .predicting import PREDICTIONS, Cases, Run, any_predicted, kept_files, make_room, predict_missing


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
        Warnings from reading and restoring, and about predictions without foreground.
    labels
        How much of each label was predicted.
    """

    output: Path
    files: list[str]
    warnings: list[Finding]
    labels: tuple[LabelCount, ...] = ()


def infer(
    dataset: Dataset,
    model: CheckedModel | Ensemble,
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
        From `check_model`, or the `ensemble` of what `best_or_only` returns.
    inputs
        A file or a folder.
    output
        Folder to create.
    how
        `jobs` is the number of workers, and limits nnU-Net's reading and writing processes; `overwrite` replaces
        what `infer` or `restore` wrote; `restart` discards an unfinished run; `progress` shows
        how many predictions there are. Other options are not used.
    predicting
        As for `predict_with`.
    raw_output
        Keep nnU-Net's own values and names instead; needed to keep probabilities, which are nnU-Net's own as well.

    Raises
    ------
    SegconvError
        Before nnU-Net starts: ``SC001`` for probabilities without `raw_output`, ``SC020`` if the output exists and is
        not replaced, ``SC021`` for hidden folders that hold files of others or the predictions of other models,
        ``SC035`` if another run works on the output, ``SC166`` for a model of an unknown trainer, and what
        `plan_inputs` and `plan_restore_of` raise; later ``SC101`` if nnU-Net does not write all predictions, ``SC062``
        if the dataset was replaced since it was opened, and what reading and writing raise. After ``SC101`` finished
        predictions are kept for the next run.
    Interrupted
        By Ctrl-C or SIGTERM; the hidden folders stay.
    """
    refuse_unfit(raw_output=raw_output)
    ensemble, output = Ensemble.of(model), output.absolute()
    _refuse_options(predicting, raw_output=raw_output, overwrite=how.overwrite)
    refuse_without_trainer(ensemble.models, paths)
    _refuse_overlap(dataset, ensemble, inputs, output, paths)
    target, within = _targets(output)
    planned = plan_inputs(inputs, dataset.description, within, as_converted(dataset.run))
    planned = replace(planned, plan=_of_models(planned.plan, ensemble, predicting))
    cases = _cases(planned, dataset)
    run = Run(ensemble, paths, predicting, how.jobs, how.progress, _slots(predicting))
    way_back, bring_back = _way_back(planned, dataset, output, run if raw_output else None)
    _preflight(planned.plan, way_back, overwrite=how.overwrite)
    cures = (Cure.of("abort", target=output),)
    folds = {path.parent for each in ensemble.models for path in each.checkpoints}
    with (
        interruptible(STOPPED, GO_ON, *cures),
        locked(target) as lock,
        locked(within),
        trained_folds_as_they_are(paths, folds),
    ):
        _preflight(planned.plan, way_back, overwrite=how.overwrite)  # another run may just have ended
        replaceable(target, overwrite=how.overwrite)
        with _begun(way_back, cures, how), _begun(planned.plan, cures, how, lambda: any_predicted(cases, run)) as done:
            work = within.staging
            with writing(work), dataset.unchanged():
                prepared = run_inputs(replace(planned, keep=kept_files(cases, run, done)), RunOptions(how.jobs))
            make_room(cases, run)
            predict_missing(cases, run)
            found = count_labels(cases, dataset.description.labels, jobs=how.jobs)
            _draw(planned, cases, found, predicting.overlay, overwrite=how.overwrite)
            outcome = bring_back(RunOptions(how.jobs, overwrite=how.overwrite, lock=lock))
        with writing(work):
            late = begun.remove_own(work)
    files = sorted(item.outputs[0] for item in way_back.items)
    history.note(dataset.path, history.PREDICTED, output=str(output), files=len(files))
    warnings = [*prepared.warnings, *warn_of_background(cases, found), *outcome.warnings, *late]
    return Prediction(output, files, warnings, found.labels)


def _draw(planned: Inputs, cases: Cases, found: Predicted, picture: Path | None, *, overwrite: bool) -> None:
    """Write the picture of some predictions, if one is wanted."""
    if picture is not None and found.foreground:
        names = {case.case: case.original_name for case in planned.cases}
        data = draw_overlay(cases, found, names)
        write_single(picture, data, partial(refuse_taken, picture, overwrite=overwrite))


def _refuse_options(predicting: PredictOptions, *, raw_output: bool, overwrite: bool) -> None:
    if predicting.probabilities and not raw_output:
        raise SegconvError(
            "probabilities are kept in nnU-Net's own form only, which is not that of your files",
            code="SC001",
            cures=[Cure.of("raw_output")],
        )
    if predicting.overlay is not None:
        refuse_taken(predicting.overlay, overwrite=overwrite)


def _refuse_overlap(dataset: Dataset, ensemble: Ensemble, inputs: Path, output: Path, paths: Paths) -> None:
    """Refuse an output that holds what is read, or that is in the input."""
    folders = {name: getattr(paths, word) for word, name in NAMES.items()}
    read = {"the input": inputs, "the dataset": dataset.path, **folders}
    for model in ensemble.models:
        refuse_holding(output, {**read, "the model": model.folder})
    refuse_within(output, "the input", inputs)


def _slots(predicting: PredictOptions) -> tuple[Slot, ...]:
    return tuple(gpu_slots(predicting.gpus)) if predicting.gpus else ()


def _of_models(plan: Plan, ensemble: Ensemble, predicting: PredictOptions) -> Plan:
    """Return a plan whose work folder is resumed only with the same models and options."""
    options = {"mirror": predicting.mirror, "probabilities": predicting.probabilities}
    return replace(plan, key={**plan.key, "predicted": {**ensemble.identity(), **options}})


def _cases(planned: Inputs, dataset: Dataset) -> Cases:
    return Cases(
        planned.plan.target.staging,
        {item.case: item.outputs for item in planned.plan.items},
        dataset.description.file_ending,
        {case.case: case.images[0] for case in planned.cases},
        len(dataset.description.labels.as_json()),
    )


def _targets(output: Path) -> tuple[Target, Target]:
    """Return two targets for the output: the staging folder of one builds it, that of the other holds the inputs."""
    kind = manifest(*RESTORED)
    return Target(output, output.name, kind), Target(output, work_slot(INFER, output), kind)


def _way_back(planned: Inputs, dataset: Dataset, output: Path, raw: Run | None) -> tuple[Plan, Callable[..., Outcome]]:
    """Return the plan that turns predictions into the output, and the function that runs it.

    Parameters
    ----------
    raw
        How they are predicted, if they are kept as they are.
    """
    names = {case.case: case.original_name for case in planned.cases}
    work = planned.plan.target.staging
    predictions = work / PREDICTIONS
    if raw is not None:
        probabilities = work / raw.result if raw.options.probabilities else None
        kept = plan_raw_predictions(names, predictions, dataset, output, probabilities)
        return kept.plan, partial(run_raw_predictions, kept)
    restoration = plan_restore_of(names, predictions, dataset, output, ways_back(planned))
    return restoration.plan, partial(run_restore, restoration)


def _preflight(*plans: Plan, overwrite: bool) -> None:
    for plan in plans:
        preflight(plan, overwrite=overwrite)


@contextmanager
def _begun(
    plan: Plan, cures: Sequence[Cure], how: RunOptions, worth_keeping: Callable[[], bool] = lambda: False
) -> Iterator[list[str]]:
    """Create or resume the staging folder of a plan; remove it on errors, unless it is worth keeping.

    Yields
    ------
    cases
        Those that an earlier run finished, and whose sources are unchanged.
    """
    target, refused = plan.target, False
    try:
        with writing(target.staging):
            try:
                journal = staging.begin(plan, restart=how.restart)
            except SegconvError as error:
                refused = error.code == "SC021"
                raise
            done = journal.cases()
            journal.close()
        yield done
    except Interrupted as error:
        error.hint, error.cures = GO_ON, tuple(cures)
        raise
    except Exception as error:
        if _of_nnunet(error) and worth_keeping():
            _say_what_is_kept(error, cures)
            raise
        with suppress(SegconvError, OSError):
            if not refused:
                staging.discard(target)
        raise


def _of_nnunet(error: Exception) -> bool:
    """Return whether nnU-Net failed: what it had finished is good."""
    return isinstance(error, SegconvError) and any(finding.code == "SC101" for finding in error.findings)


def _say_what_is_kept(error: Exception, cures: Sequence[Cure]) -> None:
    hint = "finished predictions are kept: the same command goes on from there"
    if isinstance(error, Refused):
        error.reasons = tuple(
            replace(found, hint="; ".join(filter(None, (found.hint, hint))), cures=(*found.cures, *cures))
            for found in error.reasons
        )
    elif isinstance(error, SegconvError):
        error.hint = "; ".join(filter(None, (error.hint, hint)))
        error.cures = (*error.cures, *cures)
