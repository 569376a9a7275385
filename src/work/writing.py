"""Writes that the system refuses, told as ours."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SegconvError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell an error of the system while writing as ours."""
    try:
        yield
    except OSError as error:
        raise cannot_write(error, path) from error


def cannot_write(error: OSError, path: Path) -> SegconvError:
    """Return the error for a write that the system refused."""
    name = str(error.filename2 or error.filename or path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SegconvError(
            f"could not be written: {error.strerror}",
            code="SC032",
            file=name,
            hint="make room and run the same command again: it goes on where it stopped",
        )
    return SegconvError(f"could not be written: {error.strerror}", code="SC031", file=name)
