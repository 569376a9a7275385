"""Where Python looks for modules: not in the current folder, which may be a stranger's.

The processes that loky starts are begun as ``python -m …`` and ``python -c …``, which look there first of
all: for ``socket``, before the standard library. What they need besides is sent to them, with the
search path of this process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SAFE_PATH = "PYTHONSAFEPATH"
_PATH = "PYTHONPATH"

_PACKAGE = Path(__file__).absolute().parents[1]


def variables_of_children() -> dict[str, str | None]:
    """Return the variables with which a Python process takes no module from the current folder; None removes one."""
    return {_SAFE_PATH: "1", _PATH: os.pathsep.join(_absolute_entries(os.environ.get(_PATH, ""))) or None}


def forget_relative_entries() -> None:
    """Stop looking for modules in folders of ``PYTHONPATH`` that depend on where a command runs.

    An empty entry, as an unset variable leaves, is the current folder. The folder in which segconv
    itself was found stays, and so does what Python put first for the program that it was to run.
    """
    given = os.environ.get(_PATH)
    if not given:
        return
    kept = {str(_PACKAGE.parent), *_absolute_entries(given)}
    relative = {os.path.abspath(entry) for entry in given.split(os.pathsep)} - kept
    first = 0 if getattr(sys.flags, "safe_path", False) else 1
    sys.path[first:] = [entry for entry in sys.path[first:] if os.path.abspath(entry) not in relative]


def _absolute_entries(path: str) -> list[str]:
    """Return the folders of a ``PYTHONPATH`` that do not depend on where a command runs."""
    return [entry for entry in path.split(os.pathsep) if os.path.isabs(entry)]
