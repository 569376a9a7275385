"""Train folds as jobs of a SLURM cluster, one job for each fold."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import reading
from ..errors import Cure, Interrupted, SegconvError
from ..work.backends.shared import Required
from ..work.backends.submitted import CLUSTER, Submitted, collected, left, refuse_unready, submitted
from ..work.interruption import interruptible
from ..work.unforeseen import Carried
from .child import logged
from .device import CPU
from .epochs import DONE, FAILED, INTERRUPTED, Follower, Heard
from .folds import kept_words, state_of
from .processes import heed_stop
from .queue import AUGMENTING, MOST_AUGMENTING, Outcome, Slot

if TYPE_CHECKING:
    from .training import FoldResult

POLL_S = 1.0
"""How often to look whether a job has ended, and what its log says."""

LIMIT_MIN = 2 * 24 * 60
"""Time limit of a job in minutes, unless ``SBATCH_TIMELIMIT`` says otherwise."""

PATIENCE_S = 20.0
"""How long to wait for a cancelled job, which ends nnU-Net before itself."""

_GPUS = ("SBATCH_GPUS", "SBATCH_GPUS_PER_NODE", "SBATCH_GPUS_PER_TASK", "SBATCH_GRES")
_CORES_OF_GPUS = "SBATCH_CPUS_PER_GPU"
"""Variables of ``sbatch`` with which it refuses what would be asked for here."""

_LAST_LINES = 12
"""How much of what SLURM wrote on a job that died is passed on."""


@dataclass(frozen=True)
class Cluster:
    """A SLURM cluster that trains folds.

    Partition, account, memory and time limit come from the variables that ``sbatch`` reads.

    Parameters
    ----------
    jobs
        Number of jobs at once; None for one for each fold.
    announce
        Called with a fold, the number of its job, and the path of its log.
    kind
        As in `refuse_unready`.
    """

    jobs: int | None = None
    announce: Callable[[str, str, Path], None] = field(default=lambda *_: None)
    kind: str = CLUSTER

    def ready(self) -> None:
        """Refuse a machine that cannot submit jobs; see `refuse_unready`."""
        refuse_unready(self.kind)

    def slots(self, folds: int) -> list[Slot]:
        """Return a slot for each job at once."""
        return [Slot("SLURM")] * max(1, min(folds, self.jobs or folds))

    def left(self, folder: Path) -> FoldJob | None:
        """Return the job that trains a fold for a command that was killed, if it still waits or runs.

        Parameters
        ----------
        folder
            The folder of the fold.
        """
        return left(self.kind, str(folder))


def _asked(device: str, gpus: int) -> dict[str, int]:
    """Return the GPUs of a job, and the cores: one for each process that augments, as many as nnU-Net starts."""
    asked = {}
    if device != CPU and not any(name in os.environ for name in _GPUS):
        asked["gpus_per_node"] = gpus
    if _CORES_OF_GPUS not in os.environ:
        augmenting = os.environ.get(AUGMENTING, "")
        asked["cpus_per_task"] = gpus * max(1, int(augmenting) if augmenting.isdecimal() else MOST_AUGMENTING)
    return asked


Answer = tuple["FoldResult | None", SegconvError | None]
FoldJob = Submitted[Answer]


@dataclass(frozen=True)
class FoldCall:
    """What a job calls.

    Parameters
    ----------
    fold
        Name of the fold.
    train
        Trains it as a command on the job's machine would, and passes the outcome on to ``ended``.
    required
        What the job's machine must have.
    """

    fold: str
    train: Callable[..., object]
    required: Required

    def __call__(self) -> Answer:
        """Train the fold; errors are returned, as submitit only carries their text."""
        if unfit := self.required.missing():
            return None, unfit.refusal()
        outcomes: list[Outcome[FoldResult]] = []
        limits: list[int] = []

        def end_in_time(number: int, _: object) -> None:
            limits.append(number)
            signal.raise_signal(signal.SIGTERM)

        try:
            with interruptible("the job was ended"):
                # What submitit lets SLURM send before the time limit; its own answer may queue the job again, for ever.
                signal.signal(signal.SIGUSR2, end_in_time)
                Carried(lambda _: self.train(ended=outcomes.append), str)(f"fold {self.fold}")
            (outcome,) = outcomes
            error = outcome.error
        except SegconvError as found:
            outcome, error = None, found
        if error is not None and limits:  # SLURM may send it to nnU-Net's processes, too, and they may end first
            error = Interrupted(error.message, signal_number=limits[0])
        return outcome.value if outcome is not None else None, error


@dataclass(frozen=True)
class Watch:
    """What is heard of the job of a fold.

    Parameters
    ----------
    fold
        Name of the fold.
    folder
        Its folder.
    log
        The log of its training, which the job writes.
    heard, tell
        As in `TrainOptions`.
    """

    fold: str
    folder: Path
    log: Path
    heard: Heard
    tell: Callable[[str], None]

    def follow(self, job: FoldJob, cluster: Cluster, new: NewLines) -> FoldResult:
        """Follow the log of a job until it ends.

        Parameters
        ----------
        new
            What is new in the log since the job was submitted.

        Raises
        ------
        SegconvError
            ``SC110`` if the job was ended from outside; what the fold's training raises.
        Interrupted
            If this thread is stopped; the job is cancelled.
        """
        cluster.announce(self.fold, job.id, self.log)
        follower = Follower(self.fold, f"job {job.id}", self.folder, self.heard)
        follower.wait()
        phase = FAILED
        try:
            _wait(job, partial(_pass_on, new, follower, self.tell))
            value, error = job.result() or (None, None)
            if value is not None:
                phase = DONE
                return value
            if error is None or isinstance(error, Interrupted):
                raise _ended(job, self, error)
            raise error
        except Interrupted:
            phase = INTERRUPTED
            raise
        finally:
            follower.end(phase)


def run_in_job(cluster: Cluster, call: FoldCall, watch: Watch, name: str, device: str, gpus: int) -> FoldResult:
    """Submit a job that trains a fold, and follow it.

    Parameters
    ----------
    name
        What ``squeue`` shows.
    device
        What nnU-Net computes on.
    gpus
        Number of GPUs.

    Raises
    ------
    SegconvError
        ``SC100`` if sbatch refuses it; what `Watch.follow` raises.
    """
    asked = {"name": name, "timeout_min": LIMIT_MIN, "nodes": 1, **_asked(device, gpus)}
    new = NewLines(watch.log)
    with submitted(cluster.kind, str(watch.folder), call, asked) as job:
        return watch.follow(job, cluster, new)


def go_on(cluster: Cluster, job: FoldJob, watch: Watch) -> FoldResult:
    """Follow a job of a command that was killed; raises what `Watch.follow` raises."""
    with collected(job, str(watch.folder)):
        return watch.follow(job, cluster, NewLines(watch.log))


def _wait(job: FoldJob, look: Callable[[], None]) -> None:
    """Wait for a job; cancel it if this thread is stopped."""
    try:
        while not job.ended():
            heed_stop()
            look()
            time.sleep(POLL_S)
    except Interrupted:
        job.cancel()
        until = time.monotonic() + PATIENCE_S
        while not job.idle() and time.monotonic() < until:
            time.sleep(POLL_S)
        raise
    look()


def _pass_on(new: NewLines, follower: Follower, tell: Callable[[str], None]) -> None:
    """Pass on what is new in the log of a job."""
    for line in new():
        if line.startswith("$ "):
            follower.begin()
        elif line:
            follower(line)
            tell(line)


def _ended(job: FoldJob, watch: Watch, error: Interrupted | None) -> SegconvError:
    """Return the error for a job that was ended from outside."""
    last: list[str] = []
    if error is None:
        state = job.state
        how = f"died{f' ({state})' if state.isupper() and state != 'UNKNOWN' else ''}"
        last = job.errors()[-_LAST_LINES:]
        with logged(watch.log, f"job {job.id} {how}") as keep:
            keep("".join(f"{line}\n" for line in last).encode())
    else:
        how = "reached its time limit" if error.signal_number == signal.SIGUSR2 else "was cancelled or preempted"
    what = f"job {job.id} {how}; the fold {kept_words(state_of(watch.folder))}"
    failed = FoldEnded(what, code="SC110", file=str(watch.log), cures=[Cure.of("resume_job")])
    failed.last_lines = tuple(last)
    return failed


class FoldEnded(SegconvError):
    """A job that was ended from outside.

    Attributes
    ----------
    last_lines
        The end of what it and SLURM wrote as errors.
    """

    last_lines: tuple[str, ...] = ()


class NewLines:
    """What is new in a log that a job writes, since this was made.

    Parameters
    ----------
    path
        It need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        self._at = 0
        with suppress(OSError):
            self._at = os.stat(path).st_size

    def __call__(self) -> list[str]:
        """Return the lines that were completed since the last call; of a progress bar, its last state."""
        try:
            with reading.opened(os.path.realpath(self._path)) as file:
                file.seek(self._at)
                new = file.read()
        except (OSError, SegconvError):
            return []
        self._at += len(new)
        *whole, self._rest = (self._rest + new).split(b"\n")
        return [line.rpartition(b"\r")[2].decode("utf-8", "replace").rstrip() for line in whole]
