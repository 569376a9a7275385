"""Find out whether the run of a worker has ended: whatever the worker still does must then leave no trace."""

from __future__ import annotations

import threading
from collections.abc import Callable

_worker = threading.local()


def serve(gone: Callable[[], bool]) -> None:
    """Make this thread a worker of a run; `gone` says whether the run has ended."""
    _worker.gone = gone


def run_is_gone() -> bool:
    """Return whether this is a worker whose run has ended; it must not write any more."""
    gone: Callable[[], bool] | None = getattr(_worker, "gone", None)
    return gone is not None and gone()
