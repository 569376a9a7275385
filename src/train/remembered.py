"""Remember, by hash, the plans that segconv derived for this user on this machine: they are trusted without asking.

The hashes are in the user's own folder (``$XDG_STATE_HOME/segconv/derived-plans``, by default in
``~/.local/state``), one file each, never next to plans or models: files from elsewhere cannot bring
their own permission. If the folder is removed, segconv asks again.
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
    """Store the hash of plans derived here.

    Parameters
    ----------
    plans
        Complete content of the file, including the new configuration.
    path
        Path of the plans; kept for people, never read.

    Raises
    ------
    SegconvError
        ``SC031`` or ``SC032`` if the user's folder cannot be written or does not exist.
    """
    folder = _folder()
    if folder is None:
        raise SegconvError("neither XDG_STATE_HOME nor HOME is the absolute path of a folder", code="SC031")
    with writing(folder):
        fsops.mkdir(folder)
        fsops.write_atomic(folder / _digest(plans), os.fsencode(path.absolute()) + b"\n")


def is_remembered(plans: Mapping[str, Any]) -> bool:
    """Return whether plans equal plans derived here, in every entry."""
    folder = _folder()
    return folder is not None and os.path.isfile(folder / _digest(plans))


def _digest(plans: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the content of plans; nnU-Net indents them differently when copying them to a model."""
    return hashlib.sha256(json.dumps(plans, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _folder() -> Path | None:
    """Return the folder of the hashes, which need not exist; None if the user has none.

    A relative path would depend on the current folder, which may not be trustworthy; the XDG
    specification says to ignore it.
    """
    variables = (("XDG_STATE_HOME", ""), ("HOME", ".local/state"))
    named = (Path(os.environ.get(variable, ""), below) for variable, below in variables)
    return next((base / "segconv" / "derived-plans" for base in named if base.is_absolute()), None)
