"""A work folder that is there for the time of a block, and nobody else's meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import Finding, SegconvError
from . import begun, fsops
from .plan import HIDDEN, Target
from .staging import locked, writing

Warn = Callable[[Sequence[Finding]], None]
"""Is given warnings."""


@contextmanager
def scratch(work: Path, outputs: Iterable[str], warn: Warn) -> Iterator[None]:
    """Make a work folder, and remove at the end what was written into it, whatever happens.

    Parameters
    ----------
    work
        A folder that is named as `hidden_name` does.
    outputs
        All that may be written into it, relative to it; more of it is declared with `begun.declare`.
    warn
        Is given what else is in it at the end, which stays.

    Raises
    ------
    SegconvError
        ``SC035`` if another run works in it; ``SC021`` if a link, a file, or a folder with what segconv did not
        write has its name.
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
                if os.path.lexists(work) and (left := begun.remove_own(work)):
                    warn(left)


def _remove_earlier(work: Path) -> None:
    """Remove what a run that was killed left."""
    if not os.path.lexists(work):
        return
    if work.is_symlink() or not work.is_dir():
        raise SegconvError(
            "is a link or a file, and not a work folder of segconv's, which would have this name",
            code="SC021",
            file=str(work),
            hint="move it away",
        )
    with writing(work):
        begun.remove(work)
