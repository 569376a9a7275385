"""Draw figures that look the same everywhere: matplotlib without user settings, and names shown literally.

On import, matplotlib reads a ``matplotlibrc`` in the current folder, variables, and the user's style. It
interprets ``$`` in a name as mathematics, drops labels that begin with ``_``, and warns about letters that its
font lacks.
"""

from __future__ import annotations

import functools
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ...work.home import cache_home

LONGEST = 44
"""Number of letters that fit above a picture; longer names lose their middle."""

_VARIABLES = ("MATPLOTLIBRC", "MPLBACKEND", "MPLCONFIGDIR")
_NOT_OURS = ("backend", "backend_fallback", "interactive", "toolbar")
"""Settings of a program that may contain segconv; they do not affect a picture."""

_NOWHERE = os.devnull
"""An empty settings file, and a folder in which nothing can be made."""

_lock = threading.RLock()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with matplotlib's own defaults, not those of the user, the environment or the current folder."""
    with _lock:
        _import()
        import matplotlib

        own = {key: value for key, value in matplotlib.rcParamsDefault.items() if key not in _NOT_OURS}
        with matplotlib.rc_context(own | {"text.parse_math": False}):
            yield


def new_figure(width_inch: float, height_inch: float, dpi: int) -> Any:
    """Return an empty figure; inside `drawing`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inch, height_inch), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_of(figure: Any, maker: str | None = None) -> bytes:
    """Return a figure as PNG, which names its software if given; inside `drawing`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": maker})
    return buffer.getvalue()


def legend_below(figure: Any, handles: Sequence[Any], labels: Sequence[str], **how: Any) -> None:
    """Put a legend under a figure, with every label unchanged."""
    # Labels that begin with _ would be dropped if passed directly.
    legend = figure.legend(handles, ["label"] * len(labels), loc="outside lower center", frameon=False, **how)
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)


def shown(name: str) -> str:
    """Return a name that a figure can show: characters that are not printable or not in the font are escaped."""
    text = "".join(c if c.isprintable() and ord(c) in _letters() else ascii(c)[1:-1] for c in name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…{text[-(LONGEST // 2 - 1) :]}"


@functools.cache
def _letters() -> frozenset[int]:
    """Return the code points of matplotlib's own font."""
    with _lock:
        _import()
        import matplotlib
        from matplotlib.ft2font import FT2Font

        return frozenset(FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))).get_charmap())


def _import() -> None:
    """Import matplotlib with its default settings, and with its font list in segconv's cache or without a cache."""
    if "matplotlib.font_manager" in sys.modules:
        return
    kept = {name: os.environ.pop(name) for name in _VARIABLES if name in os.environ}
    folder = _fonts_folder()
    os.environ |= {"MATPLOTLIBRC": _NOWHERE} | ({} if folder is None else {"MPLCONFIGDIR": str(folder)})
    log, exists = logging.getLogger("matplotlib"), os.path.exists
    level = log.level
    log.setLevel(logging.CRITICAL)  # it would warn about folders that it cannot write
    os.path.exists = _without_settings(exists)  # type: ignore[assignment]
    try:
        import matplotlib

        if folder is None:  # it would use the system's folder for temporary files
            matplotlib.get_cachedir = lambda: _NOWHERE
        import matplotlib.font_manager
    finally:
        os.path.exists = exists
        log.setLevel(level)
        for name in _VARIABLES:
            os.environ.pop(name, None)
        os.environ |= kept
    if "MPLBACKEND" in kept:  # a notebook's backend, for what its user draws later
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = kept["MPLBACKEND"]


def _without_settings(exists: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return an `os.path.exists` that hides settings in the current folder, which would override all others."""
    return lambda path: path != "matplotlibrc" and exists(path)


def _fonts_folder() -> Path | None:
    """Return the folder of the font list: in the user's cache, and owned by the user; or None."""
    home = cache_home()
    if home is None:
        return None
    folder = home / "segconv" / "matplotlib"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = folder.stat().st_uid == os.geteuid()
    except OSError:
        return None
    return folder if own and os.access(folder, os.W_OK | os.X_OK) else None
