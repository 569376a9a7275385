"""Jobs of a SLURM cluster, submitted by submitit."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from .backend import Work
from .batch import Batch, Done
from .dispatch import dispatched
from .submitted import CLUSTER, executor, refuse_unready, result, submit

T = TypeVar("T")
R = TypeVar("R")

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
        `LOCAL` of `submitted`; None for the cluster of this machine.
    """

    here = False

    def __init__(self, address: str | None) -> None:
        self._kind = address or CLUSTER

    def ready(self) -> None:
        """See `Backend`."""
        refuse_unready(self._kind)

    def results(self, work: Work[T, R]) -> Generator[R, None, None]:
        """See `Backend`."""
        self.ready()  # submitit would fail with an error of its own
        with executor(self._kind, timeout_min=LIMIT_MIN, cpus_per_task=1, nodes=1) as made:
            yield from dispatched(_Cluster(made, work.jobs), work)


class _Job:
    """A job; see `dispatch.Ticket`."""

    def __init__(self, job: Any) -> None:
        self.job = job

    def done(self) -> Done | None:
        done: Done | None = result(self.job)
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
        job = _Job(submit(self._executor, batch))
        self._waiting.append(job)
        return job

    def next(self, names: Callable[[], Sequence[str]]) -> _Job:
        while True:
            for job in self._waiting:
                if job.job.done():
                    self._waiting.remove(job)
                    return job
            time.sleep(POLL_S)


def workers(address: str | None = None) -> Slurm:
    """Return the workers of a SLURM cluster."""
    return Slurm(address)
