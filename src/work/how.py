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


class How(TypedDict, total=False):
    """The keyword arguments of every ``run_…``; all that decides bytes is in the plan.

    Parameters
    ----------
    jobs
        Number of workers; 1, the default, works in this process.
    backend
        Who works: a name that `parallel.each` knows; threads or processes of this machine if None.
    progress
        Is told how far the run is.
    overwrite
        Replace the target, once the new one is whole.
    restart
        Throw away what an unfinished run left.
    keep_going
        Leave out cases that fail instead of refusing all.
    strict
        Treat warnings as errors.
    fsync
        Bring everything to the disk before the target appears; on unless False.
    verify
        Read every file again before the target appears; on unless False.
    """

    jobs: int
    backend: str | None
    progress: Progress | None
    overwrite: bool
    restart: bool
    keep_going: bool
    strict: bool
    fsync: bool
    verify: bool
