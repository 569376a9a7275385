"""Which models predict: one that the user names, or what nnU-Net found best for the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import Cure, Finding, SegconvError
from .best import best_ensemble, outdated, read_best
from .ensemble import Ensemble
from .model import FINAL, Model, trained_folds
from .offered_models import configurations_of, in_words, models_in, offer_of_begun, offers, training_of
from .paths import Paths
from .plans import read_plans
from .predict import check_model
from .untrusted_models import NO_TRUST, Trust

ALL_CASES = "all"
"""Name of the fold that is trained on all cases."""


@dataclass(frozen=True)
class Chosen:
    """Models that predict.

    Parameters
    ----------
    ensemble
        The models, checked.
    said
        Why these, in words.
    warnings
        About the choice.
    """

    ensemble: Ensemble
    said: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()


def named_model(
    model: Model, paths: Paths, folds: Sequence[str] | None = None, trust: Trust = NO_TRUST, *, checkpoint: str = FINAL
) -> Chosen:
    """Return a model that the user names.

    Parameters
    ----------
    folds
        Folds to average; all trained ones with a number if None.

    Raises
    ------
    SegconvError
        ``SC010`` if no fold is trained; what `check_model` raises.
    """
    folder = model.folder(paths)
    said: tuple[str, ...] = ()
    if folds is None:
        folds, said = usual_folds(folder)
    if not folds or not any(folder.glob("fold_*/checkpoint_*.pth")):
        others = models_in(folder.parent)
        to_train = [Cure.of("train", **model.words, fold="0")] if _may_be_planned(model, paths) else []
        raise SegconvError(
            f"no fold of {model.configuration} with {model.trainer} and {model.plans} is trained{in_words(others)}",
            code="SC010",
            file=str(folder.parent),
            cures=[*offer_of_begun(folder), *offers(others, model), *to_train] or [training_of(model.dataset, paths)],
        )
    return Chosen(Ensemble((check_model(folder, model.dataset, folds, trust, checkpoint=checkpoint),)), said)


def _may_be_planned(model: Model, paths: Paths) -> bool:
    """Return whether a model can be trained: its plans have its configuration, or cannot be looked up."""
    try:
        return model.configuration in read_plans(model.plans_file(paths))["configurations"]
    except SegconvError:
        return True


def folder_model(
    folder: Path, folds: Sequence[str] | None = None, trust: Trust = NO_TRUST, *, checkpoint: str = FINAL
) -> Chosen:
    """Return the model in a folder, wherever it is.

    Raises
    ------
    SegconvError
        ``SC010`` if no fold is trained; what `check_model` raises.
    """
    said: tuple[str, ...] = ()
    if folds is None:
        folds, said = usual_folds(folder)
    if not folds:
        raise SegconvError("has no fold whose training is finished", code="SC010", file=str(folder))
    model = check_model(folder, folder.parent.name, folds, trust, checkpoint=checkpoint)
    return Chosen(Ensemble((model,)), (folder.name, *said))


def usual_folds(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the folds of a model that predict by default, and what to say about them.

    Folds with numbers are averaged. The model of fold ``all`` saw the cases that they held back, and is no
    member of their ensemble; it predicts only if it is the only one.
    """
    trained = trained_folds(folder)
    numbered = tuple(fold for fold in trained if fold != ALL_CASES)
    if not numbered:
        return trained, ()
    words = f"folds {', '.join(numbered)}"
    return numbered, (f"{words}; fold all is left out",) if ALL_CASES in trained else (words,)


def best_or_only(dataset: str, paths: Paths, trust: Trust = NO_TRUST, *, checkpoint: str = FINAL) -> Chosen:
    """Return what nnU-Net found best for a dataset, or the only trained model of it.

    Raises
    ------
    SegconvError
        ``SC010`` if neither exists; what `best_ensemble`, `read_best` and `check_model` raise.
    """
    folder = paths.require("results") / dataset
    models = models_in(folder)
    if read_best(folder) is None and len(models) != 1:
        cures = [*offers(models), Cure.of("find_best", dataset=dataset)] if models else [training_of(dataset, paths)]
        raise _undecided(folder, models, cures)
    return chosen_in(folder, trust, checkpoint=checkpoint)


def chosen_in(folder: Path, trust: Trust = NO_TRUST, *, checkpoint: str = FINAL) -> Chosen:
    """Return the best, or the only trained, of the models in a folder; see `best_or_only`.

    Parameters
    ----------
    folder
        Results of a dataset, named as the dataset.
    """
    best = read_best(folder)
    if best is not None:
        ensemble = best_ensemble(best, trust, checkpoint=checkpoint)
        return Chosen(ensemble, (f"best: {best.name}",), tuple(outdated(best, ensemble)))
    models = models_in(folder)
    if len(models) != 1:
        raise _undecided(folder, models, configurations_of(models))
    only = folder_model(folder / next(iter(models)).name, None, trust, checkpoint=checkpoint)
    return replace(only, said=(f"the only trained model: {next(iter(models)).name}", *only.said[1:]))


def _undecided(folder: Path, models: Iterable[Model], cures: Sequence[Cure]) -> SegconvError:
    """Return the error for no model, or for several of which none is the best."""
    names = ", ".join(model.name for model in models)
    what = f"the best of {names} has not been found yet" if names else "no model is trained"
    hint = "name the folder of one of them" if names and not cures else ""
    return SegconvError(what, code="SC010", file=str(folder), hint=hint, cures=cures)
