"""Train folds of a model on one slot or several, after checking what they would be trained on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..dataset.layout import DESCRIPTION, Dataset
from ..errors import Cure, Finding, Interrupted, Refused
from ..train import known_trainers as trainers
from ..train.cluster import Cluster, FoldCall, FoldJob, Watch, go_on, run_in_job
from ..train.device import CPU, chosen_device
from ..train.epoch_time import epoch_time
from ..train.folds import FoldState, kept_words, state_of
from ..train.holds import reading, submitting, training
from ..train.model import Model, log_file
from ..train.paths import Paths
from ..train.queue import HERE, Job, Outcome, Slot, run_jobs
from ..train.steps import Step, Wish, next_step
from ..train.trainer_check import refuse_unimportable
from ..train.trainer_length import length_of
from ..train.trainer_list import Trainer
from ..train.training import FoldResult, TrainOptions, failed, refuse_foreign, run_fold, training_log
from ..train.untrusted_models import NO_TRUST, Trust
from ..work.backends.shared import Required
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
    def finished_first(self) -> list[str]:
        """The folds, and first those with nothing left to do."""
        return sorted(self.steps, key=lambda fold: self.steps[fold] is not Step.NONE)

    @property
    def _only_validates(self) -> bool:
        return set(self.steps.values()) <= {Step.NONE, Step.VALIDATE}


@dataclass(frozen=True)
class _Asked:
    """Which folds to train."""

    dataset: Dataset
    model: Model
    folds: tuple[str, ...]
    paths: Paths
    trust: Trust

    @property
    def folders(self) -> dict[str, Path]:
        """Fold → its folder."""
        return {fold: self.model.fold_folder(self.paths, fold) for fold in self.folds}

    def prepare(self, options: TrainOptions, warn: Warn | None) -> tuple[_Work, list[Finding], TrainOptions]:
        """Refuse what must not or cannot run; return what is left to do, warnings, and options with the device."""
        model, paths = self.model, self.paths
        states = [state_of(folder) for folder in self.folders.values()]
        work = refuse_unknown_names(
            self.dataset, model, self.folds, paths, lambda: _Work.of(model, states, paths, options)
        )
        warnings = make_ready(
            self.dataset,
            model,
            self.folds,
            paths,
            replaced=self.folds if options.wish is Wish.AGAIN else (),
            readers=options.readers,
            allow_leaks=options.allow_leaks,
        )
        if warn is not None and warnings:
            warn(warnings)
        return work, warnings, work.begin(model, paths, options, self.trust)

    def here(self, fold: str, options: TrainOptions) -> Callable[[Slot], FoldResult]:
        """Return what trains a fold on a slot of this machine."""
        return partial(run_fold, self.model, fold, self.paths, options, self.trust)

    def in_job(self, fold: str, options: TrainOptions, cluster: Cluster) -> Callable[[Slot], FoldResult]:
        """Return what lets a job train a fold."""
        model, paths = self.model, self.paths
        train = partial(train_again, self.dataset.path, model, [fold], paths, options.in_job, self.trust)
        call = FoldCall(fold, train, Required.of([model.plans_file(paths), self.dataset.path / DESCRIPTION]))
        name = f"segconv-{self.dataset.name.id}-{model.configuration}-{fold}"
        watch = self.watch(fold, options)
        return lambda _: run_in_job(cluster, call, watch, name, options.device, options.gpus)

    def going_on(
        self, fold: str, options: TrainOptions, cluster: Cluster, job: FoldJob
    ) -> Callable[[Slot], FoldResult]:
        """Return what follows a job that was left."""
        watch = self.watch(fold, options)
        return lambda _: go_on(cluster, job, watch)

    def watch(self, fold: str, options: TrainOptions) -> Watch:
        """Return what hears of the job of a fold."""
        folder, log = self.folders[fold], training_log(self.model, fold, self.paths)
        return Watch(fold, folder, log, options.heard or (lambda _: None), options.tell or (lambda _: None))


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
    does not stop the others. With `TrainOptions.cluster`, each fold that is not finished is trained by a job, which
    does what this function does for a single fold.

    Parameters
    ----------
    slots
        Where they run, one fold at a time on each; see `gpu_slots`. Not used with a cluster.
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
    asked = _Asked(dataset, model, tuple(folds), paths, trust)
    try:
        if options.cluster is not None:
            warnings, outcomes = _in_jobs(asked, options, options.cluster, warn, ended)
        else:
            with training(paths, model.dataset, asked.folders.values()):
                work, warnings, options = asked.prepare(options, warn)
                jobs = [Job(fold, asked.here(fold, _naming(fold, options, slots))) for fold in work.finished_first]
                outcomes = run_jobs(jobs, slots, ended=ended)
    except KeyboardInterrupt as error:
        raise _interrupted(error, [state_of(folder) for folder in asked.folders.values()]) from None
    return _training(outcomes, folds, warnings)


def train_again(path: Path, *arguments: Any, ended: Ended) -> Training:
    """Do as `train_folds` with the dataset in a folder, which another process may have opened before."""
    return train_folds(Dataset.open(path), *arguments, ended=ended)


def _in_jobs(
    asked: _Asked, options: TrainOptions, cluster: Cluster, warn: Warn | None, ended: Ended | None
) -> tuple[list[Finding], list[Outcome[FoldResult]]]:
    """Check the folds as for this machine, and then let a job train each; the job itself locks the fold.

    Jobs that go on after their command was killed are followed.
    """
    cluster.ready()
    slots = cluster.slots(len(asked.folds))
    with submitting(asked.paths, asked.folders.values()):
        left = {fold: job for fold, folder in asked.folders.items() if (job := cluster.left(folder)) is not None}
        jobs = [
            Job(fold, asked.going_on(fold, _naming(fold, options, slots), cluster, job)) for fold, job in left.items()
        ]
        rest = replace(asked, folds=tuple(fold for fold in asked.folds if fold not in left))
        warnings: list[Finding] = []
        if rest.folds:
            with training(asked.paths, asked.model.dataset, rest.folders.values()):
                work, warnings, options = rest.prepare(replace(options, foretold=None), warn)
            for fold in work.finished_first:
                how = _naming(fold, options, slots)
                done = work.steps[fold] is Step.NONE
                jobs.append(Job(fold, rest.here(fold, how) if done else rest.in_job(fold, how, cluster)))
        with reading(asked.paths, asked.model.dataset):
            return warnings, run_jobs(jobs, slots, ended=ended)


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
    words = "; ".join(f"fold {state.fold} {kept_words(state)}" for state in states)
    return Interrupted(f"interrupted: {words}", signal_number=number, cures=[Cure.of("same_command_resumes")])
