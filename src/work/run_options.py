"""Options of a run that do not change the bytes of the result."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Protocol

from ..errors import SegconvError


class Progress(Protocol):
    """Shows the progress of a run."""

    def note(self, text: str) -> None:
        """Show a note before the work begins."""

    def start(self, total: int, done: int, what: str = "cases") -> None:
        """Start with the number of cases (or `what`), including those that an earlier run has done."""

    def advance(self, case: str) -> None:
        """Count one more case."""

    def stop(self) -> None:
        """End."""


class Unheard:
    """Progress that is not shown."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def start(self, total: int, done: int, what: str = "cases") -> None:
        """Do nothing."""

    def advance(self, case: str) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


UNHEARD = Unheard()


@contextmanager
def shown(progress: Progress, total: int, done: int = 0, what: str = "cases") -> Iterator[None]:
    """Show the progress of a block, and stop however it ends."""
    progress.start(total, done, what)
    try:
        yield
    finally:
        progress.stop()


@dataclass(frozen=True)
class Workers:
    """The workers, and the progress display.

    Parameters
    ----------
    jobs
        Number of workers; with 1, this process does the work.
    backend
        Kind of workers, as in `parallel.each`; threads or processes of this machine if None.
    progress
        Shows the progress.

    Raises
    ------
    SegconvError
        ``SC001`` for a value of the wrong type or fewer than one worker.
    """

    jobs: int = 1
    backend: str | None = None
    progress: Progress = UNHEARD

    def __post_init__(self) -> None:
        refuse_unfit(**{field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True)
class RunOptions(Workers):
    """How to run a plan; the plan determines the bytes of the result.

    Parameters
    ----------
    jobs, backend, progress
        As in `Workers`.
    overwrite
        Replace the target once the new one is complete.
    restart
        Discard an unfinished run.
    keep_going
        Leave out failing cases instead of refusing all.
    strict
        Treat warnings as errors.
    fsync
        Flush everything to the disk before the target appears.
    verify
        Read every written file again at the end.
    lock
        Descriptor of the target's lock, if the caller holds it; see `locks.locked`.
    """

    overwrite: bool = False
    restart: bool = False
    keep_going: bool = False
    strict: bool = False
    fsync: bool = True
    verify: bool = True
    lock: int | None = None


def refuse_unfit(**options: Any) -> None:
    """Refuse invalid values before anything begins.

    Parameters
    ----------
    options
        Fields of `RunOptions`, ``tell`` and ``warn``, or switches.

    Raises
    ------
    SegconvError
        ``SC001`` for the first value of the wrong type, or for fewer than one worker.
    """
    for name, value in options.items():
        fits, expected = _FIT.get(name, _SWITCH)
        if not fits(value):
            raise SegconvError(f"{name}={value!r}: expected {expected}", code="SC001")


def _is_number_of_workers(value: object) -> bool:
    return not isinstance(value, bool) and hasattr(value, "__index__") and operator.index(value) >= 1


def _is_name(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_progress(value: object) -> bool:
    return all(callable(getattr(value, name, None)) for name in ("note", "start", "advance", "stop"))


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
        "progress": (_is_progress, "an object with the methods of segconv.work.run_options.Progress"),
        "tell": (_is_function, "a function of a line, or None"),
        "warn": (_is_function, "a function of findings, or None"),
        "lock": (_is_descriptor, "the descriptor of a lock, or None"),
    }
)
"""Keyword argument → whether a value fits, and what does; all others are switches."""

ONE_WORKER = Workers()
USUAL = RunOptions()
"""The defaults."""
