"""Show how far folds are: a table that changes in place on a terminal, otherwise a line for each epoch."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import Finding
from ..train.epochs import STARTING, TRAINING, VALIDATING, Progress
from ..work import run_options
from .sink import Progress as Bar
from .sink import Sink, shown

COLUMNS = ("fold", "on", "epoch", "train loss", "val. loss", "pseudo Dice", "left")
_REFRESHED_PER_S = 2
_SHOWN_CLASSES = 6
_COMPILES = "the first epoch compiles the kernels of the network, which may take minutes"


class TrainingDisplay:
    """Shows progress on stderr.

    Parameters
    ----------
    sink
        The output of the command.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._folds: dict[str, Progress] = {}
        self._lock = threading.Lock()
        self._live: Any = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the table while a block runs, on a terminal, from the first fold that is heard of."""
        if self._sink.quiet or self._sink.as_json or self._sink.verbose or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            get_renderable=self._table,
            console=Console(stderr=True),
            refresh_per_second=_REFRESHED_PER_S,
        )
        try:
            yield
        finally:
            self._live.stop()
            self._live = None

    def begin(self, text: str) -> None:
        """Write a line for what begins, and start a new table."""
        with self._lock:
            self._folds.clear()
        self.say(text)

    def say(self, text: str) -> None:
        """Write a line, above the table if there is one."""
        if self._live is None:
            self._sink.say(text)
            return
        from rich.text import Text

        self._live.console.print(Text.from_ansi(shown(text, sys.stderr)), soft_wrap=True)

    def warn(self, findings: Sequence[Finding]) -> None:
        """Write warnings, above the table if there is one."""
        self.pause()
        self._sink.warn(findings)
        self.go_on()

    def reading(self) -> run_options.Progress:
        """Return the progress of what is read before the folds begin, shown in place of the table."""
        return run_options.UNHEARD if self._sink.quiet or self._sink.as_json else _InPlace(self)

    def pause(self) -> None:
        """Take the table away, if there is one."""
        if self._live is not None:
            self._live.stop()

    def go_on(self) -> None:
        """Show the table again."""
        if self._live is not None and self._folds:  # an empty table would leave an empty line
            self._live.start()

    def hear(self, progress: Progress) -> None:
        """Take the progress of a fold, from any thread."""
        with self._lock:
            before = self._folds.get(progress.fold)
            self._folds[progress.fold] = progress
        if before is None:
            self.go_on()
        if self._live is None and (words := in_words(before, progress)):
            self._sink.say(f"fold {progress.fold}: {words}")

    def _table(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            folds = list(self._folds.values())
        if not folds:
            return Text()
        table = Table(box=None, pad_edge=False)
        for column in COLUMNS:
            table.add_column(column)
        for progress in folds:
            table.add_row(*map(Text, row(progress)))
        return table


class _InPlace(Bar):
    """A progress bar in place of a table: a terminal shows one of them at a time."""

    def __init__(self, display: TrainingDisplay) -> None:
        super().__init__()
        self._display = display

    def start(self, total: int, done: int, what: str = "cases") -> None:
        """Start with the number of items."""
        self._display.pause()
        super().start(total, done, what)

    def stop(self) -> None:
        """End."""
        super().stop()
        self._display.go_on()


def in_words(before: Progress | None, now: Progress) -> str:
    """Return what is new of a fold; empty if it is not worth a line."""
    if now.phase == STARTING:
        return _COMPILES if now.compiles else "nnU-Net starts, which takes a moment"
    first = before is None or before.phase != now.phase
    if now.phase == TRAINING:
        return _epoch_in_words(now) if now.finished else f"epoch {_epoch(now)} begins" if first else ""
    return f"validates {now.to_predict or 'its'} cases" if now.phase == VALIDATING and first else ""


def _epoch_in_words(now: Progress) -> str:
    parts = [f"epoch {_epoch(now)}"]
    parts += [f"train loss {now.train_loss:.3f}"] if now.train_loss is not None else []
    parts += [f"validation loss {now.validation_loss:.3f}"] if now.validation_loss is not None else []
    parts += [f"pseudo Dice {_dice(now)}"] if now.pseudo_dice else []
    left = now.left_s
    return ", ".join(parts + ([f"{duration(left)} left"] if left else []))


def row(progress: Progress) -> tuple[str, ...]:
    """Return the row of a fold in the table."""
    at = _epoch(progress) if progress.phase == TRAINING else progress.phase
    at += ", compiles" if progress.compiles else ""
    if progress.phase == VALIDATING and progress.predicted:
        at = f"{VALIDATING} {progress.predicted}/{progress.to_predict or '?'}"
    losses = (_number(progress.train_loss), _number(progress.validation_loss))
    left = progress.left_s
    return (progress.fold, progress.slot, at, *losses, _dice(progress), "" if left is None else duration(left))


def _epoch(progress: Progress) -> str:
    """Return an epoch as nnU-Net counts it, from 0, and the last one."""
    last = "" if progress.epochs is None else f"/{progress.epochs - 1}"
    return "" if progress.epoch is None else f"{progress.epoch}{last}"


def _dice(progress: Progress) -> str:
    shown = [_number(value, digits=2) for value in progress.pseudo_dice[:_SHOWN_CLASSES]]
    return " ".join(shown) + (" …" if len(progress.pseudo_dice) > _SHOWN_CLASSES else "")


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else "–" if math.isnan(value) else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """Return a time for people, such as ``2 h 05 min``.

    >>> duration(7500), duration(61), duration(12), duration(200000)
    ('2 h 05 min', '1 min', '12 s', '2 d 7 h')
    """
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
