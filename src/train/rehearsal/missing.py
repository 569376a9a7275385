"""Name the module that is not installed, in the process that tries trainers and networks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import SegconvError


@contextmanager
def guarded() -> Iterator[None]:
    """Turn a missing module into an error (``SC166``) that names it."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        what = f"the module {error.name} is not installed"
        raise SegconvError(what, code="SC166", hint=f"pip install {package}") from error
