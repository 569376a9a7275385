"""Name the trained models of a dataset to a user who asked for another one, nearest first."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import Cure
from ..words import some_of
from .checkpoints import FINAL
from .folds import ALL, states_of
from .model import DEFAULT_PLANS, Model, plans_file, trained_folds
from .paths import Paths
from .plans import read_plans
from .unplanned import usual_first

_OFFERED = 3
"""How many models are offered."""


def models_in(folder: Path) -> dict[Model, tuple[str, ...]]:
    """Return the models of a dataset that have a fold with finished training → these folds.

    Parameters
    ----------
    folder
        Results of the dataset, named as the dataset.
    """
    found = {}
    for path in sorted(folder.glob("*__*__*/plans.json")):
        if folds := trained_folds(path.parent):
            found[named_as(path.parent)] = folds
    return found


def named_as(folder: Path) -> Model:
    """Return the model that the folder of a model is named for."""
    trainer, plans, configuration = folder.name.split("__", 2)
    return Model(folder.parent.name, configuration, trainer, plans)


def in_words(models: dict[Model, tuple[str, ...]]) -> str:
    """Return what is trained, such as ``; trained are 2d with nnUNetTrainer (fold 0)``; empty for nothing."""
    named = [f"{_name(model)} (fold {some_of(list(folds), 5)})" for model, folds in models.items()]
    return f"; trained {'is' if len(named) == 1 else 'are'} {some_of(named, _OFFERED)}" if named else ""


def _name(model: Model) -> str:
    plans = "" if model.plans == DEFAULT_PLANS else f" and {model.plans}"
    return f"{model.configuration} with {model.trainer}{plans}"


def offers(models: dict[Model, tuple[str, ...]], asked: Model | None = None) -> list[Cure]:
    """Return how to take models instead, those first that are most like what was asked for."""
    nearest = sorted(models, key=lambda model: -_likeness(model, asked)) if asked is not None else list(models)
    return [_offer(model, models[model]) for model in nearest[:_OFFERED]]


def configurations_of(models: Iterable[Model]) -> list[Cure]:
    """Return how to take each model that is the only one of its configuration."""
    count = Counter(model.configuration for model in models)
    only = [name for name, number in count.items() if number == 1]
    return [Cure.of("choose_configuration", configuration=name) for name in only[:_OFFERED]]


def _offer(model: Model, folds: Sequence[str]) -> Cure:
    words = {name: value for name, value in model.words.items() if name != "dataset"}
    numbered = [fold for fold in folds if fold != ALL] or folds
    return Cure.of("choose_trained", **words, fold=",".join(numbered))


def offer_of_begun(folder: Path) -> list[Cure]:
    """Return how to predict with a fold of a model whose training is not finished, if one can be."""
    begun = [(fold, state) for fold, state in states_of(folder).items() if state.begun]
    return [Cure.of("choose_checkpoint", fold=fold, checkpoint=state.whole[0]) for fold, state in begun[:1]]


def _likeness(model: Model, asked: Model | None) -> float:
    if asked is None:
        return 0.0
    names = ((model.configuration, asked.configuration), (model.trainer, asked.trainer), (model.plans, asked.plans))
    return sum(difflib.SequenceMatcher(None, *pair).ratio() + (pair[0] == pair[1]) for pair in names)


def training_of(dataset: str, paths: Paths) -> Cure:
    """Return how to train a first model of a dataset, or to plan it if that is still to be done."""
    file = plans_file(paths, dataset) if paths.preprocessed is not None else None
    if file is None or not file.is_file():
        return Cure.of("plan", dataset=Model(dataset, "").words["dataset"])
    first = usual_first(read_plans(file)["configurations"])[:1]
    return Cure.of("train", **Model(dataset, *first or ("2d",)).words, fold="0")


def other_folds(folder: Path, checkpoint: str) -> tuple[str, ...]:
    """Return the folds of a model that have a checkpoint of a name."""
    if checkpoint == FINAL:
        return trained_folds(folder)
    return tuple(sorted(path.parent.name.removeprefix("fold_") for path in folder.glob(f"fold_*/{checkpoint}")))
