"""Report errors that should not be possible, and carry them out of a worker process."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .. import reading
from ..errors import Finding, SegconvError

T = TypeVar("T")
R = TypeVar("R")


def unforeseen(error: Exception, file: str) -> Finding:
    """Return the finding for an error that should not be possible, or for lack of memory."""
    if isinstance(error, MemoryError):
        return Finding("SC103", "memory ran out", file=file)
    if isinstance(error, OSError) and error.errno is not None:  # a file that vanished, or a failing disk
        return reading.refusal(error, error.filename or file).findings[0]
    what = f"{type(error).__name__}: {error}"
    if os.environ.get("SEGCONV_DEBUG"):
        import traceback

        what = "".join(traceback.format_exception(error))
    return Finding("SC104", f"unexpected {what}", file=file)


@dataclass(frozen=True)
class Carried(Generic[T, R]):
    """A function whose errors all survive pickling out of a worker process.

    Parameters
    ----------
    function
        Processes an item.
    name
        Returns the name of an item for messages.
    """

    function: Callable[[T], R]
    name: Callable[[T], str]

    def __call__(self, item: T) -> R:
        """Return the function's result, or raise what it raises in a form that survives pickling."""
        try:
            return self.function(item)
        except SegconvError:
            raise
        except Exception as error:
            if _survives(error):
                raise
            found = unforeseen(error, self.name(item))
        raise SegconvError(found.message, code=found.code, file=found.file, hint=found.hint, cures=found.cures)


def _survives(error: Exception) -> bool:
    """Return whether an exception survives pickling unchanged; many of other packages do not."""
    import pickle

    try:
        pickle.dumps(error)
        reduced: Any = error.__reduce__()
        copy = reduced[0](*reduced[1])
    except Exception:  # noqa: BLE001 - code of other packages, which may raise anything
        return False
    return type(copy) is type(error) and str(copy) == str(error)
