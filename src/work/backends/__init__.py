"""Who does the work: threads, processes of this machine, or a cluster.

A new kind is a module here and a line in `BACKENDS`.
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
    """Return who works under this name, or threads where the system has nothing that processes need.

    Parameters
    ----------
    name, jobs
        As in `parallel.each`.
    tell
        Is told if threads take the place of processes, and why.
    """
    found = backend_of(name)
    if found is BACKENDS[PROCESSES] and (why := why_there_are_none(jobs)) is not None:
        if tell is not None:
            tell(f"threads work instead of processes, which the system cannot start ({why})")
        return BACKENDS[THREADS]
    return found


def backend_of(name: str | None) -> Backend:
    """Return who works under this name; processes of this machine if it is None.

    Raises
    ------
    SegconvError
        ``SC001`` for a name that there is not.
    """
    found = BACKENDS.get(name or PROCESSES)
    if found is None:
        raise SegconvError(f"there is no backend {name!r}", hint=f"there are {', '.join(BACKENDS)}")
    return found
