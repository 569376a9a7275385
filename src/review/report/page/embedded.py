"""What the page carries: styles, scripts, data, licences, each so that it cannot end the element that holds it."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

_HERE = Path(__file__).parent
_VENDOR = _HERE / "vendor"
_STYLES = (_VENDOR / "uPlot.min.css", _HERE / "page.css")
_SCRIPTS = (
    _VENDOR / "uPlot.iife.min.js",
    *(_HERE / name for name in ("base.js", "plots.js", "cases.js", "slices.js", "nifti.js", "volumes.js", "case.js")),
)
_VIEWER = _VENDOR / "niivue.umd.js"
_PLAIN = "\n\t"
"""White space that a text may hold."""


def printable(value: Any) -> Any:
    """Return a text with every character that is not printable as its code; anything else as it is."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(
        c if c.isprintable() or c in _PLAIN else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in value
    )


def embedded(value: Any) -> Markup:
    """Return plain values as JSON that can stand in a script element."""
    return htmlsafe_json_dumps(_printable_all(value), separators=(",", ":"))


def _printable_all(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {printable(name): _printable_all(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_printable_all(entry) for entry in value]
    return printable(value)


@functools.cache
def styles() -> Markup:
    """Return the page's style sheet."""
    return Markup("\n".join(path.read_text(encoding="utf-8") for path in _STYLES))  # noqa: S704 - the page's own


@functools.cache
def scripts() -> str:
    """Return the page's script."""
    return "\n".join(path.read_text(encoding="utf-8") for path in _SCRIPTS)


@functools.cache
def viewer_script() -> str:
    """Return NiiVue."""
    return _VIEWER.read_text(encoding="utf-8")


@functools.cache
def packed(text: str) -> str:
    """Return a text gzipped, in base64."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), mtime=0)).decode("ascii")


def csp_hash(script: str) -> str:
    """Return the source expression of a script for a content security policy (https://www.w3.org/TR/CSP3/)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')}'"


def licences(*, with_viewer: bool) -> list[str]:
    """Return the licences of the libraries that the page carries."""
    names = ["uPlot.LICENSE.txt", *(["niivue.LICENSE.txt"] if with_viewer else [])]
    return [(_VENDOR / name).read_text(encoding="utf-8") for name in names]
