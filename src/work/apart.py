"""Keep output folders apart from inputs: an output neither is nor contains an input."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import Cure, SegconvError


def refuse_holding(target: Path, read: Mapping[str, Path | None]) -> None:
    """Refuse a target that is or contains something that must stay; links are followed.

    Parameters
    ----------
    target
        Folder to create or replace; it need not exist.
    read
        Description → path of what must stay; None if there is none.

    Raises
    ------
    SegconvError
        ``SC020`` for the first such path.
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
                cures=[Cure("choose_other_target")],
            )


def refuse_within(target: Path, what: str, path: Path) -> None:
    """Refuse a target inside an input folder: the next run would read what this one writes.

    Parameters
    ----------
    target
        Folder to create.
    what, path
        Description and path of the input.

    Raises
    ------
    SegconvError
        ``SC020``.
    """
    if os.path.realpath(target).startswith(os.path.join(os.path.realpath(path), "")):
        raise SegconvError(
            f"is not made: it is inside {what}, {path}",
            code="SC020",
            file=str(target),
            cures=[Cure("choose_other_target")],
        )
