"""Handle Ctrl-C and SIGTERM once: say what is kept and how to resume, and leave no worker behind."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ..errors import Cure, Interrupted

_ENDING = (signal.SIGINT, signal.SIGTERM)
"""Signals that ask a run to end."""

_heard: list[int] = []
"""Signals that this process has answered."""


_CALLBACK = ("<frozen importlib._bootstrap>", "cb")
"""A function that runs when an import has ended, as a callback: Python reports what it raises, and goes on."""

_SOON_S = 0.001
"""When a signal is sent again that came in the callback."""


class _Asked(KeyboardInterrupt):
    """A signal asked this process to end.

    A ``python -m`` ends by SIGINT, whatever its exit code, once a `KeyboardInterrupt` passed through code that was
    compiled from a string, as the methods of named tuples and dataclasses are (CPython, ``run_eval_code_obj``). That
    is so for exactly this class, and so at random: such code runs in imports.
    """


def answer_once() -> None:
    """Let Ctrl-C or SIGTERM raise `KeyboardInterrupt` once in this process, which should then end.

    Later signals are ignored, so that they interrupt neither the cleanup nor its messages.
    """
    for number in _ENDING:
        signal.signal(number, _answer)


def answer_no_more() -> None:
    """Ignore Ctrl-C and SIGTERM in this process."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _answer(number: int, frame: FrameType | None) -> None:
    if frame is not None and (frame.f_code.co_filename, frame.f_code.co_name) == _CALLBACK:
        _thread.start_new_thread(_again, (number,))
        return
    answer_no_more()
    _heard.append(number)
    raise _Asked(number)


def _again(number: int) -> None:
    """Send a signal to this process again."""
    time.sleep(_SOON_S)
    os.kill(os.getpid(), number)  # to the process: it must wake the main thread


@contextmanager
def interruptible(message: str, hint: str = "", *cures: Cure) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into `Interrupted` with this message and advice, after ending the workers."""
    with _answering() as heard:
        try:
            yield
        except Interrupted:
            raise
        except (KeyboardInterrupt, Exception) as error:
            # A pool that was interrupted while starting may report dead workers instead.
            number = next(iter(heard()), None)
            if number is None and not isinstance(error, KeyboardInterrupt):
                raise
            end_workers()
            number = number or (error.args[0] if error.args else signal.SIGINT)
            raise Interrupted(message, signal_number=int(number), hint=hint, cures=cures) from None


@contextmanager
def _answering() -> Iterator[Callable[[], list[int]]]:
    """Handle signals in a block and yield a function that returns those received; works only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield list
        return
    before = {number: signal.signal(number, _answer) for number in _ENDING}
    earlier = len(_heard)
    try:
        yield lambda: _heard[earlier:]
    finally:
        for number, handler in before.items():
            if handler is not _answer:  # otherwise the process already handles them once
                signal.signal(number, handler)


def end_workers() -> None:
    """End the worker processes of this run, if any."""
    loky: Any = sys.modules.get("joblib.externals.loky.reusable_executor")
    executor = getattr(loky, "_executor", None)
    if loky is None or executor is None:
        return
    for process in list(getattr(executor, "_processes", None) or {}):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    try:
        executor.shutdown(wait=True, kill_workers=True)
    except RuntimeError:  # loky joins its thread, which an interrupted start may not have begun
        loky._executor = None  # the next run needs another pool
