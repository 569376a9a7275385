"""Find a user's settings and caches by the XDG base directory specification; there are none without a home.

Containers and batch systems run processes as unlisted users, with another user's home or without one.
"""

from __future__ import annotations

import os
from pathlib import Path


def config_home() -> Path | None:
    """Return the folder of the user's settings, which need not exist; None if unknown."""
    return _base("XDG_CONFIG_HOME", ".config")


def cache_home() -> Path | None:
    """Return the folder of the user's caches, which need not exist; None if unknown."""
    return _base("XDG_CACHE_HOME", ".cache")


def state_home() -> Path | None:
    """Return the folder of what programs remember for the user; None if unknown, or named and missing."""
    base = _base("XDG_STATE_HOME", ".local/state")
    named = base is not None and os.environ.get("XDG_STATE_HOME") == str(base)
    return None if base is None or (named and not base.is_dir()) else base


def _base(variable: str, usual: str) -> Path | None:
    chosen = os.environ.get(variable, "")
    if os.path.isabs(chosen):  # the specification says to ignore a relative path
        return Path(chosen)
    home = os.environ.get("HOME")
    if home is None:
        home = os.path.expanduser("~")  # looks up the user, and stays "~" for an unlisted one
    # A missing home is not created: system users often have one named to show that it does not exist.
    return Path(home, usual) if os.path.isabs(home) and os.path.isdir(home) else None
