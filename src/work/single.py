"""Single files that appear whole, and are replaced whole: what a kill leaves lies in a work folder beside them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from . import fsops
from .plan import REPLACE, work_folder
from .scratch import scratch
from .writing import writing

_NAME = "whole"
"""What the new file is called until it has its own name: a name that no length forbids."""


def write_single(path: Path, data: bytes, refuse: Callable[[], None]) -> None:
    """Write a file, in the place of one that may be replaced.

    Parameters
    ----------
    path
        The file; folders above it are made.
    data
        All of it.
    refuse
        Called just before the file appears; raises if what is there then is not to be replaced.

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
    with scratch(work, [_NAME], lambda _: None), writing(path):
        fsops.write_new(work / _NAME, data, sync=True)
        refuse()
        fsops.complete(work / _NAME, path)
