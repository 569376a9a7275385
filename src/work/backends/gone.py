"""Whether the run of a worker has ended: what the worker still does then must leave no trace."""

from __future__ import annotations

import threading
from collections.abc import Callable

_worker = threading.local()


def serve(gone: Callable[[], bool]) -> None:
    """Make this thread a worker of a run; `gone` says whether that has ended."""
    _worker.gone = gone


def run_is_gone() -> bool:
    """Return whether this is a worker whose run has ended, which must not write any more."""
    gone: Callable[[], bool] | None = getattr(_worker, "gone", None)
    return gone is not None and gone()
