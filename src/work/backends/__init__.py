"""Kinds of workers: threads, processes of this machine, or a cluster.

A new kind is one module here, with a function `workers` of an address, and one line in `BACKENDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...errors import SegconvError

if TYPE_CHECKING:
    from .backend import Backend


THREADS = "threading"
PROCESSES = "loky"

DASK, RAY, SLURM = CLUSTERS = ("dask", "ray", "slurm")

BACKENDS: Mapping[str, str] = MappingProxyType(
    {PROCESSES: "processes", THREADS: "threads", DASK: "dask", RAY: "ray", SLURM: "slurm"}
)
"""Name → module, imported when its workers are needed."""


def addressed(name: str, address: str) -> str:
    """Return the name of a backend together with the address of its cluster."""
    return f"{name}:{address}"


def workers_at_hand(name: str | None, jobs: int, tell: Callable[[str], None] | None = None) -> Backend:
    """Return the workers of this name, or threads if the system cannot start processes.

    Parameters
    ----------
    name, jobs
        As in `parallel.each`.
    tell
        Called with the reason if threads replace processes.
    """
    from .semaphores import why_there_are_none

    if (name or PROCESSES) == PROCESSES and (why := why_there_are_none(jobs)) is not None:
        if tell is not None:
            tell(f"using threads instead of processes, which the system cannot start ({why})")
        name = THREADS
    return backend_of(name)


def backend_of(name: str | None) -> Backend:
    """Return the workers of this name; processes on this machine if None.

    Parameters
    ----------
    name
        A key of `BACKENDS`; one of `CLUSTERS` may be followed by a colon and an address, as `addressed` returns it.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown name.
    """
    kind, colon, address = (name or PROCESSES).partition(":")
    module = BACKENDS.get(kind)
    if module is None or (colon and (kind not in CLUSTERS or not address)):
        raise SegconvError(f"there is no backend {name!r}", hint=f"there are {', '.join(BACKENDS)}")
    workers: Backend = import_module(f".{module}", __package__).workers(address or None)
    return workers
