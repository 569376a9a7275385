"""Fine-tune: train folds of a dataset from the weights of a model that was trained on another one.

Weights fit only a network of the same topology, which nnU-Net plans for each dataset. So the plans of the dataset are
moved to the pretraining dataset, which is preprocessed and trained on with them, and then the dataset itself is
trained from these weights. Each step is skipped if it is done, so that the same call resumes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import reading
from ..dataset.layout import Dataset
from ..errors import Cure, Finding, SegconvError, naming, refuse_if_any, warning
from ..train.checkpoints import FINAL
from ..train.commands import PlanOptions
from ..train.folds import ALL, state_of
from ..train.holds import preprocessing
from ..train.known_trainers import refuse_unknown_trainers
from ..train.model import Model
from ..train.moved_plans import copy_plans, move_plans
from ..train.paths import Paths
from ..train.planning_progress import Reporting
from ..train.plans import planned, read_plans
from ..train.queue import HERE, Slot
from ..train.steps import Step, next_step
from ..train.training import TrainOptions, refuse_foreign
from ..train.untrusted_models import NO_TRUST, Trust
from ..train.weights import Transfer, Weights, described, network_shapes, read_weights, refuse_misfits, transfer
from ..work.scratch import Warn
from .asked import refuse_unknown_names
from .numbered import Begun, Steps
from .plan import plan_dataset
from .splits.before_training import judge_planned
from .train import Ended, Training, train_folds

PICTURES = "NaturalImage2DIO"
"""nnU-Net's reader of pictures, which have no third axis."""

_BLOCK = 1 << 20
_DIGITS = 8
"""How many digits of its SHA-256 name a checkpoint."""


@dataclass(frozen=True)
class Pretraining:
    """What is trained first.

    Parameters
    ----------
    dataset
        The pretraining dataset in ``nnUNet_raw``; it need not be planned.
    trainer
        Name of the trainer class.
    """

    dataset: Dataset
    trainer: str


@dataclass(frozen=True)
class FinetuneOptions:
    """How datasets are preprocessed and trained on.

    Parameters
    ----------
    options, trust, slots
        As in `train_folds`; `TrainOptions.weights` is not used.
    jobs
        Number of workers that check and preprocess the pretraining dataset.
    reporting
        As in `plan_and_preprocess`, for the pretraining dataset.
    begun
        Called when a step begins.
    compared
        Called with the fate of each tensor before the first fold begins.
    ended
        Called when a fold ends.
    warn
        Called with warnings.
    """

    options: TrainOptions
    trust: Trust = NO_TRUST
    slots: Sequence[Slot] = (HERE,)
    jobs: int = 1
    reporting: Reporting = field(default_factory=Reporting)
    begun: Callable[[Begun], None] = field(default=lambda _: None)
    compared: Callable[[Transfer], None] = field(default=lambda _: None)
    ended: Ended | None = None
    warn: Warn | None = None


@dataclass(frozen=True)
class Finetuning:
    """How a fine-tuning ended.

    Parameters
    ----------
    model
        The fine-tuned model; its plans have a name of their own.
    weights
        The checkpoint that its folds began with.
    training
        Its folds; those of the pretraining if that failed.
    """

    model: Model
    weights: Path
    training: Training


def finetune(
    dataset: Dataset, model: Model, folds: Sequence[str], source: Pretraining | Path, paths: Paths, how: FinetuneOptions
) -> Finetuning:
    """Do for a fine-tuning what is left to do; the same call resumes.

    Parameters
    ----------
    dataset
        The dataset in ``nnUNet_raw``, planned and preprocessed.
    model
        Its configuration, trainer and plans. The plans are copied under a name of their own, so that a model that was
        trained from the start is not replaced, and can be compared with.
    folds
        Folds to train.
    source
        What to pretrain on, or a checkpoint.

    Raises
    ------
    SegconvError
        ``SC154`` for datasets that differ in their channels, or of which only one is in 3D; ``SC152`` for a file that
        holds no weights, ``SC153`` for weights that do not fit, before anything is trained from them; ``SC143`` if
        what earlier runs made does not fit what this one would; what `move_plans`, `plan_dataset`, `train_folds` raise.
    Interrupted
        By Ctrl-C or SIGTERM.
    """
    trainers = [model.trainer, *([source.trainer] if isinstance(source, Pretraining) else [])]
    refuse_unknown_names(dataset, model, folds, paths, lambda: refuse_unknown_trainers(trainers, paths))
    options = how.options
    refuse_if_any(judge_planned(dataset, folds, paths, options.readers, allow=options.allow_leaks))
    if isinstance(source, Pretraining):
        return _Run(dataset, model, folds, paths, how, Steps(5, how.begun)).from_dataset(source)
    return _Run(dataset, model, folds, paths, how, Steps(2, how.begun)).from_file(source)


@dataclass
class _Run:
    """A fine-tuning at work."""

    dataset: Dataset
    model: Model
    folds: Sequence[str]
    paths: Paths
    how: FinetuneOptions
    steps: Steps

    def from_file(self, weights: Path) -> Finetuning:
        """Train from a checkpoint."""
        if not reading.is_file(weights):
            raise SegconvError("does not exist, or is no file", code="SC010", file=str(weights))
        name = f"{self.model.plans}From{_sha256(weights)[:_DIGITS]}"
        return self.train(weights, replace(self.model, plans=name))

    def from_dataset(self, source: Pretraining) -> Finetuning:
        """Train from the weights of a dataset, which is trained on first if it was not yet."""
        self.refuse_unlike(source.dataset)
        before = Model(
            source.dataset.path.name,
            self.model.configuration,
            source.trainer,
            f"{self.model.plans}For{self.dataset.name.slot}",
        )
        self.prepare(source.dataset, before)
        pretraining = self.pretrain(source.dataset, before)
        weights = before.fold_folder(self.paths, ALL) / FINAL
        after = replace(self.model, plans=f"{self.model.plans}From{source.dataset.name.slot}")
        if pretraining is not None and pretraining.failures:
            return Finetuning(after, weights, pretraining)
        return self.train(weights, after)

    def refuse_unlike(self, other: Dataset) -> None:
        """Refuse a pretraining dataset whose images a network for this dataset could not read."""
        if other.path.name == self.dataset.path.name:
            raise SegconvError("a dataset cannot be pretrained on itself", file=str(other.path))
        own, its = (each.description.channel_names for each in (self.dataset, other))
        if len(own) != len(its):
            what = f"has {len(its)} channels ({', '.join(its)}), expected {len(own)} ({', '.join(own)})"
            raise SegconvError(what, code="SC154", file=str(other.path))
        if own != its:
            self.warn(
                "SC154", f"has the channels {', '.join(its)}, which are normalised as {', '.join(own)}", other.path
            )

    def warn(self, code: str, what: str, file: Path) -> None:
        found: list[Finding] = [warning(code, what, file=str(file))]
        if self.how.warn is not None:
            self.how.warn(found)

    def prepare(self, other: Dataset, before: Model) -> None:
        """Move the plans to the pretraining dataset, and preprocess it with them."""
        self.steps.begin(f"move {self.model.plans} of {self.dataset.path.name} to {before.dataset}, as {before.plans}")
        with preprocessing(self.paths, before.dataset):
            move_plans(self.model, before, self.paths, tell=self.how.options.tell)
        found = planned(before, self.paths)
        if found.plans.get("image_reader_writer") == PICTURES and len(found.configuration.get("patch_size", ())) > 2:
            raise SegconvError(
                f"holds pictures, and {before.configuration} is in 3D",
                code="SC154",
                file=str(other.path),
                hint="fine-tune a configuration in 2D, or choose another dataset",
            )
        trained = state_of(before.fold_folder(self.paths, ALL)).trained
        self.steps.begin(
            f"preprocess {before.dataset} for {before.configuration}{': not needed any more' if trained else ''}"
        )
        if trained:
            return
        options = PlanOptions(configurations=(before.configuration,), plans_name=before.plans, keep_plans=True)
        plan_dataset(other, self.paths, options, jobs=self.how.jobs, reporting=self.how.reporting, warn=self.how.warn)

    def pretrain(self, other: Dataset, before: Model) -> Training | None:
        """Train on all cases of the pretraining dataset; return None if that is done."""
        trained = state_of(before.fold_folder(self.paths, ALL)).trained
        done = ": done before" if trained else ""
        self.steps.begin(f"pretrain {before.configuration} on all cases of {before.dataset}{done}")
        if trained:
            return None  # only the validation may be missing, which is on the same cases
        if before.trainer != self.model.trainer:
            self.refuse_other_network(before)
        return self.train_folds(other, before, [ALL], replace(self.how.options, probabilities=False, weights=None))

    def train(self, weights: Path, after: Model) -> Finetuning:
        """Compare the weights with the network, and train from them."""
        states = [state_of(after.fold_folder(self.paths, fold)) for fold in self.folds]
        begins = any(next_step(state, self.how.options.wish) is Step.BEGIN for state in states)
        why = "" if begins else ": no fold begins with them"
        self.steps.begin(f"compare the tensors of {weights} with the network of {self.model.configuration}{why}")
        if begins:
            refuse_foreign(self.model, self.paths, self.how.trust)
            self.compare(weights)
        copy_plans(self.model, after, {"sha256": _sha256(weights)}, self.paths)
        self.steps.begin(f"train {after.configuration} of {after.dataset}, folds {', '.join(self.folds)}")
        options = replace(self.how.options, weights=weights.absolute())
        return Finetuning(after, weights, self.train_folds(self.dataset, after, self.folds, options))

    def compare(self, weights: Path) -> None:
        """Refuse weights that do not fit; say what happens to each tensor."""
        try:
            found = read_weights(weights)
        except SegconvError as error:
            if error.code != "SC064" or not self.how.trust.trust_model:
                raise
            self.warn("SC064", f"{error.message}; its tensors are not compared", weights)
            return
        plan = transfer(found, network_shapes(self.model, self.paths))
        self.how.compared(plan)
        self.refuse_misfits(found, plan)

    def refuse_misfits(self, weights: Weights, plan: Transfer) -> None:
        try:
            network = described(read_plans(self.model.plans_file(self.paths)), self.model.configuration)
            refuse_misfits(weights, plan, network)
        except SegconvError as error:
            error.advise(cures=[Cure.of("pretrain", dataset=self.dataset.name.id)])
            raise

    def refuse_other_network(self, before: Model) -> None:
        """Refuse a trainer of the pretraining that builds another network, before it trains for days."""
        for model in (before, self.model):
            refuse_foreign(model, self.paths, self.how.trust)
        found = Weights(before.folder(self.paths), network_shapes(before, self.paths))
        self.refuse_misfits(found, transfer(found, network_shapes(self.model, self.paths)))

    def train_folds(self, dataset: Dataset, model: Model, folds: Sequence[str], options: TrainOptions) -> Training:
        return train_folds(
            dataset,
            model,
            folds,
            self.paths,
            options,
            self.how.trust,
            slots=self.how.slots,
            warn=self.how.warn,
            ended=self.how.ended,
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with reading.opened(os.path.realpath(path)) as file, naming(str(path)):
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise reading.refusal(error, path) from error
    return digest.hexdigest()
