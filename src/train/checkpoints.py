"""Judge nnU-Net's checkpoints by their bytes, without PyTorch: is one whole, and where does it resume."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .. import reading
from ..errors import SegconvError

FINAL, LATEST, BEST = "checkpoint_final.pth", "checkpoint_latest.pth", "checkpoint_best.pth"
ORDER = (FINAL, LATEST, BEST)
"""The order in which nnU-Net looks for one to resume from. It writes the latest every 50 epochs, and the best whenever
the pseudo Dice improves, which usually happens after the first epoch."""

_MAX_DESCRIPTION = 1 << 30
"""Largest description of a checkpoint that is read; it holds no tensors, but the log of every epoch."""

_EPOCH, _TRAINER = "current_epoch", "trainer_name"
_TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
_REMEMBERED = ("BINPUT", "LONG_BINPUT", "MEMOIZE")
_WHOLE_NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1")
"""Names of `pickletools`."""


def is_whole(path: Path) -> bool:
    """Return whether a checkpoint exists and was written to its end.

    PyTorch writes a zip archive, whose list of contents comes last. nnU-Net writes each checkpoint over the one
    before, so a training that is killed meanwhile leaves an archive without that list.
    """
    import zipfile  # slow to load, and most commands read no checkpoint

    return reading.is_file(path) and zipfile.is_zipfile(os.path.realpath(path))


def next_epoch(path: Path) -> int | None:
    """Return the epoch, from 0 on, at which a training resumes from a checkpoint; None if it does not say."""
    found = _value_of(_EPOCH, path, _WHOLE_NUMBERS)
    return found if isinstance(found, int) else None


def trainer_of(path: Path) -> str:
    """Return the name of the trainer that wrote a checkpoint, by which nnU-Net looks for it; empty if unknown."""
    found = _value_of(_TRAINER, path, _TEXTS)
    return found if isinstance(found, str) else ""


def _value_of(key: str, path: Path, operations: Sequence[str]) -> object:
    """Return the value of a key in a checkpoint; None if it has none of a kind.

    Its pickle is read as a list of operations, none of which is carried out.
    """
    import zipfile

    try:
        with reading.opened(os.path.realpath(path)) as file, zipfile.ZipFile(file) as archive:
            entry = next(entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl"))
            if entry.file_size > _MAX_DESCRIPTION:
                return None
            return _value_after(key, archive.read(entry), operations)
    except (OSError, SegconvError, StopIteration, ValueError, zipfile.BadZipFile):
        return None


def _value_after(key: str, pickled: bytes, operations: Sequence[str]) -> object:
    """Return what follows a text in a pickle, which is the value of that key in a dict."""
    import pickletools

    at_key = False
    for operation, argument, _ in pickletools.genops(pickled):
        if at_key and operation.name in operations:
            return argument
        at_key = (operation.name in _TEXTS and argument == key) or (at_key and operation.name in _REMEMBERED)
    return None
