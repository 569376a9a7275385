"""How a plan is run: whatever a caller may choose that decides no byte of what is made."""

from __future__ import annotations

from typing import Protocol, TypedDict


class Progress(Protocol):
    """Who is told how far a run is."""

    def note(self, text: str) -> None:
        """Tell what a person may want to know before it begins."""

    def start(self, total: int, done: int, what: str = "cases") -> None:
        """Begin, with so many cases, or what else they are called, of which some were done by an earlier run."""

    def advance(self, case: str) -> None:
        """Count one more."""

    def stop(self) -> None:
        """End."""


class HowStaged(TypedDict, total=False):
    """The keyword arguments of what works in a staging folder and lets nothing appear.

    Parameters
    ----------
    jobs
        Number of workers; 1, the default, works in this process.
    backend
        Who works: a name that `parallel.each` knows; threads or processes of this machine if None.
    progress
        Is told how far the run is.
    restart
        Throw away what an unfinished run left.
    keep_going
        Leave out cases that fail instead of refusing all.
    strict
        Treat warnings as errors.
    verify
        Read every file again at the end; on unless False.
    """

    jobs: int
    backend: str | None
    progress: Progress | None
    restart: bool
    keep_going: bool
    strict: bool
    verify: bool


class How(HowStaged, total=False):
    """The keyword arguments of every other ``run_…``; all that decides bytes is in the plan.

    Parameters
    ----------
    overwrite
        Replace the target, once the new one is whole.
    fsync
        Bring everything to the disk before the target appears; on unless False.
    lock
        Descriptor of the target's lock, where the caller holds that; see `locks.locked`.
    """

    overwrite: bool
    fsync: bool
    lock: int | None
