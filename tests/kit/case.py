"""A case of the kit: a good source, one change, and what segconv must then do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from .made import Made
from .sources import Place

Change = Callable[[Place], object]
Check = Callable[[Made], None]
Words = tuple[str, ...]


@dataclass(frozen=True)
class Reject:
    """The source must be refused.

    Parameters
    ----------
    codes
        One of them must be reported.
    file
        The file that is named with it; None where the finding is about no file of the source.
    exits
        Exit codes that are right.
    """

    codes: tuple[str, ...]
    file: str | None
    exits: tuple[int, ...] = (65,)


@dataclass(frozen=True)
class Convert:
    """The source must be converted, and the result must pass the check."""

    check: Check


@dataclass(frozen=True)
class Warn:
    """The source must be converted with a warning; ``--strict`` refuses it.

    Parameters
    ----------
    codes
        One of them must be reported.
    file
        The file that is named with it, or None.
    check
        Of the result.
    recorded
        Whether the lineage must hold it: it does not hold what is about this machine.
    """

    codes: tuple[str, ...]
    file: str | None
    check: Check
    recorded: bool = True


@dataclass(frozen=True)
class Case:
    """One line of the kit.

    Parameters
    ----------
    topic
        Key of `topics.TOPICS`.
    kind
        Key of `sources.KINDS`.
    name
        What is wrong or odd.
    change
        Does it to a fresh good source.
    expect
        What must come of it.
    words
        Options besides those with which the good source is converted.
    cures
        Sets of options each of which must make the conversion succeed.
    detect
        Whether the outcome must be the same without ``--from``.
    bare
        Whether the options of the good source are left out.
    again
        Whether the same command must succeed once the source is as good as new.
    around
        Circumstances of the run: variables, disks.
    to
        The target.
    source
        Path to convert, relative to the folder of the case.
    command
        ``convert``, or ``repair`` for a source that is a dataset.
    """

    topic: str
    kind: str
    name: str
    change: Change
    expect: Reject | Convert | Warn
    words: Words = ()
    cures: tuple[Words, ...] = ()
    detect: bool = True
    bare: bool = False
    again: bool = True
    around: Callable[[Place], AbstractContextManager[object]] | None = None
    to: str = "5_Kit"
    source: str | None = None
    command: str = "convert"

    @property
    def id(self) -> str:
        """What pytest calls it."""
        return f"{self.topic}-{self.kind}-{self.name.replace(' ', '-')}"


def nothing(place: Place) -> None:
    """Change nothing."""


def source_of(case: Case, place: Place) -> Path:
    """Return the path that is converted."""
    return place.root if case.source is None else place.folder / case.source
