"""The items that are sent to a worker of a cluster at once, and what it returns."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..allocator import keep_freed_memory
from ..unforeseen import Carried
from .gone import run_is_gone, serve
from .inner import ITK_THREADS
from .shared import Required, Unfit

Answer = tuple[Any, Exception | None]
"""A result, or the exception that was raised: exceptions of the batch itself come from the cluster."""
Done = tuple[list[Answer], float] | Unfit
"""The answers, up to the first exception, with the seconds that they took; or why the worker may not work."""

_fit: set[Required] = set()
"""What this process was found to have."""


@dataclass(frozen=True, eq=False)
class Batch:
    """The work on some items, as it is sent to a worker.

    Parameters
    ----------
    work
        Called with each item.
    items
        Items of the run.
    required
        What the worker must have.
    """

    work: Carried[Any, Any]
    items: tuple[Any, ...]
    required: Required

    def __call__(self, gone: Callable[[], bool] = bool) -> Done:
        """Do the work in a worker.

        Parameters
        ----------
        gone
            Returns whether the run has ended, or does not want this batch any more.
        """
        os.environ.setdefault(ITK_THREADS, "1")  # the cluster sets the number of threads per worker
        if self.required not in _fit:
            if unfit := self.required.missing():
                return unfit
            _fit.add(self.required)
            keep_freed_memory()
        begun = time.monotonic()
        return self._answers(gone), time.monotonic() - begun

    def _answers(self, gone: Callable[[], bool]) -> list[Answer]:
        answers: list[Answer] = []
        serve(gone)
        try:
            for item in self.items:
                if run_is_gone():
                    break
                answers.append((self.work(item), None))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is wanted
            answers.append((None, error))
        finally:
            serve(bool)
        return answers
