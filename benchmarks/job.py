"""A job of the report: what is compared on one input, and the room that it is given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .measure import Contestant, compare
from .result import Result

BIN = Path(sys.executable).parent
FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
FEWER = 100
"""A quick run divides the number of cases by this."""

OURS, FLOOR = "segconv", "floor"


@dataclass(frozen=True)
class Room:
    """Folders, workers and sizes for a job.

    Parameters
    ----------
    base
        An empty folder.
    workers
        Number of workers of every program that can have several.
    quick
        Whether inputs are small: to try a job, not to measure.
    exits
        What has to be stopped when the job is done.
    """

    base: Path
    workers: int
    quick: bool
    exits: ExitStack

    def __post_init__(self) -> None:
        for name in FOLDERS:
            (self.base / name).mkdir()

    @property
    def raw(self) -> Path:
        """nnU-Net's folder of datasets."""
        return self.base / "nnUNet_raw"

    @property
    def env(self) -> Mapping[str, str]:
        """Variables of nnU-Net's folders."""
        return {name: str(self.base / name) for name in FOLDERS}

    def many(self, number: int) -> int:
        """Return a number of cases."""
        return max(2, number // FEWER) if self.quick else number

    def shape(self, *shape: int) -> tuple[int, ...]:
        """Return the shape of a volume ``(x, y, z)``, with channels if there are four numbers."""
        return (*(n // 4 for n in shape[:3]), *shape[3:]) if self.quick else shape

    def segconv(self, *words: object, made: Path | None = None, workers: int | None = None) -> Contestant:
        """Return a command of segconv."""
        command = [str(BIN / "segconv"), *map(str, words), "-q", "-j", str(workers or self.workers)]
        return Contestant(command, made or self.base / "none", self.env)

    def program(self, module: str, *words: object, made: Path | None = None, needs: str = "") -> Contestant:
        """Return a module of this folder as a program, which may need an installed module."""
        command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, words)]
        return Contestant(command, made or self.base / "none", self.env, needs=needs)


@dataclass(frozen=True)
class Comparison:
    """What a job compares.

    Parameters
    ----------
    title
        The input.
    contestants
        Name → command; those named `OURS` and `FLOOR` are what others are compared with.
    check
        Raises `Failed` if results differ; called after each has run once.
    notes
        What a reader has to know; a list, to which `check` may add what it finds.
    """

    title: str
    contestants: Mapping[str, Contestant]
    check: Callable[[], None] = lambda: None
    notes: list[str] = field(default_factory=list)

    def measured(self, rounds: int) -> Result:
        """Compare those that are there, and note which are missing."""
        there = {name: one for name, one in self.contestants.items() if one.is_there}
        missing = [
            f"{name} is missing: {self.contestants[name].needs} is not installed."
            for name in self.contestants
            if name not in there
        ]
        rows = compare(there, rounds, self.check)
        return Result(self.title, rows, [*self.notes, *missing])


Job = Callable[[Room], Sequence[Comparison]]
