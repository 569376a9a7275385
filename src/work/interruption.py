"""Ctrl-C and SIGTERM: answered once, with what is kept and how to go on, and no worker left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import Cure, Interrupted

_ENDING = (signal.SIGINT, signal.SIGTERM)
"""What asks a run to end."""

_heard: list[int] = []
"""The signals that were answered in this process."""


def answer_once() -> None:
    """Let Ctrl-C or SIGTERM raise `KeyboardInterrupt` once in this process, which is expected to end then.

    Whatever follows is ignored, so that it cannot cut the end short, nor what is said about it.
    """
    for number in _ENDING:
        signal.signal(number, _answer)


def _answer(number: int, frame: object) -> None:
    for further in _ENDING:
        signal.signal(further, signal.SIG_IGN)
    _heard.append(number)
    raise KeyboardInterrupt(number)


@contextmanager
def interruptible(message: str, hint: str = "", *cures: Cure) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into `Interrupted` with this message, hint and cures, the workers ended."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, _answer) for number in _ENDING} if main else {}
    earlier = len(_heard)
    try:
        yield
    except Interrupted:
        raise
    except (KeyboardInterrupt, Exception) as error:
        # A pool whose start was interrupted may raise that its workers died instead.
        heard = _heard[earlier:] if main else []
        if not heard and not isinstance(error, KeyboardInterrupt):
            raise
        end_workers()
        number = heard[0] if heard else error.args[0] if error.args else signal.SIGINT
        raise Interrupted(message, signal_number=int(number), hint=hint, cures=cures) from None
    finally:
        for number, handler in before.items():
            if handler is not _answer:  # else the whole process answers once
                signal.signal(number, handler)


def end_workers() -> None:
    """End the worker processes of this run, if any were started."""
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    executor = getattr(loky, "_executor", None)
    if executor is not None:
        for process in list(getattr(executor, "_processes", None) or {}):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        executor.shutdown(wait=True, kill_workers=True)
