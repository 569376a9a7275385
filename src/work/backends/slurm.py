"""Jobs of a SLURM cluster, submitted by submitit."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ...errors import SegconvError
from .. import fsops, owned
from ..home import state_home
from ..writing import writing
from .backend import Work
from .batch import Batch, Done
from .dispatch import cannot_take, dispatched
from .environment import environment_of_workers

T = TypeVar("T")
R = TypeVar("R")

LOCAL = "local"
"""The address that runs jobs as processes of this machine, to try what a job does."""

POLL_S = 1.0
"""How long to wait before asking again which jobs have ended; submitit asks SLURM less and less often."""
FIRST_ITEMS = 16
"""Items of a job as long as it is unknown how long they take."""
BATCH_S = 300.0
"""Time that the items of a job should take: SLURM needs seconds to start one."""
MOST_ITEMS = 10_000
LIMIT_MIN = 60
"""Time limit of a job in minutes, unless ``SBATCH_TIMELIMIT`` says otherwise."""


class Slurm:
    """A SLURM cluster, with up to `jobs` jobs at once.

    Partition, account, memory and time limit come from the variables that ``sbatch`` reads, such as
    ``SBATCH_PARTITION``.

    Parameters
    ----------
    address
        `LOCAL`; None for the cluster of this machine.
    """

    here = False

    def __init__(self, address: str | None) -> None:
        self._kind = address or "slurm"

    def ready(self) -> None:
        """See `Backend`."""
        _submitit()
        if self._kind not in ("slurm", LOCAL):
            raise SegconvError(f"no SLURM cluster has an address such as {self._kind!r}", code="SC042")
        if self._kind != LOCAL and shutil.which("sbatch") is None:
            raise SegconvError(
                "sbatch, which submits jobs, is not on this machine",
                code="SC042",
                hint="run the command on a login node of the cluster",
            )
        _state()

    def results(self, work: Work[T, R]) -> Generator[R, None, None]:
        """See `Backend`."""
        self.ready()  # submitit would fail with an error of its own
        with _folder() as folder, environment_of_workers():
            executor = _submitit().AutoExecutor(folder=folder, cluster=self._kind)
            executor.update_parameters(name="segconv", timeout_min=LIMIT_MIN, cpus_per_task=1, nodes=1)
            yield from dispatched(_Cluster(executor, work.jobs), work)


class _Job:
    """A job; see `dispatch.Ticket`."""

    def __init__(self, job: Any) -> None:
        self.job = job

    def done(self) -> Done | None:
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            done: Done = self.job.result()
        except FailedJobError as error:
            raise cannot_take("SLURM", str(error).strip().rpartition("\n")[2]) from error
        except UncompletedJobError:
            return None
        return done

    def cancel(self) -> None:
        self.job.cancel(check=False)


class _Cluster:
    """The cluster during a run; see `dispatch.Cluster`."""

    hint = "give each job more memory or time, with SBATCH_MEM_PER_NODE and SBATCH_TIMELIMIT"
    blames_others = False

    def __init__(self, executor: Any, jobs: int) -> None:
        self._executor = executor
        self._jobs = jobs
        self._waiting: list[_Job] = []

    def room(self) -> int:
        return self._jobs

    def items_a_batch(self, seconds: float | None) -> int:
        return FIRST_ITEMS if seconds is None else max(1, min(MOST_ITEMS, int(BATCH_S / max(seconds, 1e-9))))

    def submit(self, batch: Batch) -> _Job:
        from submitit.core.utils import FailedJobError

        try:
            job = _Job(self._executor.submit(batch))
        except FailedJobError as error:
            raise SegconvError(
                f"sbatch does not take a job ({str(error).strip()})",
                code="SC100",
                hint="correct the variables of sbatch, such as SBATCH_PARTITION and SBATCH_ACCOUNT",
            ) from error
        self._waiting.append(job)
        return job

    def next(self, names: Callable[[], Sequence[str]]) -> _Job:
        while True:
            for job in self._waiting:
                if job.job.done():
                    self._waiting.remove(job)
                    return job
            time.sleep(POLL_S)


def _submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise SegconvError("submitit is not installed", code="SC041", hint="pip install 'segconv[slurm]'") from error
    return submitit


def _state() -> Path:
    """Return the folder of the user that jobs and this process see: the home of a cluster is shared."""
    state = state_home()
    if state is None:
        raise SegconvError(
            "there is no home folder where jobs leave their results",
            code="SC042",
            hint="set XDG_STATE_HOME to a folder on the shared disk",
        )
    return state / "segconv" / "slurm"


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder for the jobs of a run, and remove it at the end."""
    folder = _state() / f"{os.getpid()}-{os.urandom(8).hex()}"
    with writing(folder):
        fsops.mkdir(folder)
    try:
        yield folder
    finally:
        with writing(folder):
            owned.remove(folder, {path for path, _ in owned.entries(folder)})


def workers(address: str | None = None) -> Slurm:
    """Return the workers of a SLURM cluster."""
    return Slurm(address)
