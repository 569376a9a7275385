"""Follow nnU-Net's planning through what it writes: its phase, and the cases of its progress bars; who hears of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..work import run_options

EXAMINING, STARTING = "examining", "starting"
"""Phases before nnU-Net writes anything: the check before it, and the start of its first process."""
CHECKING, FINGERPRINT, PLANNING, PREPROCESSING = "checking", "fingerprint", "planning", "preprocessing"

_BAR = re.compile(r"(Extracting dataset fingerprint|Preprocessing cases):.*\| (\d+)/(\d+) \[")
_CONFIGURATION = re.compile(r"Configuration: (\S+?)\.\.\.")
_PLANS = re.compile(r"Experiment planning")
_BEGUN = re.compile(r"Fingerprint extraction")


@dataclass(frozen=True)
class Progress:
    """How far a planning is.

    Parameters
    ----------
    phase
        `EXAMINING`, `STARTING`, `CHECKING`, `FINGERPRINT`, `PLANNING` or `PREPROCESSING`.
    configuration
        The one that is preprocessed; empty in other phases, and before nnU-Net says which it is.
    done, total
        Number of cases; 0 if they are not counted.
    """

    phase: str
    configuration: str = ""
    done: int = 0
    total: int = 0


Heard = Callable[[Progress], None]


@dataclass(frozen=True)
class Reporting:
    """Who hears of a planning.

    Parameters
    ----------
    tell
        Called with each line that nnU-Net writes.
    note
        Called with notes on decisions.
    heard
        Called with the progress.
    checking
        Shows how far segconv's own check is.
    """

    tell: Callable[[str], None] | None = None
    note: Callable[[str], None] = lambda _: None
    heard: Heard | None = None
    checking: run_options.Progress = run_options.UNHEARD

    def begin(self, phase: str) -> None:
        """Say that a phase begins in which nnU-Net writes nothing yet."""
        if self.heard is not None:
            self.heard(Progress(phase))


UNHEARD = Reporting()
"""No one hears of it."""


class Follower:
    """Turns what nnU-Net writes into `Progress`.

    Parameters
    ----------
    heard
        Called with each change.
    """

    def __init__(self, heard: Heard | None) -> None:
        self._heard = heard
        self._progress = Progress("")

    def __call__(self, output: bytes) -> None:
        """Take a piece of output."""
        line = output.decode("utf-8", "replace")
        if bar := _BAR.search(line):
            phase = FINGERPRINT if bar[1].startswith("Extracting") else PREPROCESSING
            kept = self._progress.configuration if phase == PREPROCESSING else ""
            self._change(Progress(phase, kept, int(bar[2]), int(bar[3])))
        elif found := _CONFIGURATION.match(line):
            self._change(Progress(PREPROCESSING, found[1]))
        elif _PLANS.match(line):
            self._change(Progress(PLANNING))
        elif _BEGUN.match(line):
            self._change(Progress(CHECKING))

    def _change(self, now: Progress) -> None:
        if self._heard is not None and now != self._progress:
            self._heard(replace(now))
        self._progress = now
