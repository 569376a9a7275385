"""Find out whether kernels can be compiled, and cache them, so that every installation compiles only once.

Numba takes settings from ``NUMBA_…`` variables and from a ``.numba_config.yaml`` of the current folder,
when it is first imported and again whenever it compiles. They can disable or break compilation, so they are
ignored: a rotation must not depend on them.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..version import VERSION
from ..work.home import cache_home

_SETTINGS = ".numba_config.yaml"
_VARIABLES = "NUMBA_"

_lock = threading.Lock()
_blas_is_left_out = threading.Event()


class Unusable(Exception):
    """Numba cannot compile a kernel."""


@functools.cache
def available() -> bool:
    """Return whether kernels can be used; ``SEGCONV_NO_NUMBA=1`` disables them.

    This loads them: Numba fails to import with a numpy that is too new for it, and a program that imported
    Numba earlier may have disabled compilation.
    """
    if os.environ.get("SEGCONV_NO_NUMBA"):
        return False
    try:
        with _lock:
            _import_numba()
            kernels = importlib.import_module(".kernels", __package__)
    except Exception:  # noqa: BLE001 - a broken installation of Numba may raise anything
        return False
    return bool(kernels.COMPILED)


def leave_out_blas() -> None:
    """Let Numba do without BLAS: for a process that is segconv's own, because other compiled functions may need it.

    Kernels need none. Numba looks for it before it loads its first kernel, by importing ``scipy.linalg``, which
    takes nearly as long as importing Numba.
    """
    _blas_is_left_out.set()


def _no_blas() -> None:
    raise ImportError("BLAS is left out")


def _import_numba() -> None:
    """Import Numba with its default settings, and restore the user's settings for the rest of this process."""
    if "numba" in sys.modules:
        return  # imported by the calling program, with its own settings
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_VARIABLES)}
    exists = os.path.exists
    os.path.exists = _without_settings(exists)  # type: ignore[assignment]  # Numba has no switch for its file
    try:
        config = importlib.import_module("numba").config
    finally:
        os.path.exists = exists
        os.environ |= kept
    if _blas_is_left_out.is_set():
        linalg: Any = importlib.import_module("numba.np.linalg")
        linalg.ensure_blas = _no_blas
    # When it compiles, Numba reads its settings again, and applies all of them if any has changed.
    config._config_fname = os.devnull
    config._env_reloader.old_environ = kept


def _without_settings(exists: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return an `os.path.exists` that hides settings in the current folder."""
    return lambda path: path != _SETTINGS and exists(path)


@functools.cache
def cache_folder() -> Path | None:
    """Return the first writable folder: the user's choice, the user's cache, or next to the package.

    None if no folder is writable: every process then compiles for itself. The system's folder for temporary
    files is not used, because Numba trusts the contents of its cache.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    home = cache_home()
    own = None if home is None else home / "segconv" / f"numba-{VERSION}"
    for folder in (Path(chosen) if chosen else None, own, Path(__file__).parent / "__pycache__"):
        if folder is None:
            continue
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            foreign = folder == own and folder.stat().st_uid != os.geteuid()  # as with another user's home
        except OSError:
            continue
        if not foreign and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None
