"""Where compiled kernels are kept, so that they are compiled once: Numba's cache, for any kind of installation."""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path

from ..version import VERSION
from ..work.home import cache_home


@functools.cache
def available() -> bool:
    """Return whether Numba can be used; ``SEGCONV_NO_NUMBA=1`` says that it cannot.

    It is loaded to find out: one that is installed beside a newer numpy than it knows refuses to be.
    """
    if os.environ.get("SEGCONV_NO_NUMBA"):
        return False
    try:
        importlib.import_module("numba")
    except (ImportError, AttributeError, OSError):
        return False
    return True


@functools.cache
def cache_folder() -> Path | None:
    """Return the first folder that can be written: the user's choice, the user's cache, or beside the package.

    None if there is none: then every process compiles for itself. The system's folder for temporary
    files is not used, because Numba trusts what it finds in its cache.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    home = cache_home()
    own = None if home is None else home / "segconv" / f"numba-{VERSION}"
    for folder in (Path(chosen) if chosen else None, own, Path(__file__).parent / "__pycache__"):
        if folder is None:
            continue
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            foreign = folder == own and folder.stat().st_uid != os.geteuid()  # as with the home of somebody else
        except OSError:
            continue
        if not foreign and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None
