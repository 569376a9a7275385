"""A work folder that is there for the time of a block, and nobody else's meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SegconvError
from . import begun, fsops
from .plan import HIDDEN, Target
from .staging import locked, writing


@contextmanager
def scratch(work: Path) -> Iterator[None]:
    """Make an empty work folder, and remove it at the end, whatever happens.

    Parameters
    ----------
    work
        A folder that is named as `hidden_name` does.

    Raises
    ------
    SegconvError
        ``SC035`` if another run works in it; ``SC021`` if a link, a file, or a folder that is not a work folder
        of segconv's has its name.
    """

    def remove() -> None:
        with writing(work):
            if os.path.lexists(work):
                fsops.remove_tree(work)

    with locked(Target(work, work.name.removeprefix(HIDDEN))):
        _refuse_foreign(work)
        remove()
        try:
            with writing(work):
                fsops.mkdir(work)
                begun.declare(work, ())  # the mark by which it is known as ours
            yield
        finally:
            remove()


def _refuse_foreign(work: Path) -> None:
    if not os.path.lexists(work):
        return
    if work.is_symlink() or not work.is_dir() or (begun.read(work) is None and any(work.iterdir())):
        raise SegconvError(
            "is not a work folder of segconv's, which would have this name; it is not touched",
            code="SC021",
            file=str(work),
            hint="move it away",
        )
