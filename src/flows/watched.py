"""Show the progress of nnU-Net's predictions by the files that it writes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ..train.commands import Tell
from ..work.run_options import Progress

INTERVAL_S = 1.0
"""How often folders are listed at most: nnU-Net writes many lines, and folders may hold many files."""


class Watched:
    """Folders that fill with predictions.

    Parameters
    ----------
    folders
        Where nnU-Net writes them.
    ending
        File ending of predictions.
    progress
        Shows how many there are.
    """

    def __init__(self, folders: Sequence[Path], ending: str, progress: Progress) -> None:
        self._folders = folders
        self._ending = ending
        self._progress = progress
        self._seen = set(self._files())
        self._looked = 0.0
        self._lock = threading.Lock()

    def look(self) -> None:
        """Show predictions that are new, unless the last look was a moment ago; callable from any thread."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked >= INTERVAL_S:
                self._looked = now
                self._advance()

    def finish(self) -> None:
        """Show those that the last look missed, before any of them are removed."""
        with self._lock:
            self._advance()

    def hearing(self, tell: Tell | None) -> Tell:
        """Return a function that passes on a line of nnU-Net, and looks."""

        def hear(line: str) -> None:
            if tell is not None:
                tell(line)
            self.look()

        return hear

    def _advance(self) -> None:
        for file in self._files():
            if file not in self._seen:
                self._seen.add(file)
                self._progress.advance(os.path.basename(file))

    def _files(self) -> list[str]:
        return [
            entry.path for folder in self._folders for entry in _listed(folder) if entry.name.endswith(self._ending)
        ]


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except FileNotFoundError:
        return []
