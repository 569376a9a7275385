"""Files of users, opened to be read: regular ones alone, through no link, without waiting, as far as they are long."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from .errors import SegconvError

LONGEST = (8 << 30) + (64 << 20)
"""Bytes that a file which nothing was known of before may have: the largest volume, and room beside its voxels."""


def descriptor_of(path: str | os.PathLike[str]) -> int:
    """Open a file for reading alone.

    Parameters
    ----------
    path
        Without links: whoever allows some has resolved them.

    Raises
    ------
    SegconvError
        ``SC060`` if it is a link, ``SC061`` if it is no regular file.
    OSError
        If the system refuses.
    """
    try:
        # O_NONBLOCK: opening a pipe must not wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise became_link(path) from error
        if error.errno == errno.ENXIO:  # a socket
            raise no_file(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise no_file(path)
    return descriptor


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for reading alone; raises what `descriptor_of` raises."""
    with open(path, "rb", opener=lambda path, _: descriptor_of(path)) as file:
        yield file


def whole(path: str | os.PathLike[str], limit: int = LONGEST) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    SegconvError
        ``SC054`` if there are more than `limit`; what `descriptor_of` raises.
    """
    with opened(path) as file:
        return rest_of(file, path, limit)


def rest_of(file: BinaryIO, path: str | os.PathLike[str], limit: int = LONGEST) -> bytes:
    """Return as many bytes of an open file as it is long; raises ``SC054`` if that is more than `limit`."""
    size = os.fstat(file.fileno()).st_size
    if size > limit:
        raise SegconvError(f"is {size} bytes long, at most {limit} are read", code="SC054", file=os.fspath(path))
    return file.read(size)


def became_link(path: str | os.PathLike[str]) -> SegconvError:
    """Return the error for a link where there should be none any more."""
    return SegconvError(
        "it, or a folder above it, is a link, or became one while the run went on", code="SC060", file=os.fspath(path)
    )


def no_file(path: str | os.PathLike[str]) -> SegconvError:
    """Return the error for what is no regular file."""
    return SegconvError("is a folder, pipe or device, expected a file", code="SC061", file=os.fspath(path))
