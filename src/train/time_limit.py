"""End a process of a user's own code that takes too long, by the kernel, wherever it hangs."""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LIMIT_S = 300
"""How long a step may take: importing, building, or the forward passes of a configuration."""

_BY_SIGNAL = 128
"""Exit codes of shells are this plus the number of a signal."""


def end_after(limit_s: int) -> None:
    """Let the kernel end this process unless another limit is set within a time; its log then says where it was."""
    faulthandler.dump_traceback_later(max(1, limit_s - 1), file=sys.stdout)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(limit_s)


@contextmanager
def limited(limit_s: int = LIMIT_S) -> Iterator[None]:
    """Let the kernel end this process if a block takes longer."""
    end_after(limit_s)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()


def took_too_long(ended_with: int) -> bool:
    """Return whether a process ended with its limit; see `ChildFailed.ended_with`."""
    return ended_with == _BY_SIGNAL + signal.SIGALRM


def was_killed(ended_with: int) -> bool:
    """Return whether a signal ended a process."""
    return ended_with > _BY_SIGNAL


def how_it_ended(step: str, ended_with: int, limit_s: int = LIMIT_S) -> str:
    """Return in words how a step ended its process, such as "the import did not end within 300 s"."""
    if took_too_long(ended_with):
        return f"the {step} did not end within {limit_s} s"
    number = ended_with - _BY_SIGNAL
    known = number in {each.value for each in signal.Signals}
    how = f"by {signal.Signals(number).name}" if known else f"with exit code {ended_with}"
    return f"the {step} ended its process {how}"
