"""Run a program with all its descendants: read their output to the end, and end them together.

A guard runs between segconv and the program (see `segconv.train.process_guard`): it ends processes that the program
leaves behind, and everything once segconv is gone, even by ``kill -9``.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import Interrupted, SegconvError
from ..work.locks import held_locks

GUARD = Path(__file__).with_name("process_guard.py")

PATIENCE_S = 5.0
"""How long a process may take to end before it is killed."""

_LOOK_MS = 500
"""How often to check that the guard still exists: it may be killed, too."""

_BLOCK = 1 << 16
_LINE_END = re.compile(rb"(?<=\n)|(?<=\r)(?=[^\n])")

Stop = threading.Event
"""Set to end the programs of other threads."""

_thread = threading.local()
"""Per thread: ``stop``, what ends its programs."""


@contextmanager
def stopped_by(stop: Stop) -> Iterator[None]:
    """Let the programs that this thread runs in a block end when another thread sets a stop."""
    _thread.stop = stop
    try:
        yield
    finally:
        del _thread.stop


@contextmanager
def started(
    command: Sequence[str], env: Mapping[str, str], stdin: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program; at the end of the block none of its processes is left.

    The locks of this thread hold until the last process of the program is gone, even if this process
    ends first.

    Parameters
    ----------
    command
        An absolute path and arguments.
    env
        The complete environment.
    stdin
        Descriptor that the program reads; it reads nothing by default.

    Yields
    ------
    process
        Pass it to `said` to read its output; it ends as the program does.

    Raises
    ------
    SegconvError
        ``SC101`` if the system cannot start a process.
    """
    life, held = os.pipe()
    try:
        try:
            process = subprocess.Popen(  # noqa: S603 - an argument list, our own interpreter
                [sys.executable, "-I", "-S", os.fspath(GUARD), str(life), *command],
                env=env,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(life, *held_locks()),
                start_new_session=True,  # Ctrl-C reaches only us
            )
        except OSError as error:
            raise SegconvError(
                f"could not be started: {error.strerror}",
                code="SC101",
                file=command[0],
                hint="the system starts no more processes: end others, or raise the limit",
            ) from error
        finally:
            os.close(life)
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    _ask_to_end(process)
                    os.close(held)
                    held = -1
                    _force_to_end(process)
                _end_group(process.pid)
    finally:
        if held >= 0:
            os.close(held)


def said(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield the output of a process and its descendants, line by line, until the last of them is gone.

    A line that a progress bar redraws is yielded each time, up to its carriage return.

    Raises
    ------
    Interrupted
        If this thread is stopped; see `stopped_by`.
    """
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    descriptor = process.stdout.fileno()
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    rest, orphaned = b"", False
    while True:
        heed_stop()
        if not orphaned and process.poll() is not None:
            orphaned = True  # a process left behind holds the pipe open
            _end_group(process.pid)
        if waiting.poll(_LOOK_MS):
            block = os.read(descriptor, _BLOCK)
            if not block:
                break
            *lines, rest = _LINE_END.split(rest + block)
            yield from lines
        elif orphaned:
            break
    if rest:
        yield rest


def heed_stop() -> None:
    """Raise `Interrupted` if this thread is stopped; see `stopped_by`."""
    stop: Stop | None = getattr(_thread, "stop", None)
    if stop is not None and stop.is_set():
        raise Interrupted("interrupted together with other programs")


def _ask_to_end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_S)


def _force_to_end(process: subprocess.Popen[bytes]) -> None:
    """Wait for the guard, whose pipe we closed, to kill everything; kill it if it cannot."""
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        _end_group(process.pid)
        process.wait()


def _end_group(group: int) -> None:
    """End the processes that an ended process left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
