"""Let commands finish their work even if a standard stream is closed, full, or without a reader.

Messages that cannot be written are dropped. Data that cannot be written are an error after the work is
done, unless the reader has left.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

from ..errors import EXIT_FOUND, EXIT_IO, Finding

STDIN, STDOUT, STDERR = 0, 1, 2


class Stream(io.FileIO):
    """A standard stream on which writes never fail: data that it cannot take is dropped, and the first reason kept.

    Parameters
    ----------
    descriptor
        An open descriptor, which stays open.
    lost
        Why writes to it are lost, if known in advance.
    """

    def __init__(self, descriptor: int, lost: OSError | None = None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._lost_before = lost
        self.lost: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write as much as the system takes at once; return the full length if the data is dropped."""
        view = memoryview(data)
        try:
            if self._lost_before is not None and view.nbytes:
                raise self._lost_before
            while (count := super().write(view)) is None:  # another process made it non-blocking
                select.select([], [self.fileno()], [])
            return count
        except OSError as error:
            self.lost = self.lost or error
            self._lost_before = None
            _plug(self.fileno())  # worker processes and libraries write there as well
            return view.nbytes


def take_streams() -> Stream:
    """Replace stdout and stderr by streams on which writes never fail; return the one of stdout.

    Closed descriptors are plugged, so that no file that the command opens gets the number of one of them.
    """
    closed = {number for number in (STDIN, STDOUT, STDERR) if not _is_open(number)}
    for number in sorted(closed):
        _plug(number)
    streams = {}
    for number, name in ((STDOUT, "stdout"), (STDERR, "stderr")):
        lost = OSError(errno.EBADF, "it is closed") if number in closed else None
        streams[number] = Stream(number, lost)
        setattr(sys, name, _text(streams[number], getattr(sys, name)))
    return streams[STDOUT]


def settled(code: int, out: Stream) -> tuple[int, tuple[Finding, ...]]:
    """Return the final exit code of a command, and findings on what was not written."""
    sys.stdout.flush()
    if out.lost is None or out.lost.errno == errno.EPIPE or code not in (0, EXIT_FOUND):
        return code, ()
    no_space = out.lost.errno in (errno.ENOSPC, errno.EDQUOT)
    finding = Finding(
        "SC032" if no_space else "SC031",
        f"could not be written: {out.lost.strerror}",
        file="standard output",
        hint="only the output of the command is lost; its work is done",
    )
    return EXIT_IO, (finding,)


def _text(stream: Stream, before: TextIO | None) -> TextIO:
    """Return a text stream like the previous one."""
    return io.TextIOWrapper(
        io.BufferedWriter(stream),
        encoding=before.encoding if before is not None else "utf-8",
        errors=before.errors if before is not None else "backslashreplace",
        line_buffering=stream.fileno() == STDERR or stream.isatty(),
    )


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _plug(number: int) -> None:
    """Connect a descriptor to the null device."""
    nothing = os.open(os.devnull, os.O_RDONLY if number == STDIN else os.O_WRONLY)
    if nothing != number:
        os.dup2(nothing, number)
        os.close(nothing)
    else:
        os.set_inheritable(number, True)
