"""The interface of all kinds of workers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from ...errors import SegconvError
from ..unforeseen import Carried

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Work(Generic[T, R]):
    """What workers are to do.

    Parameters
    ----------
    function
        Called with each item; it and its items must be picklable unless the workers are threads.
    items
        Consumed as needed.
    jobs
        Number of workers, if they are started for this work.
    name
        Returns the name of an item for messages.
    files
        Files that workers on other machines must see, to prove that they share the disk.
    killed
        Returns the result of an item that ends each of its workers, from it and the error that says so; if None, the
        error is raised. Processes of this machine do not say which item it was, and raise.
    number
        How many items there are, if known: a cluster sends no batch that would leave some of its workers idle.
    """

    function: Callable[[T], R]
    items: Iterator[T]
    jobs: int
    name: Callable[[T], str]
    files: Sequence[Path] = ()
    killed: Callable[[T, SegconvError], R] | None = None
    number: int | None = None

    @property
    def carried(self) -> Carried[T, R]:
        """The function, with errors that survive the way out of another process."""
        return Carried(self.function, self.name)


class Backend(Protocol):
    """One kind of workers.

    Parameters
    ----------
    here
        Whether its workers are on this machine: they share its memory and its cores.
    """

    @property
    def here(self) -> bool:
        """See above."""

    def ready(self) -> None:
        """Refuse unavailable workers before anything is written for them.

        Raises
        ------
        SegconvError
            ``SC041`` if a package that they need is not installed, ``SC042`` if they do not answer.
        """

    def results(self, work: Work[T, R]) -> Generator[R, None, None]:
        """Submit items, a few more than there are workers, and yield results as they arrive, in any order.

        Closing the generator ends the work: pending items are dropped, and workers started for it end.

        Raises
        ------
        SegconvError
            ``SC042`` if workers on other machines do not see the files, or have another version of segconv;
            ``SC100`` if a worker was killed.
        Exception
            What the function raises.
        """
