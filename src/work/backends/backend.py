"""The interface of all kinds of workers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


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

    def results(
        self, function: Callable[[T], R], items: Iterator[T], jobs: int, name: Callable[[T], str]
    ) -> Generator[R, None, None]:
        """Submit items, a few more than there are workers, and yield results as they arrive, in any order.

        Closing the generator ends the work: pending items are dropped, and workers started for it end.

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

        Raises
        ------
        SegconvError
            ``SC100`` if a worker was killed.
        Exception
            What `function` raises.
        """
