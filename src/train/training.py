"""Train one fold with nnU-Net's own command: begin, resume or validate it, whatever is left to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..dataset.names import DatasetName
from ..errors import Cure, Finding, Interrupted, SegconvError, warning
from ..work.readers import ONE, Readers
from .child import ChildFailed, run_nnunet
from .cluster import Cluster
from .commands import Tell
from .device import AUTO, chosen_device, settings_of
from .epoch_time import EpochTime
from .epochs import DONE, FAILED, INTERRUPTED, Follower, Heard
from .folds import FoldState, state_of
from .kept import settle
from .model import Model, log_file
from .paths import Paths
from .plans import Planned, configuration, read_plans
from .preprocessed import refuse_more_than_numbers
from .queue import HERE, Slot
from .steps import Step, Wish, next_step, prepare
from .untrusted_models import NO_TRUST, Trust
from .watchdog_record import forget_stop, stop_in


@dataclass(frozen=True)
class TrainOptions:
    """How to train folds.

    Parameters
    ----------
    device
        ``"cuda"``, ``"cpu"``, ``"mps"``, or ``"auto"``; see `chosen_device`.
    wish
        Do what is left to do, or more; see `Wish`.
    probabilities
        Keep the probabilities of the validation, which ensembling needs.
    gpus
        Number of GPUs of each training, among those of its slot; above 1, nnU-Net distributes the batches.
    weights
        Checkpoint whose weights a training starts from; not used by a training that is resumed.
    tell
        Called with each line that nnU-Net writes.
    heard
        Called with the progress of a fold whenever it changes.
    foretold
        Called with the time of an epoch before folds are trained on the CPU.
    readers
        How images are read that were not yet compared with one another, for folds that leak.
    allow_leaks
        Train with folds that leak.
    cluster
        Trains each fold in a job; None trains on this machine.
    """

    device: str = AUTO
    wish: Wish = Wish.FINISH
    probabilities: bool = False
    gpus: int = 1
    weights: Path | None = None
    tell: Tell | None = None
    heard: Heard | None = None
    foretold: Callable[[EpochTime], None] | None = None
    readers: Readers = ONE
    allow_leaks: bool = False
    cluster: Cluster | None = None

    @property
    def in_job(self) -> TrainOptions:
        """How a job trains its fold: on its own machine, and unheard."""
        return replace(self, tell=None, heard=None, foretold=None, readers=ONE, cluster=None)


@dataclass(frozen=True)
class FoldResult:
    """What was done for a fold.

    Parameters
    ----------
    fold
        Its name.
    step
        What nnU-Net did.
    resumed_at
        Epoch at which its training was resumed; 0 if it was not.
    state
        The fold as it is now.
    warnings
        Oddities that did not stop it.
    """

    fold: str
    step: Step
    resumed_at: int
    state: FoldState
    warnings: tuple[Finding, ...] = field(default=())


def train_fold(
    model: Model, fold: str, paths: Paths, options: TrainOptions, trust: Trust = NO_TRUST, slot: Slot = HERE
) -> FoldResult:
    """Do for one fold what is left to do.

    Parameters
    ----------
    fold
        ``"0"`` … ``"4"``, or ``"all"``: one model on all cases, none of which is held back.
    slot
        Where it runs.

    Raises
    ------
    SegconvError
        ``SC010`` if there is nothing to resume or validate; ``SC064`` if plans, preprocessed cases or checkpoints would
        run foreign code; ``SC175`` and ``SC176`` if the watchdog of a trainer stopped the training; what `prepare` and
        `run_nnunet` raise.
    """
    refuse_foreign(model, paths, trust)
    return run_fold(model, fold, paths, options, trust, slot)


def refuse_foreign(model: Model, paths: Paths, trust: Trust) -> None:
    """Refuse plans, preprocessed cases and a cascade's input predictions that could run code.

    Raises
    ------
    SegconvError
        ``SC064``.
    """
    file = model.plans_file(paths)
    plans = read_plans(file)
    trust.refuse_foreign_classes(plans, file=str(file))
    if not trust.trust_model:
        _refuse_code_in_data(model, Planned(file, plans, configuration(plans, model.configuration)), paths)


def run_fold(
    model: Model, fold: str, paths: Paths, options: TrainOptions, trust: Trust = NO_TRUST, slot: Slot = HERE
) -> FoldResult:
    """Do as `train_fold`, after `refuse_foreign`."""
    before = state_of(model.fold_folder(paths, fold))
    step = next_step(before, options.wish, probabilities=options.probabilities)
    ready = prepare(before, options.wish)
    if step is Step.NONE:
        return FoldResult(fold, step, 0, ready)
    checkpoint = ready.checkpoint if step in (Step.RESUME, Step.VALIDATE) else None
    for loaded in filter(None, (checkpoint, options.weights if step is Step.BEGIN else None)):
        trust.check_checkpoint(loaded)
    resumed_at = ready.epoch if step is Step.RESUME else 0
    try:
        _run(model, fold, step, paths, options, slot)
    finally:
        after = settle(state_of(ready.folder))
    if step in (Step.BEGIN, Step.RESUME):
        _refuse_unfinished(after, training_log(model, fold, paths))
    return FoldResult(fold, step, resumed_at, after, tuple(_oddities(before, after, step)))


def _run(model: Model, fold: str, step: Step, paths: Paths, options: TrainOptions, slot: Slot) -> None:
    """Run nnU-Net, and say how far it is."""
    device = chosen_device(options.device)
    follower = Follower(fold, slot.name, model.fold_folder(paths, fold), options.heard or (lambda _: None))
    phase = FAILED

    def hear(line: str) -> None:
        follower(line)
        if options.tell is not None:
            options.tell(line)

    forget_stop(model.fold_folder(paths, fold))
    follower.begin()
    try:
        run_nnunet(
            "nnUNetv2_train",
            _arguments(model, fold, step, options, device),
            paths,
            log=training_log(model, fold, paths),
            tell=hear,
            settings={**settings_of(device), **slot.settings},
        )
        phase = DONE
    except Interrupted:
        phase = INTERRUPTED
        raise
    except ChildFailed as error:
        raise stop_in(model.fold_folder(paths, fold)) or error from error.__cause__
    finally:
        follower.end(phase)


def _refuse_unfinished(after: FoldState, log: Path) -> None:
    """Refuse a training that ended as if all were well: code of others may end the process, even while imported.

    Trainers that keep no checkpoints, such as nnU-Net's benchmarks, leave a ``debug.json`` that says how many epochs
    they planned.
    """
    if after.trained or (not after.whole and after.epochs is not None):
        return
    of = f" of {after.epochs}" if after.epochs else ""
    kept = f"after {after.epoch}{of} epochs" if after.whole else "before it began to train"
    what = f"nnU-Net's process ended without an error, but {kept}"
    raise SegconvError(what, code="SC110", file=str(log), hint=f"see {log}")


def _arguments(model: Model, fold: str, step: Step, options: TrainOptions, device: str) -> list[str]:
    number = DatasetName.of_folder(model.dataset)
    arguments = [str(number.id) if number else model.dataset, model.configuration, fold]
    arguments += ["-tr", model.trainer, "-p", model.plans, "-device", device]
    arguments += ["-num_gpus", str(options.gpus)] if options.gpus > 1 else []
    if step is Step.BEGIN and options.weights is not None:
        arguments += ["-pretrained_weights", str(options.weights)]
    arguments += ["--c"] if step is Step.RESUME else []
    arguments += ["--val"] if step is Step.VALIDATE else []
    return arguments + (["--npz"] if options.probabilities else [])


def training_log(model: Model, fold: str, paths: Paths) -> Path:
    """Return the path of the log of a fold's training."""
    return log_file(paths, model.dataset, f"train-{model.configuration}-{fold}")


def _oddities(before: FoldState, after: FoldState, step: Step) -> list[Finding]:
    """Return warnings on checkpoints that were cut, and on a training that left none."""
    found = []
    if before.cut and step is not Step.VALIDATE:
        what = "it resumed from another one" if step is Step.RESUME else "no other could be resumed, so it began again"
        found.append(warning("SC113", f"was cut off while it was written; {what}", file=_path(before, before.cut[0])))
    if step in (Step.BEGIN, Step.RESUME) and not after.trained:
        what = "does not exist, though nnU-Net ended without an error: does the trainer keep no checkpoints?"
        found.append(warning("SC113", what, file=_path(after, "checkpoint_final.pth")))
    return found


def _path(state: FoldState, name: str) -> str:
    return str(state.folder / name)


def _refuse_code_in_data(model: Model, found: Planned, paths: Paths) -> None:
    """Refuse preprocessed cases, and a cascade's input predictions, that hold more than numbers."""
    folders = [found.data]
    if found.previous_stage:
        folders.append(next_stage_folder(model, found.previous_stage, paths))
    for folder in folders:
        refuse_more_than_numbers(folder, cures=[_plan_again(model), Cure.of("trust_files")])


def next_stage_folder(model: Model, previous: str, paths: Paths) -> Path:
    """Return where the stage before a cascade's configuration keeps its predictions for it."""
    stage = Model(model.dataset, previous, model.trainer, model.plans)
    return stage.folder(paths) / "predicted_next_stage" / model.configuration


def _plan_again(model: Model) -> Cure:
    return Cure.of("preprocess_again", **model.words)


def failed(error: SegconvError, fold: str) -> Finding:
    """Return why a fold failed; the other folds went on."""
    code = "SC110" if error.code == "SC101" else error.code
    found = error.findings[0]
    return Finding(code, f"fold {fold}: {found.message}", hint=found.hint, file=found.file, cures=found.cures)
