"""Folders in which nnU-Net looks for trainers outside its package: the value of ``nnUNet_extTrainer``.

nnU-Net imports every module of these folders, one folder after the other, until one has the class. A module that fails
ends the search, so the folder of segconv comes first.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import Finding, refuse_if_any
from .paths import TRAINERS

SHIM = Path(__file__).with_name("shim")
"""Folder with one module, through which nnU-Net finds the trainers of segconv and of installed packages."""


def search_path(folders: Sequence[Path] = ()) -> str:
    """Return the value of ``nnUNet_extTrainer`` for segconv's folder, and then these."""
    return os.pathsep.join(map(str, (SHIM, *folders)))


def export_line() -> str:
    """Return the line that lets nnU-Net's own commands find the same trainers in a shell."""
    return f"export {TRAINERS}={shlex.quote(search_path())}"


def checked_folders(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return folders of trainers as absolute paths; nnU-Net passes over one that does not exist.

    Raises
    ------
    Refused
        ``SC010`` for a path that is no folder, or has the character that separates folders.
    """
    found = [path.absolute() for path in folders]
    refuse_if_any(Finding("SC010", what, file=str(path)) for path in found if (what := _unusable(path)))
    return tuple(found)


def _unusable(path: Path) -> str:
    """Return why nnU-Net would not search a folder; empty if it would."""
    if os.pathsep in str(path):
        return f"has a {os.pathsep!r} in its path, which separates folders in {TRAINERS}"
    if not path.exists():
        return "does not exist"
    return "" if path.is_dir() else "is not a folder"


def modules_in(folder: Path) -> list[str]:
    """Return the names of the modules and packages that nnU-Net imports from a folder, in its order."""
    modules = sorted(path.stem for path in folder.glob("*.py") if path.name != "__init__.py")
    return [*modules, *sorted(path.name for path in folder.iterdir() if (path / "__init__.py").is_file())]
