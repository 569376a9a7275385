"""Find a class of the user's own by its path, as nnU-Net's processes do."""

from __future__ import annotations

import pydoc
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
    package = path.partition(".")[0]
    missing = (getattr(error, "name", None) or "") if isinstance(error, ModuleNotFoundError) else ""
    if missing and missing.partition(".")[0] != package:
        hint = f"pip install {missing.partition('.')[0]}"
    else:
        hint = (
            f"pip install -e FOLDER, the folder with the pyproject.toml of {package}: nnU-Net's processes see installed"
            " packages only, neither the current folder nor PYTHONPATH"
        )
    return SegconvError(f"{path} cannot be imported in a process of its own: {why}", code="SC166", hint=hint)
