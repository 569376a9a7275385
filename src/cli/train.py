"""``segconv train``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import SegconvError
from .options import device, example, modelled, option, speaking, three_folders, trusting
from .sink import Sink
from .types import FOLDS, GPUS

if TYPE_CHECKING:
    from ..flows.train import Training
    from ..train.gate import Trust
    from ..train.model import Model
    from ..train.paths import Paths
    from ..train.queue import Outcome, Slot
    from ..train.steps import Wish
    from ..train.training import FoldResult

LAST_LINES = 12
"""How much of a failed fold's log is shown."""

_WISHES = {"resume": "--continue", "validate_only": "--val", "overwrite": "--overwrite"}


@click.command(epilog=example("segconv train 501 -c 2d_small -f 0 -tr nnUNetTrainer_1epoch --device cpu"))
@click.argument("dataset")
@option("-f", "--fold", "folds", type=FOLDS, default="0", metavar="N,…|all", help="Folds to train.")
@modelled
@device
@option("--gpus", type=GPUS, metavar="N,…", help="GPUs to use, one fold at a time on each.")
@option("--ddp", type=click.IntRange(min=1), default=1, metavar="N", help="Distribute each fold over N GPUs.")
@option("-j", "--jobs", type=click.IntRange(min=1), default=1, help="Folds at once on the CPU.")
@option("--continue", "resume", is_flag=True, help="Resume, and refuse if there is nothing to resume.")
@option("--val", "--validate-only", "validate_only", is_flag=True, help="Validate a trained fold again.")
@option("--npz", "probabilities", is_flag=True, help="Keep the probabilities of the validation, for ensembling.")
@option("--overwrite", is_flag=True, help="Train again; the old fold is kept until the new one is finished.")
@trusting
@three_folders
@speaking
def command(
    dataset: str,
    folds: tuple[str, ...],
    model_of: Callable[[str], Model],
    device: str,
    gpus: tuple[str, ...] | None,
    ddp: int,
    jobs: int,
    probabilities: bool,
    trust: Trust,
    sink: Sink,
    paths: Paths,
    **wishes: bool,
) -> int:
    """Train one fold or several; the same command resumes.

    Runs nnUNetv2_train for each fold: folds that are finished are skipped, begun ones resumed, and trained ones
    without a validation validated. A fold that fails does not stop the others. `all` is one model trained on all
    cases, not five folds. Before anything starts, the folds are checked for leaks, and the preprocessed cases for
    completeness.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.train import train_folds
    from ..train.child import shown_environment
    from ..train.training import TrainOptions
    from .training_display import TrainingDisplay

    wish = _wish(wishes)
    slots, device = _slots(device, gpus, ddp, jobs)
    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed", "results")))
    model = model_of(found.path.name)
    if "all" in folds:
        sink.say("fold all: one model on all training cases; what nnU-Net calls its validation is on the same cases")
    for line in (
        *shown_environment(paths),
        *(f"{slot.name}: {key}={slot.settings[key]}" for slot in slots for key in slot.settings),
    ):
        sink.detail(line)
    display = TrainingDisplay(sink)
    options = TrainOptions(device, wish, probabilities, ddp, tell=sink.detail, heard=display.hear)
    with display.shown():
        training = train_folds(
            found, model, folds, paths, options, trust, slots=slots, warn=sink.warn, ended=_teller(display.say)
        )
    return _end(sink, training, f"segconv infer {found.name.id} -c {model.configuration} -f {{}} -i IN -o OUT")


def _wish(given: dict[str, bool]) -> Wish:
    """Return what the flags ask for; they exclude one another."""
    from ..train.steps import Wish

    asked = [name for name in _WISHES if given[name]]
    if len(asked) > 1:
        raise SegconvError(f"{_WISHES[asked[0]]} and {_WISHES[asked[1]]} exclude each other", hint="give one of them")
    of = {"resume": Wish.RESUME, "validate_only": Wish.VALIDATE, "overwrite": Wish.AGAIN}
    return of[asked[0]] if asked else Wish.FINISH


def _slots(device: str, gpus: Sequence[str] | None, ddp: int, jobs: int) -> tuple[list[Slot], str]:
    """Return where folds run, and on which device."""
    from ..train.queue import HERE, cpu_slots, gpu_slots

    _refuse_unlike(device, gpus, ddp, jobs)
    if gpus is not None:
        return gpu_slots(gpus, together=ddp > 1), "cuda"
    if device == "cpu":
        return cpu_slots(jobs), device
    return [HERE], "cuda" if ddp > 1 else device


def _refuse_unlike(device: str, gpus: Sequence[str] | None, ddp: int, jobs: int) -> None:
    """Refuse options that do not go together."""
    if (gpus is not None or ddp > 1) and device not in ("auto", "cuda"):
        raise SegconvError(f"--gpus and --ddp need CUDA, not --device {device}", hint="leave out --device")
    if jobs > 1 and device != "cpu":
        raise SegconvError("--jobs is for the CPU", hint="--gpus 0,1 trains a fold on each, --device cpu uses the CPU")
    if ddp > 1 and gpus is not None and len(gpus) != ddp:
        raise SegconvError(f"--ddp {ddp} needs as many GPUs, but --gpus names {len(gpus)}", hint="name as many")


def _teller(say: Callable[[str], None]) -> Callable[[Outcome[FoldResult]], None]:
    """Return what says how each fold ended."""

    def tell(outcome: Outcome[FoldResult]) -> None:
        if outcome.error is not None:
            lines = getattr(outcome.error, "last_lines", ())[-LAST_LINES:]
            say(f"fold {outcome.name}: failed{', and its log ends:' if lines else ''}")
            for line in lines:
                say(f"    {line}")
        elif outcome.value is not None:
            say(f"fold {outcome.name}: {_done(outcome.value)}")

    return tell


def _done(result: FoldResult) -> str:
    from ..train.steps import Step

    resumed = f"resumed at epoch {result.resumed_at}, " if result.step is Step.RESUME else ""
    words = {
        Step.NONE: "was trained and validated before",
        Step.BEGIN: "trained and validated",
        Step.RESUME: "trained and validated",
        Step.VALIDATE: "validated",
    }
    return f"{resumed}{words[result.step]}, {result.state.folder}"


def _end(sink: Sink, training: Training, following: str) -> int:
    """Say what was done and what failed; return the exit code."""
    done = [result.fold for result in training.done]
    warnings = [finding for result in training.done for finding in result.warnings]
    sink.warn([*warnings, *training.failures])
    if not training.failures:
        sink.next(following.format(",".join(done)))
    result: dict[str, Any] = {
        "trained": [str(result.state.folder) for result in training.done],
        "folds": [
            {
                "fold": result.fold,
                "folder": str(result.state.folder),
                "did": result.step.value,
                "resumed_at": result.resumed_at,
                "epochs": result.state.epoch,
            }
            for result in training.done
        ],
    }
    sink.end(result, [*training.failures, *warnings], ok=not training.failures)
    return 1 if training.failures else 0
