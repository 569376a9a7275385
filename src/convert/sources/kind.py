"""What the module of a kind of source provides.

All modules are imported to recognise a source, one to scan it, and every command that reads one waits for them. So
what only `scan` needs is imported inside it, and so is what `recognise` needs once a source may be of its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..model import Scan
from ..survey import Survey

FOUND_BY_NAME = frozenset({"images", "masks", "case_names"})
"""Options that apply to every kind of source whose files are found by name and place."""


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Parameters
    ----------
    heeds
        Fields of `ConvertOptions` that this kind uses, of those that do not apply to every kind.
    recognise
        Returns the evidence for this kind in a source, in words, or None.
    scan
        Finds the cases; what it notices goes to the survey.
    """

    heeds: frozenset[str]
    recognise: Callable[[Survey], str | None]
    scan: Callable[[Survey], Scan]
