"""What commands that train folds have in common: where folds run, and what is said of how each ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding, SegconvError
from ..train.model import DEFAULT_PLANS, DEFAULT_TRAINER, Model
from ..work.backends import SLURM
from .help_pages import MODEL, RUNNING
from .options import bundled, cores, device, option, trainers_again
from .sink import Sink
from .types import FOLDS, GPUS

if TYPE_CHECKING:
    from ..train.paths import Paths
    from ..train.queue import Outcome, Slot
    from ..train.training import FoldResult, TrainOptions
    from .training_display import TrainingDisplay

LAST_LINES = 12
"""How much of a failed fold's log is shown."""


@dataclass(frozen=True)
class Place:
    """Where folds run.

    Parameters
    ----------
    device
        What nnU-Net computes on.
    slots
        Places for one fold at a time each.
    gpus_per_fold
        Number of GPUs that share a fold.
    in_jobs
        Whether each fold runs in a job of a cluster, not on the slots.
    jobs
        Number of jobs at once; None for all.
    """

    device: str
    slots: tuple[Slot, ...]
    gpus_per_fold: int
    in_jobs: bool = False
    jobs: int | None = None


def _place(device: str, gpus: Sequence[str] | None, ddp: int, jobs: int | None, backend: str | None) -> Place:
    from ..train.queue import HERE, cpu_slots, gpu_slots

    if backend is not None:
        return _in_jobs(device, gpus, ddp, jobs)
    jobs = jobs or 1
    _refuse_unlike(device, gpus, ddp, jobs)
    if gpus is not None:
        return Place("cuda", tuple(gpu_slots(gpus, together=ddp > 1)), ddp)
    if device == "cpu":
        return Place(device, tuple(cpu_slots(jobs)), ddp)
    return Place("cuda" if ddp > 1 else device, (HERE,), ddp)


def _in_jobs(device: str, gpus: Sequence[str] | None, ddp: int, jobs: int | None) -> Place:
    """Return a place in jobs: their machines have GPUs, whatever this one has."""
    if gpus is not None:
        raise SegconvError("--gpus is for this machine", hint="--ddp N gives each job N GPUs; without it, it has one")
    if device not in ("auto", "cuda", "cpu") or (device == "cpu" and ddp > 1):
        raise SegconvError(f"--device {device} does not go with jobs on GPUs", hint="leave out --device")
    return Place("cpu" if device == "cpu" else "cuda", (), ddp, in_jobs=True, jobs=jobs)


def _refuse_unlike(device: str, gpus: Sequence[str] | None, ddp: int, jobs: int) -> None:
    """Refuse options that do not go together."""
    if (gpus is not None or ddp > 1) and device not in ("auto", "cuda"):
        raise SegconvError(f"--gpus and --ddp need CUDA, not --device {device}", hint="leave out --device")
    if jobs > 1 and device != "cpu":
        raise SegconvError("--jobs is for the CPU", hint="--gpus 0,1 trains a fold on each, --device cpu uses the CPU")
    if ddp > 1 and gpus is not None and len(gpus) != ddp:
        raise SegconvError(f"--ddp {ddp} needs as many GPUs, but --gpus names {len(gpus)}", hint="name as many")


folds_to_train = option(
    "-f", "--fold", "folds", type=FOLDS, default="0", metavar="N,…|all", help="Folds to train.", group=MODEL
)
placed = bundled(
    "place",
    _place,
    device,
    option("--gpus", type=GPUS, metavar="N,…", help="GPUs to use, one fold at a time on each.", group=RUNNING),
    option(
        "--ddp",
        type=click.IntRange(min=1),
        default=1,
        metavar="N",
        help="Distribute each fold over N GPUs.",
        group=RUNNING,
    ),
    option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        help="Folds at once on the CPU, default 1; or jobs at once, default all.",
        group=RUNNING,
    ),
    option(
        "--backend",
        type=click.Choice([SLURM]),
        help="Train each fold in a job of a SLURM cluster, not on this machine.",
        group=RUNNING,
    ),
)
"""``--device``, ``--gpus``, ``--ddp``, ``--jobs`` and ``--backend``; the function gets a `Place`."""


def show_environment(sink: Sink, place: Place, paths: Paths) -> None:
    """Show the environment of trainings, with what each slot adds, if details are asked for."""
    from ..train.child import shown_environment

    of_slots = [f"{slot.name}: {key}={value}" for slot in place.slots for key, value in slot.settings.items()]
    for line in (*shown_environment(paths), *of_slots):
        sink.detail(line)


def training_options(place: Place, sink: Sink, display: TrainingDisplay, **asked: Any) -> TrainOptions:
    """Return how to train where folds run, with what `display` shows of it.

    Parameters
    ----------
    asked
        Further fields of `TrainOptions`.
    """
    from ..train.cluster import Cluster
    from ..train.training import TrainOptions
    from ..work.readers import Readers
    from .training_time import foretelling

    return TrainOptions(
        place.device,
        gpus=place.gpus_per_fold,
        tell=sink.detail,
        heard=display.hear,
        foretold=foretelling(display.say),
        readers=Readers(cores(), display.reading(), what="files to compare"),
        cluster=Cluster(place.jobs, _submitted(display.say)) if place.in_jobs else None,
        **asked,
    )


def _submitted(say: Callable[[str], None]) -> Callable[[str, str, Path], None]:
    """Return what says which job trains a fold."""
    return lambda fold, job, log: say(f"fold {fold}: job {job}, whose log is {log}")


def warner(shown: Callable[[Sequence[Finding]], None], kept: list[Finding]) -> Callable[[Sequence[Finding]], None]:
    """Return what shows warnings at once, and keeps them for the end, where ``--json`` prints them."""

    def warn(findings: Sequence[Finding]) -> None:
        kept.extend(findings)
        shown(findings)

    return warn


def teller(say: Callable[[str], None]) -> Callable[[Outcome[FoldResult]], None]:
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

    if not result.state.trained:
        return f"ended, and keeps no final checkpoint, {result.state.folder}"
    resumed = f"resumed at epoch {result.resumed_at}, " if result.step is Step.RESUME else ""
    words = {
        Step.NONE: "was trained and validated before",
        Step.BEGIN: "trained and validated",
        Step.RESUME: "trained and validated",
        Step.VALIDATE: "validated",
    }
    return f"{resumed}{words[result.step]}, {result.state.folder}"


def as_json(result: FoldResult) -> dict[str, Any]:
    """Return what was done for a fold, for ``--json``."""
    return {
        "fold": result.fold,
        "folder": str(result.state.folder),
        "did": result.step.value,
        "resumed_at": result.resumed_at,
        "epochs": result.state.epoch,
    }


def name_inference(sink: Sink, done: Sequence[FoldResult], model: Model, number: int, paths: Paths) -> None:
    """Name the command that predicts with folds of a model of a dataset, if all of them keep their checkpoint."""
    if not all(result.state.trained for result in done):
        return
    named = (("-tr", model.trainer, DEFAULT_TRAINER), ("-p", model.plans, DEFAULT_PLANS))
    others = "".join(f" {name} {value}" for name, value, usual in named if value != usual)
    folds = ",".join(result.fold for result in done)
    others += trainers_again(paths)
    sink.next(f"segconv infer {number} -c {model.configuration} -f {folds}{others} -i IN -o OUT")
