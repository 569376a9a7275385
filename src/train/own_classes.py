"""Find a class of the user's own by its path, as nnU-Net's processes do."""

from __future__ import annotations

import importlib.util
import pydoc
from contextlib import suppress
from typing import Any

from ..errors import SegconvError


def located(path: str) -> Any:
    """Return what a path such as ``my_pkg.nets.MyUNet`` names; this imports its module.

    Raises
    ------
    SegconvError
        ``SC166`` if this process cannot import it, with the cure.
    """
    try:
        found = pydoc.locate(path)
    except pydoc.ErrorDuringImport as error:
        raise _not_importable(path, f"{type(error.value).__name__}: {error.value}", error.value) from None
    if found is None:
        raise _not_importable(path, "no module or class of that name was found", None)
    return found


def _not_importable(path: str, why: str, error: object) -> SegconvError:
    what = f"{path} cannot be imported in a process of its own: {why}"
    return SegconvError(what, code="SC166", hint=_hint(path.partition(".")[0], error))


def _hint(package: str, error: object) -> str:
    missing = (getattr(error, "name", None) or "") if isinstance(error, ModuleNotFoundError) else ""
    if missing and missing.partition(".")[0] != package:
        return f"pip install {missing.partition('.')[0]}"
    with suppress(ValueError):
        if package and importlib.util.find_spec(package) is not None:
            return "correct the module, or the path of the class"
    return (
        f"pip install -e FOLDER, the folder with the pyproject.toml of {package}: nnU-Net's processes see installed"
        " packages only, neither the current folder nor PYTHONPATH"
    )
