"""Keep a trained fold while it is trained again: it is replaced by a finished one, or put back.

nnU-Net would write into the same folder, so that after a kill the old final checkpoint would pass for the new one.
The old folder is renamed instead, to a name that nnU-Net does not take for a fold. Each step is a rename or a
removal that the next run repeats or completes, so that a kill at any moment loses nothing.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import SegconvError
from ..work import fsops
from ..work.writing import writing
from .folds import VALIDATION, FoldState, kept_folder, state_of
from .trainers.stopped import COLLAPSED, STOPPED

_WRITTEN = re.compile(
    rf"checkpoint_(final|best|latest)\.pth(\.cut|{re.escape(COLLAPSED)})?|{re.escape(STOPPED)}"
    r"|training_log_[\d_ ]+\.txt|progress\.png|debug\.json|network_architecture(\.\w+)?|\.tmp-.*"
)
"""What nnU-Net and its trainer write into a fold's folder. Everything else belongs to the user, and stays."""


def set_aside(folder: Path) -> None:
    """Rename the folder of a fold, so that it can be trained again.

    Raises
    ------
    SegconvError
        ``SC116`` if it is a link: what it leads to is not replaced; ``SC031`` if the system refuses.
    """
    if folder.is_symlink():
        raise SegconvError(
            "is a link: a fold is replaced only if it is a folder of its own",
            code="SC116",
            file=str(folder),
            hint="move the link away to train the fold again",
        )
    with writing(folder):
        fsops.rename_new(folder, kept_folder(folder))


def settle(state: FoldState) -> FoldState:
    """Complete or undo what an interrupted replacement of a fold left; return the new state.

    A new fold that is finished replaces the old one. A new fold that cannot be resumed is removed, and the old one put
    back. While the new one can be resumed, both stay.

    Parameters
    ----------
    state
        The fold, which is locked.

    Raises
    ------
    SegconvError
        ``SC031`` if the system refuses.
    """
    if not state.kept or state.begun or (state.trained and not state.validated):
        return state
    old = kept_folder(state.folder)
    with writing(state.folder):
        if state.complete:
            _clear(old, into=state.folder)
        else:
            if os.path.lexists(state.folder):
                _clear(state.folder, into=old)
            fsops.rename_new(old, state.folder)
    return state_of(state.folder)


def _clear(folder: Path, *, into: Path) -> None:
    """Remove a fold's folder: what nnU-Net wrote is deleted, and everything else moved to another fold's folder."""
    for path in _entries(folder):
        if path.name == VALIDATION and path.is_dir() and not path.is_symlink():
            _remove_predictions(path)
        elif _WRITTEN.fullmatch(path.name) and not path.is_dir():
            fsops.unlink(path)
    for path in _entries(folder):
        fsops.rename_new(path, _free(into / path.name))
    fsops.rmdir(folder)


def _remove_predictions(folder: Path) -> None:
    for path in _entries(folder):
        if stat.S_ISREG(path.lstat().st_mode):
            fsops.unlink(path)
    if not _entries(folder):
        fsops.rmdir(folder)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _free(path: Path) -> Path:
    """Return a name that is not taken."""
    names: Iterator[Path] = (path.with_name(f"{path.name}.old{number or ''}") for number in range(1000))
    return path if not os.path.lexists(path) else next(name for name in names if not os.path.lexists(name))
