"""What a rehearsal finds wrong with a trainer, a network or an installation, in the process that tries it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Fault(Exception):
    """Something that a training would fail by.

    Parameters
    ----------
    code
        A key of `errors.CODES`.
    message, hint
        What was found and expected, and what to do.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.hint = code, hint

    def as_json(self) -> dict[str, Any]:
        """Return it for segconv's own process."""
        return {"code": self.code, "message": str(self), "hint": self.hint}


@contextmanager
def guarded() -> Iterator[None]:
    """Turn a missing module into a fault that names it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise missing_module(error) from error


def missing_module(error: ModuleNotFoundError) -> Fault:
    """Return the fault of a module that is not installed."""
    package = (error.name or "").split(".")[0]
    return Fault("SC166", f"the module {error.name} is not installed", hint=f"pip install {package}")
