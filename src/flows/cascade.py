"""Train a cascade: all folds of the first stage, its predictions for the next stage, then the next stage.

nnU-Net predicts for the next stage when it validates a fold, case by case for those that the fold holds back. So all
folds of a stage are needed before the next one can train on any. A case that it could not predict is only
mentioned in a log, and training the next stage fails hours later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from ..dataset.layout import Dataset
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import Splits, read_splits
from ..errors import Finding, SegconvError, refuse_if_any
from ..train.cascades import stages
from ..train.complete import Stored, missing_stage
from ..train.folds import ALL, OUTDATED, SUMMARY, VALIDATION, state_of
from ..train.holds import reading
from ..train.holds import training as training_lock
from ..train.known_trainers import refuse_unknown_trainers
from ..train.model import Model
from ..train.paths import Paths
from ..train.queue import HERE, Slot
from ..train.training import TrainOptions, next_stage_folder
from ..train.untrusted_models import NO_TRUST, Trust
from ..words import count_of, some_of
from ..work import fsops
from ..work.scratch import Warn
from ..work.writing import writing
from .asked import refuse_unknown, refuse_unknown_names
from .numbered import Begun, Steps
from .ready import make_ready
from .train import Ended, Training, train_folds


@dataclass(frozen=True)
class StageTraining:
    """How the training of a stage ended.

    Parameters
    ----------
    model
        The stage.
    training
        Its folds.
    predicted
        Number of cases that it predicted for the next stage; None for the last stage, and after a failure.
    """

    model: Model
    training: Training
    predicted: int | None = None


@dataclass(frozen=True)
class CascadeTraining:
    """How the training of a cascade ended.

    Parameters
    ----------
    stages
        Those that were trained, from the first on; after one with failures there are no others.
    """

    stages: tuple[StageTraining, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Why folds failed."""
        return tuple(failure for stage in self.stages for failure in stage.training.failures)


@dataclass(frozen=True)
class Callbacks:
    """What is called while a cascade is trained.

    Parameters
    ----------
    begun
        Called when a step begins.
    ended
        Called when a fold ends.
    warn
        Called with warnings, once before the first fold of each stage.
    """

    begun: Callable[[Begun], None] = field(default=lambda _: None)
    ended: Ended | None = None
    warn: Warn | None = None


SILENT = Callbacks()


def train_cascade(
    dataset: Dataset,
    model: Model,
    folds: Sequence[str],
    paths: Paths,
    options: TrainOptions,
    trust: Trust = NO_TRUST,
    *,
    slots: Sequence[Slot] = (HERE,),
    callbacks: Callbacks = SILENT,
) -> CascadeTraining:
    """Do for a cascade what is left to do; the same call resumes.

    Parameters
    ----------
    dataset
        The dataset in ``nnUNet_raw``.
    model
        The last stage.
    folds
        Folds of the last stage; all of the split if empty. Of the stages before it, all folds are trained.
    options, trust, slots
        As in `train_folds`, for every stage.

    Raises
    ------
    Refused
        ``SC115`` for each case that a validated fold did not predict for the next stage, with that fold, before
        anything is trained and again before the next stage; ``SC151`` for cases that no fold validates.
    SegconvError
        What `stages`, `make_ready` and `train_folds` raise.
    Interrupted
        By Ctrl-C or SIGTERM.
    """
    refuse_unknown_names(dataset, model, folds, paths, lambda: refuse_unknown_trainers([model.trainer], paths))
    chain = stages(model, paths)
    with reading(paths, model.dataset):
        # which writes the folds
        make_ready(dataset, chain[0], ("0",), paths, readers=options.readers, allow_leaks=options.allow_leaks)
        splits = read_splits(chain[0].plans_file(paths).with_name(SPLITS_FILE))
    refuse_unknown(folds, splits)
    every = tuple(map(str, range(len(splits))))
    wanted = tuple(folds) or every
    links = tuple(pairwise(chain))
    _refuse_uncovered(splits, wanted, chain[0], paths)
    for before, after in links:
        _outdate_validations(before, after, every, paths)
    refuse_if_any(
        finding for link in links for finding in _missing(*link, splits, _validated(link[0], splits, paths), paths)
    )
    steps = Steps(2 * len(links) + 1, callbacks.begun)
    train = partial(
        train_folds,
        dataset,
        paths=paths,
        options=options,
        trust=trust,
        slots=slots,
        warn=callbacks.warn,
        ended=callbacks.ended,
    )
    made: list[StageTraining] = []
    for before, after in links:
        steps.begin(f"train {before.configuration}, folds {', '.join(every)}")
        training = train(before, every)
        if training.failures:
            return CascadeTraining((*made, StageTraining(before, training)))
        cases = _used(splits, wanted)
        refuse_if_any(_missing(before, after, splits, cases, paths))
        steps.begin(
            f"{before.configuration} has predicted all {count_of(len(cases), 'case')} for {after.configuration}"
        )
        made.append(StageTraining(before, training, len(cases)))
    steps.begin(f"train {model.configuration}, folds {', '.join(wanted)}")
    return CascadeTraining((*made, StageTraining(model, train(model, wanted))))


def _used(splits: Splits, folds: Sequence[str]) -> set[str]:
    """Return the cases that some folds train on or validate; those of `ALL` are in any fold."""
    chosen = splits[:1] if ALL in folds else [splits[int(fold)] for fold in folds]
    return {case for fold in chosen for part in fold.values() for case in part}


def _validated(model: Model, splits: Splits, paths: Paths) -> set[str]:
    """Return the cases that trained and validated folds of a stage hold back."""
    complete = [state_of(model.fold_folder(paths, str(number))).complete for number in range(len(splits))]
    return {case for fold, whole in zip(splits, complete, strict=True) if whole for case in fold["val"]}


def _missing(before: Model, after: Model, splits: Splits, cases: set[str], paths: Paths) -> list[Finding]:
    """Return an error for each case that a stage has not predicted for the next one."""
    folder = next_stage_folder(after, before.configuration, paths)
    return missing_stage(folder, cases, splits, before.words)


def _outdate_validations(before: Model, after: Model, folds: Sequence[str], paths: Paths) -> None:
    """Let folds be validated again if none has predicted for a stage, which then was derived after they were validated.

    Their summaries are renamed, so that an interrupted run goes on with the others.
    """
    if Stored.of(next_stage_folder(after, before.configuration, paths)).names:
        return
    folders = [before.fold_folder(paths, fold) for fold in folds]
    complete = [folder / VALIDATION for folder in folders if state_of(folder).complete]
    with training_lock(paths, before.dataset, folders):
        for folder in complete:
            with writing(folder):
                fsops.rename(folder / SUMMARY, folder / OUTDATED)


def _refuse_uncovered(splits: Splits, folds: Sequence[str], first: Model, paths: Paths) -> None:
    """Refuse cases that no fold holds back: after days, the first stage would not have predicted them."""
    held_back = {case for fold in splits for case in fold["val"]}
    if never := sorted(_used(splits, folds) - held_back):
        what = f"no fold holds back {some_of(never)}: the first stage would not predict them for the next"
        file = first.plans_file(paths).with_name(SPLITS_FILE)
        raise SegconvError(what, code="SC151", file=str(file), hint="let each case be in the validation of one fold")
