"""How a kind of source describes itself: everything that the rest of segconv has to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..model import Scan
from ..survey import Survey

FOUND_BY_NAME = frozenset({"images", "masks", "case_names"})
"""Options that every kind of source heeds whose files are found by their names and places."""


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Parameters
    ----------
    name
        What the user calls it.
    summary
        What such a source holds, in a line.
    heeds
        Fields of `ConvertOptions` that this kind looks at, of those that not every kind does.
    recognise
        Returns what in a source speaks for this kind, in words, or None.
    scan
        Finds the cases; what it notices goes to the survey.
    """

    name: str
    summary: str
    heeds: frozenset[str]
    recognise: Callable[[Survey], str | None]
    scan: Callable[[Survey], Scan]
