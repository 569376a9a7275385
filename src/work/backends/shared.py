"""Prove that the workers of a cluster see the files of a run, and have the same segconv."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...errors import SegconvError
from ...version import VERSION

_HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class Unfit:
    """Why a worker may not work.

    Parameters
    ----------
    where
        Names the machine and the process of the worker.
    why
        What is wrong with it.
    hint
        What to do.
    file
        The file that it does not see; empty if something else is wrong.
    """

    where: str
    why: str
    hint: str
    file: str = ""

    def refusal(self) -> SegconvError:
        """Return the error for the run."""
        return SegconvError(f"the worker {self.where} {self.why}", code="SC042", file=self.file, hint=self.hint)


@dataclass(frozen=True)
class Required:
    """What every worker must have; asked in each worker before its first work, also in those that start late.

    Parameters
    ----------
    files
        ``(path, size in bytes, SHA-256 of the first 64 KiB)`` of files that it must see.
    version
        Version of segconv.
    """

    files: tuple[tuple[str, int, str], ...]
    version: str = VERSION

    @classmethod
    def of(cls, paths: Iterable[Path | str]) -> Required:
        """Return what to require for a run that reads or writes these files; those that do not exist are left out."""
        described = {path: _described(path) for path in map(os.path.abspath, paths)}
        return cls(tuple((path, *found) for path, found in described.items() if found is not None))

    def missing(self) -> Unfit | None:
        """Return why this process may not work for the run; None if it may."""
        where = f"on {platform.node()} (process {os.getpid()})"
        if self.version != VERSION:
            versions = f"has segconv {VERSION}, and this is {self.version}"
            return Unfit(where, versions, "install the same version on all machines")
        for path, size, head in self.files:
            found = _described(path)
            if found != (size, head):
                why = "does not see this file" if found is None else "sees another file at this path"
                hint = "give all workers a file system with the source and the target at the same paths"
                return Unfit(where, why, hint, path)
        return None


def _described(path: str) -> tuple[int, str] | None:
    """Return size and hash of the beginning of a file; None if it cannot be read."""
    try:
        with reading.opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            return size, hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
    except (OSError, SegconvError):
        return None
