"""What every kind of workers does."""

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
        """Refuse workers that are not available, before anything is written for them.

        Raises
        ------
        SegconvError
            ``SC041`` if what they need is not installed, ``SC042`` if they do not answer.
        """

    def results(
        self, function: Callable[[T], R], items: Iterator[T], jobs: int, name: Callable[[T], str]
    ) -> Generator[R, None, None]:
        """Submit items, a few more than there are workers, and yield each result as it comes, in any order.

        Closing the generator ends the work: what was not begun never is, and no worker is left that was
        started for it.

        Parameters
        ----------
        function
            Called with each item; it and its items can be pickled, unless the workers are threads.
        items
            Taken as they are needed.
        jobs
            Number of workers, for those that are started for this.
        name
            Returns what to call an item in a message.

        Raises
        ------
        SegconvError
            ``SC100`` if a worker was ended from outside.
        Exception
            What `function` raises.
        """
