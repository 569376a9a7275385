"""Read the files that a plan depends on, by as many workers as fit into memory, with progress."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import reading
from ..errors import SegconvError
from .backends import THREADS
from .memory import within_memory
from .parallel import each
from .run_options import UNHEARD, Progress, Workers, refuse_unfit, shown

T = TypeVar("T")
R = TypeVar("R")


WHAT = "labels"
"""What progress calls the items by default."""


@dataclass(frozen=True)
class Readers:
    """Workers that read files while a plan is made.

    They are threads of this process, because they work outside the interpreter's lock and their results
    are small; or processes, for what computes under that lock.

    Parameters
    ----------
    jobs
        Maximum number of workers; 1 reads in this thread.
    progress
        Shows the progress.
    backend
        Kind of workers, as in `parallel.each`; what processes call is picklable.
    what
        What progress calls the items.
    """

    jobs: int = 1
    progress: Progress = UNHEARD
    backend: str | None = THREADS
    what: str = WHAT

    def __post_init__(self) -> None:
        refuse_unfit(jobs=self.jobs, progress=self.progress, backend=self.backend)

    def over(
        self,
        items: Sequence[T],
        read: Callable[[T], R],
        *,
        files: Callable[[T], Sequence[str]],
        decoded: Callable[[T], int],
    ) -> Generator[tuple[T, R | SegconvError], None, None]:
        """Yield every item, in order, with the result or the error of reading it.

        Closing the generator ends the reading; pending items are not read.

        Parameters
        ----------
        read
            Reads an item.
        files
            Returns the paths of an item.
        decoded
            Returns the decoded size of the largest file of an item in bytes.
        """
        if not items:
            return

        def nbytes(item: T) -> int:
            return sum(map(reading.size_if_there, files(item)))

        workers = within_memory(Workers(self.jobs, self.backend, self.progress), items, nbytes, decoded)
        early: dict[int, R | SegconvError] = {}
        due = 0
        with (
            shown(self.progress, len(items), what=self.what),
            closing(
                each(
                    _Attempt(read, files), enumerate(items), jobs=workers.jobs, backend=self.backend, number=len(items)
                )
            ) as results,
        ):
            for number, result in results:
                early[number] = result
                self.progress.advance(self.what)
                while due in early:
                    yield items[due], early.pop(due)
                    due += 1


@dataclass(frozen=True)
class _Attempt:
    """Reads an item; errors become results."""

    read: Callable[[Any], Any]
    files: Callable[[Any], Sequence[str]]

    def __call__(self, numbered: tuple[int, Any]) -> tuple[int, Any]:
        number, item = numbered
        try:
            return number, self.read(item)
        except SegconvError as error:
            return number, error
        except OSError as error:
            return number, reading.refusal(error, error.filename or self.files(item)[0])
        except MemoryError:
            return number, SegconvError("memory ran out", code="SC103")


ONE = Readers()
"""This thread, without progress."""
