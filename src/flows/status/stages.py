"""Judge each stage on the way from a raw dataset to predictions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...dataset import history
from ...dataset.lineage import TEST
from ...dataset.splits import DEFAULT_FOLDS, leaks, read_splits
from ...errors import Cure, SegconvError
from ...train.best import Best, read_best
from ...train.folds import ALL, FoldState
from ...train.inputs import changes_since
from ...train.model import DEFAULT_PLANS, DEFAULT_TRAINER, Model
from ...words import count_of, some_of
from .look import FIRST_CHOICES, Look

DONE, PARTLY, OPEN, STALE, WRONG = "done", "partly", "open", "stale", "wrong"
"""States of a stage: done, begun, not begun, made from something that changed since, or unusable."""


@dataclass(frozen=True)
class Stage:
    """A stage on the way from a raw dataset to predictions.

    Parameters
    ----------
    name
        ``"raw"``, ``"checked"``, ``"split"``, ``"planned"``, ``"preprocessed"``, ``"trained"``, ``"best"`` or
        ``"predicted"``.
    state
        `DONE`, `PARTLY`, `OPEN`, `STALE` or `WRONG`.
    detail
        In words.
    next
        What to do; None if nothing is left to do.
    """

    name: str
    state: str
    detail: str
    next: Cure | None = None


def _raw(look: Look) -> Stage:
    run, tests = look.dataset.run, len(look.dataset.cases(TEST))
    made = f", made by segconv {run.command}" if run is not None and run.command else ""
    detail = f"{count_of(len(look.cases), 'training case')}, {count_of(tests, 'test case')}{made}"
    if not look.cases:
        return Stage("raw", WRONG, "no training cases", Cure.of("check", dataset=look.id))
    return Stage("raw", DONE, detail)


def _checked(look: Look) -> Stage:
    check = Cure.of("check", dataset=look.id)
    event = history.last(look.dataset.path, history.CHECKED)
    if event is None:
        # Planning checks the dataset as well, whoever did it.
        return Stage("checked", OPEN, "no check is recorded", None if look.plans else check)
    if event.get("identity") != history.identity(look.dataset.path):
        return Stage("checked", STALE, "the dataset changed since", check)
    errors, warnings = event.get("errors", 0), event.get("warnings", 0)
    if errors:
        return Stage("checked", WRONG, f"{count_of(errors, 'error')}, {count_of(warnings, 'warning')}", check)
    return Stage("checked", DONE, f"no errors, {count_of(warnings, 'warning')}")


def _split(look: Look) -> Stage:
    if look.splits_file is None:
        return Stage("split", OPEN, f"training will write nnU-Net's {DEFAULT_FOLDS} random folds")
    try:
        splits = read_splits(look.splits_file)
        leaking = leaks(splits, look.dataset.records())
    except SegconvError as error:
        return Stage("split", WRONG, error.message, Cure.of("check", dataset=look.id))
    if leaking:
        return Stage("split", WRONG, leaking[0].message, Cure.of("check", dataset=look.id))
    used = {case for fold in splits for part in fold.values() for case in part}
    if used != look.cases:
        what = some_of(sorted(used ^ look.cases))
        return Stage("split", STALE, f"folds and dataset differ in {what}", Cure.of("check", dataset=look.id))
    return Stage("split", DONE, f"{count_of(len(splits), 'fold')}, no leak is known")


def _planned(look: Look) -> Stage:
    if look.preprocessed is None:
        return Stage("planned", OPEN, "nnUNet_preprocessed is not set", Cure.of("show_folders"))
    if not look.plans:
        return Stage("planned", OPEN, "not planned", Cure.of("plan", dataset=look.id))
    named = (f"{plans}: {', '.join(configurations)}" for plans, configurations in look.plans.items())
    return Stage("planned", DONE, "; ".join(named))


def _preprocessed(look: Look) -> Stage:
    """Judge each folder of preprocessed cases: those that exist must be complete, and made from what is there."""
    if look.preprocessed is None or not look.stored:
        return Stage("preprocessed", OPEN, "nothing is preprocessed")
    begun = {data: stored for data, stored in look.stored.items() if stored.cases}
    for data in begun:
        if defect := _incomplete(look, data) or _outdated(look, data):
            return Stage("preprocessed", *defect, _preprocess(look, look.configuration_of[data]))
    if not begun:
        names = list(look.configuration_of.values())
        first = next((name for name in FIRST_CHOICES if name in names), names[0])
        return Stage("preprocessed", OPEN, "nothing is preprocessed", _preprocess(look, first))
    return Stage("preprocessed", DONE, ", ".join(begun))


def _incomplete(look: Look, data: str) -> tuple[str, str] | None:
    """Return the state, and words for it, of a folder that does not hold exactly the cases of the dataset."""
    cases = look.stored[data].cases
    if cases == look.cases:
        return None
    state = PARTLY if cases < look.cases else STALE
    return state, f"{data}: {len(cases & look.cases)} of {count_of(len(look.cases), 'case')}"


def _outdated(look: Look, data: str) -> tuple[str, str] | None:
    """Return the state, and words for it, of a folder that was made before files of the dataset changed."""
    assert look.preprocessed is not None  # noqa: S101 - there are preprocessed cases
    since = changes_since(look.dataset, look.preprocessed, data)
    if not since:
        return None
    return STALE, f"{data}: changed since: {some_of((*since.changed, *since.added, *since.removed))}"


def _preprocess(look: Look, name: str) -> Cure:
    return Cure.of("preprocess", dataset=look.id, configuration=name)


def _trained(look: Look) -> Stage:
    if not look.models:
        return Stage("trained", OPEN, "no model is trained", _train(look, look.first_model, look.folds))
    details = [f"{model.name}: {_of_folds(states)}" for model, states in look.models.items()]
    unfinished = [model for model in look.models if look.left(model)]
    if len(unfinished) == len(look.models):
        # A user finishes what was begun last.
        model = max(unfinished, key=lambda model: max(_times(look.models[model])))
        left = look.left(model)
        return Stage("trained", PARTLY, "; ".join(details), _train(look, model, left))
    return Stage("trained", DONE, "; ".join(details))


def _train(look: Look, model: Model, folds: Sequence[str]) -> Cure:
    options = {}
    if model.trainer != DEFAULT_TRAINER:
        options["trainer"] = model.trainer
    if model.plans != DEFAULT_PLANS:
        options["plans"] = model.plans
    return Cure.of("train", dataset=look.id, configuration=model.configuration, fold=",".join(folds), **options)


def _of_folds(states: dict[str, FoldState]) -> str:
    """Return ``folds 0, 1 trained, fold 2 at epoch 3 of 5``."""
    complete = [fold for fold, state in states.items() if state.complete]
    words = [f"{'folds' if len(complete) > 1 else 'fold'} {', '.join(complete)} trained"] if complete else []
    for fold, state in states.items():
        if not state.complete:
            of = f" of {state.epochs}" if state.epochs else ""
            words.append(f"fold {fold} not validated" if state.trained else f"fold {fold} at epoch {state.epoch}{of}")
    return ", ".join(words)


def _times(states: dict[str, FoldState]) -> Iterator[int]:
    for state in states.values():
        yield state.folder.stat().st_mtime_ns


def _best(look: Look) -> Stage:
    ready = [model for model, states in look.models.items() if ALL not in states and not look.left(model)]
    find = _find(look, ready)
    if look.results is None or not look.models:
        return Stage("best", OPEN, "no model to compare")
    try:
        best = read_best(look.results)
    except SegconvError as error:
        return Stage("best", WRONG, error.message, find)
    if best is None:
        return Stage("best", OPEN, "not compared", find)
    detail = f"{best.name}, Dice {best.dice_postprocessed:.4f}"
    if later := _trained_since(look, best):
        return Stage("best", STALE, f"{detail}; trained since: {some_of(later)}", find)
    return Stage("best", DONE, detail)


def _find(look: Look, ready: Sequence[Model]) -> Cure | None:
    """Return how to compare the models of which all folds are validated; None without any."""
    if not ready:
        return None
    some = {} if len(ready) == len(look.models) else {"configurations": [model.configuration for model in ready]}
    saved = all(state.probabilities for model in ready for state in look.models[model].values())
    kind = "find_best" if saved or len(ready) == 1 else "find_best_single"
    return Cure.of(kind, dataset=look.id, **some)


def _trained_since(look: Look, best: Best) -> list[str]:
    found = best.file.stat().st_mtime_ns
    return [
        model.name
        for model, states in look.models.items()
        if any(
            (state.folder / name).stat().st_mtime_ns > found for state in states.values() for name in state.whole[:1]
        )
    ]


def _predicted(look: Look) -> Stage:
    usable = any(state.trained for states in look.models.values() for state in states.values())
    event = history.last(look.dataset.path, history.PREDICTED)
    predict = Cure.of("predict", dataset=look.id, **_inputs(look)) if usable else None
    if event is None:
        return Stage("predicted", OPEN, "no prediction is recorded", predict)
    if not os.path.isdir(str(event.get("output", ""))):
        return Stage("predicted", OPEN, f"{event.get('output')} no longer exists", predict)
    return Stage("predicted", DONE, f"{count_of(int(event.get('files', 0)), 'file')} in {event['output']}")


def _inputs(look: Look) -> dict[str, str]:
    """Return where images to predict are, if the dataset has some."""
    if not look.dataset.cases(TEST):
        return {}
    return {"inputs": str(look.dataset.path / "imagesTs"), "output": f"predictions_{look.name}"}


STAGES = (_raw, _checked, _split, _planned, _preprocessed, _trained, _best, _predicted)
"""In their order."""
