"""Kinds of workers: threads, processes of this machine, or a cluster.

A new kind is one module here and one line in `BACKENDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...errors import SegconvError
from .backend import Backend
from .dask import Dask
from .processes import Processes
from .semaphores import why_there_are_none
from .threads import Threads

THREADS = "threading"
PROCESSES = "loky"

BACKENDS: Mapping[str, Backend] = MappingProxyType({PROCESSES: Processes(), THREADS: Threads(), "dask": Dask()})
"""Name → who works."""


def workers_at_hand(name: str | None, jobs: int, tell: Callable[[str], None] | None = None) -> Backend:
    """Return the workers of this name, or threads if the system cannot start processes.

    Parameters
    ----------
    name, jobs
        As in `parallel.each`.
    tell
        Called with the reason if threads replace processes.
    """
    found = backend_of(name)
    if found is BACKENDS[PROCESSES] and (why := why_there_are_none(jobs)) is not None:
        if tell is not None:
            tell(f"using threads instead of processes, which the system cannot start ({why})")
        return BACKENDS[THREADS]
    return found


def backend_of(name: str | None) -> Backend:
    """Return the workers of this name; processes on this machine if None.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown name.
    """
    found = BACKENDS.get(name or PROCESSES)
    if found is None:
        raise SegconvError(f"there is no backend {name!r}", hint=f"there are {', '.join(BACKENDS)}")
    return found
