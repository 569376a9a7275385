"""Report refused writes as our errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import reading
from ..errors import SegconvError

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
_OF_READING = (*_GONE, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE)
"""What the system may say about a file that is read."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn system errors while writing into ours."""
    try:
        yield
    except OSError as error:
        raise of_system(error, path) from error


def of_system(error: OSError, path: Path) -> SegconvError:
    """Return the error for a system error while writing to `path` or below it.

    The file may also be one that is read meanwhile: one that is elsewhere and gone.
    """
    if error.filename is not None and error.filename2 is None:
        asked = Path(os.fsdecode(error.filename))
        beside = asked.is_relative_to(path.parent)
        # A folder above `path` was being created.
        ours = asked.is_relative_to(path) or path.is_relative_to(asked) or asked == path.parent / asked.name
        if not ours and error.errno in (_GONE if beside else _OF_READING):
            return reading.refusal(error, asked)
    return cannot_write(error, path)


def cannot_write(error: OSError, path: Path) -> SegconvError:
    """Return the error for a refused write."""
    name = str(error.filename2 or error.filename or path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SegconvError(
            f"could not be written: {error.strerror}",
            code="SC032",
            file=name,
            hint="make room and run the same command again",
        )
    if error.errno == errno.EEXIST:
        what = "is a link" if os.path.islink(name) else "is there already"
        return SegconvError(f"{what}, and is not replaced", code="SC020", file=name, hint="move it away")
    return SegconvError(f"could not be written: {error.strerror}", code="SC031", file=name)
