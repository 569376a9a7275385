"""The environment of worker processes; the calling program's environment is restored afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..search_path import variables_of_children

_OF_THE_POOL = ("JOBLIB_", "LOKY_")
"""Prefixes of variables that change or break a pool of joblib and loky."""

_lock = threading.Lock()
_runs = 0
_before: dict[str, str | None] = {}


@contextmanager
def environment_of_workers() -> Iterator[None]:
    """Let processes start in a block without settings of the pool's library or modules from the current folder.

    Several runs may overlap: the first changes the environment, the last restores it.
    """
    global _runs, _before
    with _lock:
        if not _runs:
            changed = dict.fromkeys(filter(_is_of_the_pool, os.environ)) | variables_of_children()
            _before = {name: os.environ.get(name) for name in changed}
            _change(changed)
        _runs += 1
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if not _runs:
                _change(_before)


def _is_of_the_pool(name: str) -> bool:
    return name.startswith(_OF_THE_POOL)


def _change(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
