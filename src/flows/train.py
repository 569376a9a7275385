"""Train folds of a model on one slot or several, after checking what they would be trained on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..dataset.layout import Dataset
from ..errors import Cure, Finding, Interrupted, Refused
from ..train import known_trainers as trainers
from ..train.device import CPU, chosen_device
from ..train.epoch_time import epoch_time
from ..train.folds import FoldState, state_of
from ..train.holds import training
from ..train.model import Model, log_file
from ..train.paths import Paths
from ..train.queue import HERE, Job, Outcome, Slot, run_jobs
from ..train.steps import Step, Wish, next_step
from ..train.trainer_check import refuse_unimportable
from ..train.trainer_length import length_of
from ..train.trainer_list import Trainer
from ..train.training import FoldResult, TrainOptions, failed, refuse_foreign, run_fold
from ..train.untrusted_models import NO_TRUST, Trust
from ..work.scratch import Warn
from .asked import refuse_unknown_names
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


@dataclass(frozen=True)
class _Work:
    """What is left to do, and the trainer that does it.

    Parameters
    ----------
    steps
        Fold → its next step.
    trainer
        None if nothing is left to do: then it need not exist any more.
    known
        All trainers.
    """

    steps: Mapping[str, Step]
    trainer: Trainer | None = None
    known: Sequence[Trainer] = ()

    @classmethod
    def of(cls, model: Model, states: Iterable[FoldState], paths: Paths, options: TrainOptions) -> _Work:
        """Return what is left to do; refuse an unknown trainer before anything of the dataset is read."""
        steps = {state.fold: next_step(state, options.wish, probabilities=options.probabilities) for state in states}
        if set(steps.values()) == {Step.NONE}:
            return cls(steps)
        known = trainers.list_trainers(paths.trainers)
        return cls(steps, trainers.find_trainer(model.trainer, known, paths.trainers), known)

    def begin(self, model: Model, paths: Paths, options: TrainOptions, trust: Trust) -> TrainOptions:
        """Refuse what must not or cannot run; return the options with the device that is chosen."""
        if self.trainer is None:
            return options
        refuse_foreign(model, paths, trust)
        refuse_unimportable(self.trainer, paths, log_file(paths, model.dataset, "trainer"))
        options = replace(options, device=chosen_device(options.device))
        if options.foretold is not None and options.device == CPU and not self._only_validates:
            options.foretold(epoch_time(model, paths, length_of(self.trainer, self.known)))
        return options

    @property
    def _only_validates(self) -> bool:
        return set(self.steps.values()) <= {Step.NONE, Step.VALIDATE}


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
        another run trains one of the folds or plans the dataset; what `make_ready`, `refuse_foreign` and
        `refuse_unimportable` raise.
    Interrupted
        By Ctrl-C or SIGTERM; it says at which epoch each fold resumes.
    """
    folders = {fold: model.fold_folder(paths, fold) for fold in folds}
    with training(paths, model.dataset, folders.values()):
        states = [state_of(folder) for folder in folders.values()]
        work = refuse_unknown_names(dataset, model, folds, paths, lambda: _Work.of(model, states, paths, options))
        warnings = make_ready(
            dataset,
            model,
            folds,
            paths,
            replaced=folds if options.wish is Wish.AGAIN else (),
            readers=options.readers,
            allow_leaks=options.allow_leaks,
        )
        if warn is not None and warnings:
            warn(warnings)
        options = work.begin(model, paths, options, trust)
        finished_first = sorted(folds, key=lambda fold: work.steps[fold] is not Step.NONE)
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
    words = f"resumes at epoch {state.epoch} from {state.whole[0]}" if state.begun else "begins at epoch 0"
    if state.trained:
        words = "is trained, and still to be validated"
    return f"{words}, until when the old one is kept" if state.kept else words
