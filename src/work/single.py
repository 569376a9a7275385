"""Write single files atomically; a kill leaves at most a work folder next to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from . import fsops
from .plan import REPLACE, work_folder
from .scratch import scratch
from .writing import writing

_NAME = "whole"
"""Name of the new file until it gets its own: one that is never too long."""


def write_single(path: Path, data: bytes, refuse: Callable[[], None]) -> None:
    """Write a file, replacing one that may be replaced.

    Parameters
    ----------
    path
        The file; its parent folders are created.
    data
        Its content.
    refuse
        Called just before the file appears; raises if an existing file must not be replaced.

    Raises
    ------
    SegconvError
        What `refuse` raises; ``SC031``, ``SC032``; ``SC035`` if another run replaces the file.
    """
    with writing(path):
        fsops.mkdir(path.absolute().parent)
        refuse()
        if not os.path.lexists(path):
            fsops.create(path, data)
            return
    work = work_folder(REPLACE, path)
    with scratch(work, [_NAME]), writing(path):
        fsops.write_new(work / _NAME, data, sync=True)
        refuse()
        fsops.complete(work / _NAME, path)
