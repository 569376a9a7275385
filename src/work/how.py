"""How a plan is run: whatever a caller may choose that decides no byte of what is made."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypedDict

from ..errors import SegconvError


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


def refuse_unfit(**how: Any) -> None:
    """Refuse what a caller cannot mean, before anything is begun.

    Parameters
    ----------
    how
        Some of the keyword arguments of `How`; ``tell`` and ``warn``; or switches.

    Raises
    ------
    SegconvError
        ``SC001`` for the first that is of another type than `How` says, or less than one worker.
    """
    for name, value in how.items():
        fits, expected = _FIT.get(name, _SWITCH)
        if not fits(value):
            raise SegconvError(f"{name}={value!r}: expected {expected}", code="SC001")


def _is_number_of_workers(value: object) -> bool:
    return not isinstance(value, bool) and hasattr(value, "__index__") and operator.index(value) >= 1


def _is_name(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_progress(value: object) -> bool:
    return value is None or all(callable(getattr(value, name, None)) for name in ("note", "start", "advance", "stop"))


def _is_function(value: object) -> bool:
    return value is None or callable(value)


def _is_descriptor(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


_SWITCH = _is_switch, "True or False"
_FIT: Mapping[str, tuple[Callable[[object], bool], str]] = MappingProxyType(
    {
        "jobs": (_is_number_of_workers, "a number of workers, 1 or more"),
        "backend": (_is_name, "the name of a backend, or None"),
        "progress": (_is_progress, "None, or what has the methods of segconv.work.how.Progress"),
        "tell": (_is_function, "a function of a line, or None"),
        "warn": (_is_function, "a function of findings, or None"),
        "lock": (_is_descriptor, "the descriptor of a lock, or None"),
    }
)
"""Keyword argument → whether a value fits, and what does; all others are switches."""
