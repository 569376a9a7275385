"""A folder to make is separate from what is read: it neither is nor contains any of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import SegconvError


def refuse_holding(target: Path, read: Mapping[str, Path | None]) -> None:
    """Refuse a target that is, or holds, something that must stay; links are followed.

    Parameters
    ----------
    target
        Folder that would be made or replaced, whether it exists or not.
    read
        What it is, in words → where it is, or None if it is nowhere.

    Raises
    ------
    SegconvError
        ``SC020``, naming the first.
    """
    own = os.path.join(os.path.realpath(target), "")
    for what, path in read.items():
        real = os.path.join(os.path.realpath(path), "") if path is not None else ""
        if real.startswith(own):
            relation = "is" if real == own else "holds"
            raise SegconvError(
                f"is not replaced: it {relation} {what}, {path}",
                code="SC020",
                file=str(target),
                hint="choose another folder to make",
            )


def refuse_within(target: Path, what: str, path: Path) -> None:
    """Refuse a target in a folder that is read: the next run would read what this one writes.

    Parameters
    ----------
    target
        Folder that would be made.
    what, path
        What is read, in words, and where it is.

    Raises
    ------
    SegconvError
        ``SC020``.
    """
    if os.path.realpath(target).startswith(os.path.join(os.path.realpath(path), "")):
        raise SegconvError(
            f"is not made: it is inside {what}, {path}", code="SC020", file=str(target), hint="choose another folder"
        )
