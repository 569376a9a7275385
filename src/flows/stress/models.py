"""Stress-test trained models with the cases that all of them held back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...dataset.description import DatasetDescription
from ...dataset.layout import Dataset
from ...dataset.lineage import TRAIN
from ...errors import Cure, SegconvError
from ...train.commands import Tell
from ...train.holds import reading as folds_as_they_are
from ...train.paths import Paths
from ...train.predict import USUAL_PREDICTION, Folders, PredictOptions, check_model, predict_with
from ...train.trained import TrainedModel, held_back
from ...train.trainers_of_models import refuse_without_trainer
from ...train.untrusted_models import NO_TRUST, Trust
from .plan import ANGLES_DEG, TOLERANCE, Stress, plan_stress
from .run import Predictor

CASES = 10
"""How many cases are tested by default: each is predicted under every condition."""

PREDICTING_JOBS = 3
"""nnU-Net's own number of processes that read, and that write: each holds a case in floating point."""


@dataclass(frozen=True)
class StressOptions:
    """How to stress trained models.

    Parameters
    ----------
    folds
        Folds to test; the first fold that all models have if None.
    limit
        Maximum number of cases over all folds.
    angles_deg, planes, shifts_hu, tolerance
        As for `plan_stress`.
    """

    folds: Sequence[str] | None = None
    limit: int = CASES
    angles_deg: Sequence[float] = ANGLES_DEG
    planes: Sequence[str] | None = None
    shifts_hu: Sequence[float] | None = None
    tolerance: float = TOLERANCE


def plan_stress_of(
    dataset: Dataset,
    models: Sequence[TrainedModel],
    paths: Paths,
    work: Path,
    options: StressOptions,
    *,
    tell: Tell | None = None,
) -> Stress:
    """Plan to stress trained models with the cases that all of them held back.

    Raises
    ------
    SegconvError
        ``SC001`` for a model whose channels, labels or files differ from the dataset's; ``SC011`` if all models
        held back no common case; what `held_back` and `plan_stress` raise.
    """
    names = model_names(models)
    for model in models:
        _refuse_other_coding(dataset, model)
    folds = options.folds or _first_common_fold(names)
    with dataset.unchanged(), folds_as_they_are(paths, *{model.dataset for model in models}):
        cases = held_back_cases(dataset, models, paths, folds, options.limit, tell=tell)
    return plan_stress(
        dataset,
        list(names),
        work,
        cases=cases,
        angles_deg=options.angles_deg,
        planes=options.planes,
        shifts_hu=options.shifts_hu,
        tolerance=options.tolerance,
    )


def predictor_of(
    models: Sequence[TrainedModel],
    folds: Sequence[str],
    paths: Paths,
    predicting: PredictOptions = USUAL_PREDICTION,
    trust: Trust = NO_TRUST,
    *,
    jobs: int = 1,
) -> Predictor:
    """Check the models and return a function that predicts with each fold.

    Raises what `check_model` and `refuse_without_trainer` raise.
    """
    checked = {
        (name, fold): check_model(model.folder, model.dataset, [fold], trust)
        for name, model in model_names(models).items()
        for fold in folds
    }
    refuse_without_trainer(checked.values(), paths)

    def predict(name: str, fold: str, inputs: Path, output: Path) -> None:
        folders = Folders(inputs, output)
        predict_with(checked[name, fold], folders, paths, predicting, jobs=min(jobs, PREDICTING_JOBS))

    return predict


def _first_common_fold(models: Mapping[str, TrainedModel]) -> list[str]:
    """Return the first fold that holds back cases and is trained for all models."""
    first, *others = models.values()
    common = [fold for fold in first.folds if fold.isdecimal() and all(fold in model.folds for model in others)]
    if not common:
        trained = "; ".join(f"{name}: {', '.join(model.folds)}" for name, model in models.items())
        raise SegconvError(
            f"no fold that holds cases back is trained for all models ({trained})",
            code="SC011",
            hint="train a fold with a number",
            cures=[Cure.of("train", fold=0)],
        )
    return common[:1]


def held_back_cases(
    dataset: Dataset,
    models: Sequence[TrainedModel],
    paths: Paths,
    folds: Sequence[str],
    limit: int,
    *,
    tell: Tell | None = None,
) -> dict[str, list[str]]:
    """Return fold → original cases that no model has seen, at most `limit` over all folds."""
    copies = {record.case for record in dataset.records() if record.parent is not None}
    originals = set(dataset.cases(TRAIN)) - copies
    cases: dict[str, list[str]] = {}
    for fold in folds:
        unseen = set.intersection(*(set(held_back(model, fold, paths)) for model in models))
        cases[fold] = sorted(unseen & originals)
    total = sum(map(len, cases.values()))
    if not total:
        raise SegconvError(
            f"no case of it was held back by fold {', '.join(folds)} of {' and '.join(m.name for m in models)}",
            code="SC011",
            file=str(dataset.path),
            hint="models that are compared must share their folds, as those of a dataset and of its augmentation do",
        )
    if tell is not None and total > limit:
        tell(f"{limit} of the {total} cases that were held back")
    return _limited(cases, limit)


def _limited(cases: Mapping[str, Sequence[str]], limit: int) -> dict[str, list[str]]:
    """Return at most `limit` cases, taken from all folds in turn, so that the limit skips no fold."""
    turns = sorted(((i, fold) for fold, found in cases.items() for i in range(len(found))), key=lambda turn: turn[0])
    kept = set(turns[:limit])
    chosen = {fold: [case for i, case in enumerate(found) if (i, fold) in kept] for fold, found in cases.items()}
    return {fold: found for fold, found in chosen.items() if found}


def model_names(models: Sequence[TrainedModel]) -> dict[str, TrainedModel]:
    """Return models by the shortest names that distinguish them."""
    for name in (
        lambda model: model.name,
        lambda model: model.dataset,
        lambda model: f"{model.dataset}/{model.name}",
        lambda model: str(model.folder),
    ):
        found = {name(model): model for model in models}
        if len(found) == len(models):
            return found
    raise SegconvError("a model is given twice", hint="give two that differ, or one")


def _refuse_other_coding(dataset: Dataset, model: TrainedModel) -> None:
    """Refuse a model whose inputs or outputs mean something other than the dataset's."""
    mine, its = dataset.description, DatasetDescription.read(model.folder / "dataset.json")
    for what, wanted, found in (
        ("channels", mine.channel_names, its.channel_names),
        ("labels", mine.labels.as_json(), its.labels.as_json()),
        ("files", mine.file_ending, its.file_ending),
    ):
        if wanted != found:
            raise SegconvError(
                f"was trained on {what} {found}, the dataset has {wanted}",
                file=str(model.folder),
                hint="test it on the dataset that it was trained on",
            )
