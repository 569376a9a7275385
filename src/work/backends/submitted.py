"""Submit functions as jobs of a SLURM cluster, by submitit."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from ... import reading
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

_NUMBER = "job"
"""Name of the file with the number of the job in its folder."""

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
    folder = _state() / f"{os.getpid()}-{os.urandom(8).hex()}"
    with _until_the_end(folder), environment_of_workers():
        yield _executor(kind, folder, parameters)


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
        why = "; ".join(line.removeprefix("sbatch: error: ") for line in str(error).strip().splitlines())
        raise SegconvError(
            f"sbatch does not take a job ({why})",
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
    job
        What submitit calls it. The result of its function must not be None.
    """

    def __init__(self, job: Any) -> None:
        self._job = job

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

    def runs(self) -> bool:
        """Return whether SLURM says that it waits or runs, asked now."""
        with _lock:
            return not self._job.done(force_check=True) and self._job.state != "UNKNOWN"

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


@contextmanager
def submitted(kind: str, key: str, function: Callable[[], R], parameters: Mapping[str, Any]) -> Iterator[Submitted[R]]:
    """Submit a job of its own, and yield it; what it leaves is removed at the end of the block.

    If this process is killed before that, the job goes on, and `left` finds it.

    Parameters
    ----------
    kind, parameters
        As in `executor`.
    key
        Names the job for `left`; only one at a time may be submitted with it.
    function
        What it calls; its result must not be None.

    Raises
    ------
    SegconvError
        ``SC100`` if sbatch refuses it.
    """
    folder = _folder_of(key)
    if os.path.lexists(folder):
        _remove(folder)
    with _until_the_end(folder):
        with _lock, environment_of_workers():
            job = submit(_executor(kind, folder, parameters), function)
        with writing(folder):
            fsops.create(folder / _NUMBER, str(job.job_id).encode())
        yield Submitted(job)


@contextmanager
def collected(job: Submitted[R], key: str) -> Iterator[Submitted[R]]:
    """Yield a job that was left; what it leaves is removed at the end of the block."""
    with _until_the_end(_folder_of(key)):
        yield job


def left(kind: str, key: str) -> Submitted[Any] | None:
    """Return the job that a process left that was killed, if it still waits or runs; otherwise remove its folder.

    Parameters
    ----------
    kind, key
        As in `submitted`.
    """
    folder = _folder_of(key)
    try:
        number = reading.whole(folder / _NUMBER, limit=100).decode()
    except (OSError, SegconvError, UnicodeDecodeError):
        return None
    of = _submitit().LocalJob if kind == LOCAL else _submitit().SlurmJob
    job: Submitted[Any] = Submitted(of(folder=folder, job_id=number))
    if job.runs():
        return job
    if job.ended():
        _remove(folder)
    return None


def _submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise SegconvError("submitit is not installed", code="SC041", hint="pip install 'segconv[slurm]'") from error
    from .job_states import ASK_S, JobStates

    if not isinstance(submitit.SlurmJob.watcher, JobStates):
        submitit.SlurmJob.watcher = JobStates(ASK_S)  # of all its jobs
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


def _folder_of(key: str) -> Path:
    return _state() / hashlib.sha256(key.encode()).hexdigest()[:32]


def _executor(kind: str, folder: Path, parameters: Mapping[str, Any]) -> Any:
    made = _submitit().AutoExecutor(folder=folder, cluster=kind)
    made.update_parameters(**{"name": "segconv", **parameters})
    return made


@contextmanager
def _until_the_end(folder: Path) -> Iterator[None]:
    """Make a folder, and remove it at the end of the block with what jobs left in it."""
    with writing(folder):
        fsops.mkdir(folder)
    try:
        yield
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder with what jobs left in it."""
    with writing(folder):
        owned.remove(folder, {path for path, _ in owned.entries(folder)})
