"""A work folder that exists for the duration of a block and is exclusive to one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import Finding, SegconvError
from . import begun, fsops
from .locks import locked
from .plan import HIDDEN, Target
from .writing import writing

Warn = Callable[[Sequence[Finding]], None]
"""Hears warnings."""


@contextmanager
def scratch(work: Path, outputs: Iterable[str], warn: Warn | None = None) -> Iterator[None]:
    """Create a work folder, and always remove what was written into it at the end.

    Parameters
    ----------
    work
        A folder named by `hidden_name`.
    outputs
        Everything that may be written into it, relative to it; declare more with `begun.declare`.
    warn
        Called with a warning about other files in it at the end, which stay.

    Raises
    ------
    SegconvError
        ``SC035`` if another run works in it; ``SC021`` if a link, a file, or a folder with files of others
        has its name.
    """
    with locked(Target(work, work.name.removeprefix(HIDDEN))):
        _remove_earlier(work)
        try:
            with writing(work):
                fsops.mkdir(work)
                begun.declare(work, outputs)
            yield
        finally:
            with writing(work):
                if os.path.lexists(work) and (left := begun.remove_own(work)) and warn is not None:
                    warn(left)


def _remove_earlier(work: Path) -> None:
    """Remove what a killed run left."""
    if not os.path.lexists(work):
        return
    if work.is_symlink() or not work.is_dir():
        raise SegconvError(
            "is a link or a file, expected a work folder, or nothing of this name",
            code="SC021",
            file=str(work),
            hint="move it away",
        )
    with writing(work):
        begun.remove(work)
