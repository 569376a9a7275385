"""Number the steps of a flow, for whoever waits for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Begun:
    """A step that begins.

    Parameters
    ----------
    number, of
        Its number, from 1 on, and that of the last step.
    what
        What it does, in words.
    """

    number: int
    of: int
    what: str


class Steps:
    """Counts steps.

    Parameters
    ----------
    count
        Number of all steps.
    heard
        Called with each step.
    """

    def __init__(self, count: int, heard: Callable[[Begun], None]) -> None:
        self._number, self._count, self._heard = 0, count, heard

    def begin(self, what: str) -> None:
        """Say that the next step begins."""
        self._number += 1
        self._heard(Begun(self._number, self._count, what))
