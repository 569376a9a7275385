"""Submit functions as jobs of a SLURM cluster, by submitit."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...errors import SegconvError
from .. import fsops, owned
from ..home import state_home
from ..writing import writing
from .dispatch import cannot_take
from .environment import environment_of_workers

R = TypeVar("R")

CLUSTER = "slurm"
LOCAL = "local"
"""The address that runs jobs as processes of this machine, to try what a job does."""

_lock = threading.Lock()
"""Held while submitit asks SLURM: jobs share what it knows of them."""


def refuse_unready(kind: str) -> None:
    """Refuse a machine that cannot submit jobs.

    Parameters
    ----------
    kind
        `CLUSTER` or `LOCAL`.

    Raises
    ------
    SegconvError
        ``SC041`` if submitit is not installed; ``SC042`` without sbatch, or a folder for what jobs return.
    """
    _submitit()
    if kind not in (CLUSTER, LOCAL):
        raise SegconvError(f"no SLURM cluster has an address such as {kind!r}", code="SC042")
    if kind != LOCAL and shutil.which("sbatch") is None:
        raise SegconvError(
            "sbatch, which submits jobs, is not on this machine",
            code="SC042",
            hint="run the command on a login node of the cluster",
        )
    _state()


@contextmanager
def executor(kind: str, **parameters: Any) -> Iterator[Any]:
    """Yield an executor of submitit, whose jobs leave their results in a folder until the end of the block.

    Parameters
    ----------
    kind
        `CLUSTER` or `LOCAL`.
    parameters
        What each job asks for, as submitit names it. The variables of ``sbatch`` have precedence over it.
    """
    with _folder() as folder, environment_of_workers():
        made = _submitit().AutoExecutor(folder=folder, cluster=kind)
        made.update_parameters(**{"name": "segconv", **parameters})
        yield made


def submit(executor: Any, function: Callable[[], Any]) -> Any:
    """Return the job of submitit that calls a function.

    Raises
    ------
    SegconvError
        ``SC100`` if sbatch refuses it.
    """
    from submitit.core.utils import FailedJobError

    try:
        return executor.submit(function)
    except FailedJobError as error:
        raise SegconvError(
            f"sbatch does not take a job ({str(error).strip()})",
            code="SC100",
            hint="correct the variables of sbatch, such as SBATCH_PARTITION and SBATCH_ACCOUNT",
        ) from error


def result(job: Any) -> Any:
    """Return what the function of an ended job returned; None if the job was ended from outside.

    Raises
    ------
    SegconvError
        ``SC100`` if the job could not call its function.
    """
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        return job.result()
    except FailedJobError as error:
        raise cannot_take("SLURM", str(error).strip().rpartition("\n")[2]) from error
    except UncompletedJobError:
        return None


class Submitted(Generic[R]):
    """A job that was submitted; its methods may be called in any thread.

    Parameters
    ----------
    executor
        See `executor`.
    function
        What it calls; its result must not be None.
    name
        What ``squeue`` shows.
    """

    def __init__(self, executor: Any, function: Callable[[], R], name: str) -> None:
        with _lock:
            executor.update_parameters(name=name)
            self._job = submit(executor, function)

    @property
    def id(self) -> str:
        """Its number."""
        return str(self._job.job_id)

    @property
    def state(self) -> str:
        """What SLURM last said of it, such as ``TIMEOUT``."""
        with _lock:
            return str(self._job.state)

    def ended(self) -> bool:
        """Return whether it has ended, as far as is known: SLURM is asked less and less often."""
        with _lock:
            return bool(self._job.done())

    def idle(self) -> bool:
        """Return whether its function has returned, or has not begun; SLURM says so before processes have ended."""
        paths = self._job.paths
        return bool(paths.result_pickle.exists() or not paths.stdout.exists())

    def result(self) -> R | None:
        """See `result`."""
        found: R | None = result(self._job)
        return found

    def errors(self) -> list[str]:
        """Return the lines that it and SLURM wrote as errors."""
        try:
            return (self._job.stderr() or "").splitlines()
        except (OSError, UnicodeDecodeError):
            return []

    def cancel(self) -> None:
        """Ask SLURM to end it."""
        self._job.cancel(check=False)


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
