"""Plans that segconv derived for this user on this machine: known by their hash, and trusted without asking again.

The hashes are in the user's own folder (``$XDG_STATE_HOME/segconv/derived-plans``, by default in
``~/.local/state``), one file each, never next to plans or models: what comes from elsewhere cannot
bring its own permission. After the folder is removed, segconv asks again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SegconvError
from ..work import fsops
from ..work.writing import writing


def remember(plans: Mapping[str, Any], path: Path) -> None:
    """Keep the hash of plans that were derived here.

    Parameters
    ----------
    plans
        All that the file says, the new configuration included.
    path
        Where they were written; kept for people, never read.

    Raises
    ------
    SegconvError
        ``SC031`` or ``SC032`` if the user's folder cannot be written, or there is none.
    """
    folder = _folder()
    if folder is None:
        raise SegconvError("neither XDG_STATE_HOME nor HOME is the absolute path of a folder", code="SC031")
    with writing(folder):
        fsops.mkdir(folder)
        fsops.write_atomic(folder / _digest(plans), os.fsencode(path.absolute()) + b"\n")


def is_remembered(plans: Mapping[str, Any]) -> bool:
    """Return whether plans say what plans that were derived here say, to the last entry."""
    folder = _folder()
    return folder is not None and os.path.isfile(folder / _digest(plans))


def _digest(plans: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what plans say; nnU-Net indents them differently when it copies them next to a model."""
    return hashlib.sha256(json.dumps(plans, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _folder() -> Path | None:
    """Return the folder of the hashes, whether it exists or not; None if the user has none.

    A relative path would be looked up in the folder that one happens to be in, which may be a
    stranger's; the XDG specification says to ignore it.
    """
    variables = (("XDG_STATE_HOME", ""), ("HOME", ".local/state"))
    named = (Path(os.environ.get(variable, ""), below) for variable, below in variables)
    return next((base / "segconv" / "derived-plans" for base in named if base.is_absolute()), None)
