"""Show how far a planning is: a bar on a terminal, otherwise a line for each phase."""

from __future__ import annotations

from dataclasses import dataclass

from ..train.planning_progress import CHECKING, EXAMINING, FINGERPRINT, PLANNING, PREPROCESSING, STARTING, Progress
from ..words import count_of
from ..work import run_options
from .sink import Sink

_WORDS = {
    EXAMINING: "the dataset is checked",
    STARTING: "nnU-Net starts, which takes a moment",
    CHECKING: "nnU-Net reads the dataset",
    FINGERPRINT: "nnU-Net makes the fingerprint",
    PLANNING: "nnU-Net makes plans",
    PREPROCESSING: "nnU-Net starts to preprocess",
}


class PlanningDisplay:
    """Shows progress on stderr.

    Parameters
    ----------
    sink
        The output of the command.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._bar = sink.progress()
        self._now = Progress("")
        self._counted = False

    def hear(self, progress: Progress) -> None:
        """Take the progress."""
        if self._sink.verbose:  # nnU-Net's own lines are shown
            return
        before, self._now = self._now, progress
        begun = (before.phase, before.configuration) == (progress.phase, progress.configuration)
        if not begun:
            self.stop()
        if progress.total:
            self._count(before if begun else None, progress)
        elif not begun and not progress.configuration and (words := _WORDS.get(progress.phase)):
            self._sink.say(words)

    def _count(self, before: Progress | None, now: Progress) -> None:
        """Show how many cases are done."""
        if not self._counted:
            self._counted = True
            preprocessing = f"nnU-Net preprocesses for {now.configuration}"
            what = preprocessing if now.configuration else _WORDS[now.phase]
            self._sink.say(f"{what}: {count_of(now.total, 'case')}")
            self._bar.start(now.total, 0)
        for number in range(0 if before is None else before.done, now.done):
            self._bar.advance(str(number))

    def reading(self) -> run_options.Progress:
        """Return the progress of what is read before and after, shown in place of the bar."""
        return _InPlace(self, self._sink.progress())

    def stop(self) -> None:
        """End the bar."""
        if self._counted:
            self._bar.stop()
            self._counted = False


@dataclass(frozen=True)
class _InPlace:
    """A bar in place of that of a planning: a terminal shows one of them at a time."""

    planning: PlanningDisplay
    bar: run_options.Progress

    def note(self, text: str) -> None:
        """Show a note."""
        self.bar.note(text)

    def start(self, total: int, done: int, what: str = "cases") -> None:
        """Start with the number of items."""
        self.planning.stop()
        self.bar.start(total, done, what)

    def advance(self, case: str) -> None:
        """Count one more item."""
        self.bar.advance(case)

    def stop(self) -> None:
        """End."""
        self.bar.stop()
