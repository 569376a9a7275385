"""Decide before writing whether a target can be made and may replace what exists."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from ..errors import Cure, SegconvError
from . import owned
from .owned import Owned
from .plan import Plan, Target
from .writing import writing

LAST = ("segconv/cases.jsonl", "segconv/run.json")
"""Files of a finished folder that say which of its files segconv wrote, and so are removed last."""

SPARE_BYTES = 16 << 20
"""Room that is left on the disk beyond the estimate."""


def preflight(plan: Plan, *, overwrite: bool) -> None:
    """Refuse a run that is certain to fail, without writing.

    Raises
    ------
    SegconvError
        ``SC020`` if the target exists or would replace its own source, ``SC031`` if its folder
        cannot be written, ``SC032`` if the disk has too little room.
    """
    target = plan.target.path
    refuse_taken(plan.target, overwrite=overwrite)
    above = refuse_unwritable_name(target)
    if (read := _read_from(target, plan)) is not None:
        raise SegconvError(
            f"is not replaced by what is made from it: {read} is read",
            code="SC020",
            file=str(target),
            cures=[Cure("choose_other_target")],
        )
    need = plan.nbytes * 11 // 10 + SPARE_BYTES
    free = shutil.disk_usage(above).free
    if not plan.target.staging.is_dir() and free < need:
        raise SegconvError(
            f"has {free >> 20} MiB free, about {need >> 20} MiB are needed", code="SC032", file=str(above)
        )


def refuse_unwritable(folder: Path) -> Path:
    """Return a folder, or the one where it would be created.

    Raises
    ------
    SegconvError
        ``SC031`` if it is not a folder or cannot be written.
    """
    while not folder.is_dir():
        if os.path.lexists(folder):
            raise SegconvError("is not a folder", code="SC031", file=str(folder))
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SegconvError(
            "cannot be written",
            code="SC031",
            file=str(folder),
            hint="change the permissions of the folder, or give another",
        )
    return folder


def refuse_unwritable_name(path: Path) -> Path:
    """Refuse the path of a file or folder that cannot be created, before there is anything to write.

    Returns
    -------
    folder
        Its parent, or the nearest existing folder above.

    Raises
    ------
    SegconvError
        ``SC031`` if that folder cannot be written, or the name is too long.
    """
    with writing(path):
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(path)
        return refuse_unwritable(path.absolute().parent)


def _read_from(target: Path, plan: Plan) -> str | None:
    """Return a source inside the target, with links followed: it would be lost, and links to it would dangle."""
    if not target.is_dir():
        return None
    inside = os.path.join(os.path.realpath(target), "")
    return next((s for item in plan.items for s in item.sources if os.path.realpath(s).startswith(inside)), None)


def refuse_taken(target: Target, *, overwrite: bool) -> None:
    """Refuse a target that already exists.

    Raises
    ------
    SegconvError
        ``SC020``.
    """
    if not overwrite and os.path.lexists(target.path) and not is_empty_folder(target.path):
        raise SegconvError(
            "already exists",
            code="SC020",
            file=str(target.path),
            cures=[Cure("choose_other_target"), Cure("overwrite")],
        )


def replaceable(target: Target, *, overwrite: bool) -> Owned | None:
    """Return the proof that an existing target may be replaced; None if there is nothing to replace.

    Raises
    ------
    SegconvError
        ``SC020`` as `owned.prove`.
    """
    if not overwrite or not os.path.lexists(target.path) or is_empty_folder(target.path):
        return None
    return owned.prove(target.path, target.manifest)


def is_empty_folder(path: Path) -> bool:
    """Return whether a path is an empty folder."""
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())
