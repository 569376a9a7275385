"""Keep Python from importing modules from the current folder, which may not be trustworthy.

loky starts processes as ``python -m …`` and ``python -c …``, which search there first, even for ``socket``,
before the standard library. Everything else that they need is sent to them with the search path of this
process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SAFE_PATH = "PYTHONSAFEPATH"
_PATH = "PYTHONPATH"

_PACKAGE = Path(__file__).absolute().parents[1]


def variables_of_children() -> dict[str, str | None]:
    """Return the variables that keep a Python process from importing from the current folder; None removes one."""
    return {_SAFE_PATH: "1", _PATH: os.pathsep.join(_absolute_entries(os.environ.get(_PATH, ""))) or None}


def forget_relative_entries() -> None:
    """Remove entries of ``PYTHONPATH`` from the search path that depend on the current folder.

    An empty entry, as left by an unset variable, is the current folder. The folder of segconv itself
    stays, and so does the entry that Python put first for the program it runs.
    """
    given = os.environ.get(_PATH)
    if not given:
        return
    kept = {str(_PACKAGE.parent), *_absolute_entries(given)}
    relative = {os.path.abspath(entry) for entry in given.split(os.pathsep)} - kept
    first = 0 if getattr(sys.flags, "safe_path", False) else 1
    sys.path[first:] = [entry for entry in sys.path[first:] if os.path.abspath(entry) not in relative]


def _absolute_entries(path: str) -> list[str]:
    """Return the folders of a ``PYTHONPATH`` that do not depend on the current folder."""
    return [entry for entry in path.split(os.pathsep) if os.path.isabs(entry)]
