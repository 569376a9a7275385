"""Train folds of a model on one slot or several, after checking what they would be trained on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..dataset.layout import Dataset
from ..errors import Cure, Finding, Interrupted, Refused
from ..train import known_trainers as trainers
from ..train.device import chosen_device
from ..train.folds import FoldState, state_of
from ..train.holds import training
from ..train.model import Model
from ..train.paths import Paths
from ..train.queue import HERE, Job, Outcome, Slot, run_jobs
from ..train.steps import Step, Wish, next_step
from ..train.training import FoldResult, TrainOptions, failed, refuse_foreign, run_fold
from ..train.untrusted_models import NO_TRUST, Trust
from ..work.scratch import Warn
from .ready import make_ready

Ended = Callable[[Outcome[FoldResult]], None]


@dataclass(frozen=True)
class Training:
    """How the training of several folds ended.

    Parameters
    ----------
    done
        The folds that did not fail, those included that were finished before.
    failures
        Why others failed.
    warnings
        What was odd before they began.
    """

    done: tuple[FoldResult, ...]
    failures: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()

    def refuse_failures(self) -> None:
        """Raise `Refused` if a fold failed."""
        if self.failures:
            raise Refused(reasons=self.failures)


def train_folds(
    dataset: Dataset,
    model: Model,
    folds: Sequence[str],
    paths: Paths,
    options: TrainOptions,
    trust: Trust = NO_TRUST,
    *,
    slots: Sequence[Slot] = (HERE,),
    warn: Warn | None = None,
    ended: Ended | None = None,
) -> Training:
    """Do for each fold what is left to do: nothing, the validation, the rest of its training, or all of it.

    All folds are locked throughout: no other run trains one of them or plans the dataset again. A fold that fails
    does not stop the others.

    Parameters
    ----------
    slots
        Where they run, one fold at a time on each; see `gpu_slots`.
    warn
        Called with warnings before the first fold begins.
    ended
        Called when a fold ends.

    Raises
    ------
    SegconvError
        ``SC010`` if there is nothing to resume or validate; what `find_trainer` raises; ``SC035`` if
        another run trains one of the folds or plans the dataset; what `make_ready` and `refuse_foreign` raise.
    Interrupted
        By Ctrl-C or SIGTERM; it says at which epoch each fold resumes.
    """
    folders = {fold: model.fold_folder(paths, fold) for fold in folds}
    with training(paths, model.dataset, folders.values()):
        replaced = folds if options.wish is Wish.AGAIN else ()
        warnings = make_ready(
            dataset,
            model,
            folds,
            paths,
            replaced=replaced,
            readers=options.readers,
            allow_leaks=options.allow_leaks,
        )
        steps = {
            fold: next_step(state_of(folder), options.wish, probabilities=options.probabilities)
            for fold, folder in folders.items()
        }
        if warn is not None and warnings:
            warn(warnings)
        if set(steps.values()) != {Step.NONE}:
            trainers.find_trainer(model.trainer, trainers.list_trainers(paths.trainers), paths.trainers)
            refuse_foreign(model, paths, trust)
            options = replace(options, device=chosen_device(options.device))
        finished_first = sorted(folds, key=lambda fold: steps[fold] is not Step.NONE)
        jobs = [
            Job(fold, partial(run_fold, model, fold, paths, _naming(fold, options, slots), trust))
            for fold in finished_first
        ]
        try:
            outcomes = run_jobs(jobs, slots, ended=ended)
        except KeyboardInterrupt as error:
            raise _interrupted(error, [state_of(folder) for folder in folders.values()]) from None
    return _training(outcomes, folds, warnings)


def _naming(fold: str, options: TrainOptions, slots: Sequence[Slot]) -> TrainOptions:
    """Return options that name the fold of each line, if lines of several folds may come at once."""
    tell = options.tell
    return options if tell is None or len(slots) == 1 else replace(options, tell=lambda line: tell(f"{fold}: {line}"))


def _training(outcomes: Iterable[Outcome[FoldResult]], folds: Sequence[str], early: Iterable[Finding]) -> Training:
    """Return how the folds ended, in the order in which they were asked for."""
    in_order = sorted(outcomes, key=lambda outcome: folds.index(outcome.name))
    done = tuple(outcome.value for outcome in in_order if outcome.value is not None)
    failures = tuple(failed(found.error, found.name) for found in in_order if found.error is not None)
    return Training(done, failures, tuple(early))


def _interrupted(error: KeyboardInterrupt, states: Sequence[FoldState]) -> Interrupted:
    """Return an interruption that says what is kept of each fold."""
    number = int(error.args[0]) if error.args else signal.SIGINT
    words = "; ".join(f"fold {state.fold} {_kept(state)}" for state in states)
    return Interrupted(f"interrupted: {words}", signal_number=number, cures=[Cure.of("same_command_resumes")])


def _kept(state: FoldState) -> str:
    if state.complete:
        return "is trained"
    words = f"resumes at epoch {state.epoch}" if state.begun else "begins at epoch 0"
    if state.trained:
        words = "is trained, and still to be validated"
    return f"{words}, until when the old one is kept" if state.kept else words
