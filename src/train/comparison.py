"""Compare the trained models of a dataset with nnU-Net's own function, after checking that they can be compared."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import reading
from ..dataset.description import DatasetDescription
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import Splits, held_out_fold, read_splits
from ..errors import Cure, Finding, Refused, SegconvError, refuse_if_any
from ..words import count_of, some_of
from .best import Best, classes_without_score, crossval_folder, read_best
from .child import commands, environment, python, run_child
from .commands import Tell
from .folds import VALIDATION, state_of
from .model import DEFAULT_PLANS, DEFAULT_TRAINER, FINAL, Model, log_file
from .paths import Paths
from .plans import configuration, read_plans
from .preprocessed import refuse_more_than_numbers
from .untrusted_models import NO_TRUST, Trust

ORDER = ("2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres")
"""nnU-Net's own order: of equal scores the first wins."""

FOLDS = 5
"""How many folds nnU-Net makes if there is no file of folds."""

REFERENCES = "gt_segmentations"

_CALL = (
    "import json, sys; from nnunetv2.evaluation.find_best_configuration import find_best_configuration as find; "
    "find(**json.loads(sys.argv[1]))"
)
"""nnU-Net's command takes lists of trainers, configurations and plans, and fails unless every combination is trained;
its function takes the models."""


@dataclass(frozen=True)
class Wanted:
    """Which models are compared; empty for all.

    Parameters
    ----------
    configurations, trainers, plans
        Names.
    folds
        Folds to compare on; those of the split if empty.
    ensembles
        Whether pairs of models are compared, too.
    """

    configurations: Collection[str] = ()
    trainers: Collection[str] = ()
    plans: Collection[str] = ()
    folds: Sequence[str] = ()
    ensembles: bool = True

    def takes(self, model: Model) -> bool:
        """Return whether a model is one of them."""
        return all(
            not names or name in names
            for names, name in (
                (self.configurations, model.configuration),
                (self.trainers, model.trainer),
                (self.plans, model.plans),
            )
        )


ALL = Wanted()


@dataclass(frozen=True)
class Comparison:
    """Models that can be compared.

    Parameters
    ----------
    dataset
        Name of the folder.
    models
        In the order in which nnU-Net compares them.
    folds
        Folds that all of them are validated on.
    ensembles
        Whether pairs of models are compared, too.
    """

    dataset: str
    models: tuple[Model, ...]
    folds: tuple[str, ...]
    ensembles: bool


def trained_models(dataset: str, paths: Paths) -> list[Model]:
    """Return the models of a dataset of which a numbered fold is trained, in nnU-Net's order."""
    found = {path.parent.parent.name for path in (paths.require("results") / dataset).glob(f"*/fold_[0-9]*/{FINAL}")}
    models = [Model(dataset, names[2], names[0], names[1]) for name in found if len(names := name.split("__")) == 3]
    return sorted(models, key=lambda model: (model.trainer, model.plans, _place(model.configuration)))


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def plan_comparison(dataset: str, paths: Paths, wanted: Wanted = ALL, trust: Trust = NO_TRUST) -> Comparison:
    """Check that models of a dataset can be compared.

    Parameters
    ----------
    dataset
        Name of the folder.
    trust
        Which parts of the models may be code.

    Raises
    ------
    SegconvError
        ``SC010`` if no model is trained, or the references of nnU-Net do not exist.
    Refused
        ``SC122`` for each fold that is not trained or not validated, ``SC064`` for models that hold code.
    """
    commands()
    models = _chosen(dataset, paths, wanted)
    preprocessed = paths.require("preprocessed") / dataset
    if not reading.is_folder(preprocessed / REFERENCES):
        raise SegconvError(
            "does not exist: nnU-Net compares predictions with its copies of the labels",
            code="SC010",
            file=str(preprocessed / REFERENCES),
            cures=[Cure.of("plan", dataset=dataset)],
        )
    splits = _splits(preprocessed)
    validated = [fold["val"] for fold in splits]
    folds = tuple(wanted.folds or map(str, _compared(splits)))
    ensembles = wanted.ensembles and len(models) > 1
    for model in models:
        _refuse_foreign_code(model, folds, paths, trust, ensembles=ensembles)
    gaps = (_gaps_of_model(model, folds, paths, validated, ensembles=ensembles) for model in models)
    refuse_if_any(itertools.chain.from_iterable(gaps))
    return Comparison(dataset, models, folds, ensembles)


def _chosen(dataset: str, paths: Paths, wanted: Wanted) -> tuple[Model, ...]:
    trained = trained_models(dataset, paths)
    models = tuple(model for model in trained if wanted.takes(model))
    if not models:
        names = ", ".join(model.name for model in trained)
        raise SegconvError(
            f"no such model is trained; there are {names}" if names else "no model of it is trained in folds",
            code="SC010",
            file=str(paths.require("results") / dataset),
            cures=[Cure.of("train", dataset=dataset, fold="0,1,2,3,4")],
        )
    return models


def _splits(preprocessed: Path) -> Splits:
    """Return the folds; empty if there are none yet."""
    path = preprocessed / SPLITS_FILE
    return read_splits(path) if os.path.lexists(path) else []


def _compared(splits: Splits) -> list[int]:
    """Return the folds that count by default: all but one that holds cases out, which would no longer be unseen."""
    held_out = held_out_fold(splits) if splits else None
    return [number for number in range(len(splits) or FOLDS) if number != held_out]


def _of_fold(validated: Sequence[Sequence[str]], fold: str) -> Sequence[str]:
    number = int(fold)
    return validated[number] if number < len(validated) else ()


def _refuse_foreign_code(model: Model, folds: Sequence[str], paths: Paths, trust: Trust, *, ensembles: bool) -> None:
    """Refuse plans that name foreign classes, and validations with pickles that hold more than numbers."""
    for file in (model.folder(paths) / "plans.json", model.plans_file(paths)):
        trust.refuse_foreign_classes(read_plans(file), file=str(file))
    if ensembles and not trust.trust_model:
        for fold in folds:  # nnU-Net unpickles what belongs to the probabilities
            validation = model.fold_folder(paths, fold) / VALIDATION
            refuse_more_than_numbers(validation, cures=[_cure("validate_again", model, fold), Cure.of("trust_files")])


def _gaps_of_model(
    model: Model, folds: Sequence[str], paths: Paths, validated: Sequence[Sequence[str]], *, ensembles: bool
) -> Iterator[Finding]:
    """Yield what a model lacks to be compared; one finding for all folds that are not trained."""
    missing = [fold for fold in folds if not state_of(model.fold_folder(paths, fold)).trained]
    if missing:
        several = len(missing) > 1
        what = f"folds {', '.join(missing)} are not trained" if several else f"fold {missing[0]} is not trained"
        folder = model.folder(paths) if several else model.fold_folder(paths, missing[0])
        cures = (_cure("train", model, ",".join(missing)), *_others(model, paths))
        yield Finding("SC122", what, file=str(folder), cures=cures)
    for fold in folds:
        if fold not in missing:
            yield from _gaps(model, fold, paths, _of_fold(validated, fold), ensembles=ensembles)


def _gaps(model: Model, fold: str, paths: Paths, cases: Sequence[str], *, ensembles: bool) -> Iterator[Finding]:
    """Yield what a trained fold lacks to be compared."""
    folder = model.fold_folder(paths, fold)
    validation = folder / VALIDATION
    if not state_of(folder).validated:
        cure = _cure("validate", model, fold)
        what = f"fold {fold} is not validated since it was trained: it has no summary.json, or an older one"
        yield Finding("SC122", what, file=str(folder), cures=(cure,))
        return
    yield from _missing_predictions(model, fold, paths, cases)
    if ensembles and (without := _without_probabilities(validation, cases)):
        what = f"the validation kept no probabilities of {count_of(len(without), 'case')} ({some_of(without)})"
        cures = (_cure("validate_with_probabilities", model, fold), Cure.of("without_ensembles"))
        yield Finding("SC122", what, file=str(validation), hint="ensembles average them", cures=cures)
    if first := _first_stage(model, paths):
        before = Model(model.dataset, first, model.trainer, model.plans)
        folder = before.fold_folder(paths, fold)
        if not state_of(folder).trained:
            what = f"is not trained: {model.configuration} predicts from predictions of {first}"
            yield Finding("SC122", what, file=str(folder), cures=(_cure("train", before, fold),))


def _missing_predictions(model: Model, fold: str, paths: Paths, cases: Sequence[str]) -> Iterator[Finding]:
    validation = model.fold_folder(paths, fold) / VALIDATION
    ending = DatasetDescription.read(model.folder(paths) / "dataset.json").file_ending
    found = {name[: -len(ending)] for name in os.listdir(validation) if name.endswith(ending)}
    cure = _cure("validate", model, fold)
    if cases and (missing := sorted(set(cases) - found)):
        what = f"lacks predictions of {count_of(len(missing), 'case')} ({some_of(missing)})"
        yield Finding("SC122", what, file=str(validation), cures=(cure,))
    if cases and (strange := sorted(found - set(cases))):
        what = f"holds predictions of cases that fold {fold} does not validate ({some_of(strange)})"
        yield Finding(
            "SC122", what, file=str(validation), hint="move them away: the folds changed since they were made"
        )


def _without_probabilities(validation: Path, cases: Sequence[str]) -> list[str]:
    names = set(os.listdir(validation))
    return [case for case in cases if not {f"{case}.npz", f"{case}.pkl"} <= names]


def _first_stage(model: Model, paths: Paths) -> str | None:
    before = configuration(read_plans(model.plans_file(paths)), model.configuration).get("previous_stage")
    return before if isinstance(before, str) else None


def _others(model: Model, paths: Paths) -> tuple[Cure, ...]:
    """Return the cure to compare only the folds of a model that are trained."""
    trained = [fold for fold in model.trained_folds(paths) if fold.isdecimal()]
    return (Cure.of("choose_folds", folds=trained),) if trained else ()


def _cure(kind: str, model: Model, fold: str) -> Cure:
    named = {} if model.trainer == DEFAULT_TRAINER else {"trainer": model.trainer}
    named |= {} if model.plans == DEFAULT_PLANS else {"plans": model.plans}
    return Cure.of(kind, dataset=model.dataset, configuration=model.configuration, fold=fold, **named)


def run_comparison(comparison: Comparison, paths: Paths, *, jobs: int = 1, tell: Tell | None = None) -> Best:
    """Let nnU-Net compare models, and return what it found best.

    Raises
    ------
    SegconvError
        ``SC101`` if nnU-Net fails; ``SC124`` if it cannot score a model.
    """
    asked = {
        "dataset_name_or_id": comparison.dataset,
        "allowed_trained_models": [
            {"plans": model.plans, "configuration": model.configuration, "trainer": model.trainer}
            for model in comparison.models
        ],
        "allow_ensembling": comparison.ensembles,
        "num_processes": jobs,
        "folds": [int(fold) for fold in comparison.folds],
    }
    shown = f"nnU-Net's find_best_configuration of {', '.join(model.name for model in comparison.models)}"
    log = log_file(paths, comparison.dataset, "best")
    try:
        run_child([*python(_CALL), json.dumps(asked)], environment(paths), shown=shown, log=log, tell=tell)
    except SegconvError as error:
        if error.code == "SC101":
            _refuse_without_score(comparison, paths)
        raise
    best = read_best(paths.require("results") / comparison.dataset)
    if best is None:
        raise SegconvError("nnU-Net ended without an error, but named no best", code="SC101", file=str(log))
    return best


def _refuse_without_score(comparison: Comparison, paths: Paths) -> None:
    """Explain a failure by a mean Dice that does not exist: nnU-Net finds no best among numbers of which one is NaN."""
    found = []
    for model in comparison.models:
        summary = model.folder(paths) / crossval_folder(comparison.folds) / "summary.json"
        if summary.is_file() and (classes := classes_without_score(summary)):
            what = f"has no mean Dice: {some_of(classes)} occurs in no case, neither in references nor in predictions"
            found.append(Finding("SC124", what, file=str(summary), hint="leave the class out of the labels"))
    if found:
        raise Refused(reasons=found)
