"""Where a user's own settings and caches are: by the XDG base directory specification, and nowhere without a home.

Containers and batch systems run processes for users that no list knows, with the home of another
user, or with none.
"""

from __future__ import annotations

import os
from pathlib import Path


def config_home() -> Path | None:
    """Return the folder of the user's settings, whether it exists or not; None if nothing says where it is."""
    return _base("XDG_CONFIG_HOME", ".config")


def cache_home() -> Path | None:
    """Return the folder of the user's caches, whether it exists or not; None if nothing says where it is."""
    return _base("XDG_CACHE_HOME", ".cache")


def _base(variable: str, usual: str) -> Path | None:
    chosen = os.environ.get(variable, "")
    if os.path.isabs(chosen):  # the specification has a relative path ignored
        return Path(chosen)
    home = os.environ.get("HOME")
    if home is None:
        home = os.path.expanduser("~")  # asks the list of users, and stays "~" where that does not know this one
    # A home that does not exist is not made: system users often have one whose name says that it does not.
    return Path(home, usual) if os.path.isabs(home) and os.path.isdir(home) else None
