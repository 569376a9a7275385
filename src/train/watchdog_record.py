"""Read why the watchdog of one of our trainers stopped a fold; the trainer wrote it into the fold's folder."""

from __future__ import annotations

from pathlib import Path

from ..dataset.strictjson import load_object, read_file
from ..errors import Cure, SegconvError
from ..work import fsops
from ..work.writing import writing
from .trainers.stopped import COLLAPSE, LOSS, STOPPED

_CODES = {LOSS: "SC175", COLLAPSE: "SC176"}


def forget_stop(folder: Path) -> None:
    """Remove the record of an earlier run from a fold's folder, if there is one."""
    file = folder / STOPPED
    if file.is_file():
        with writing(file):
            fsops.unlink(file)


def stop_in(folder: Path) -> SegconvError | None:
    """Return the error for a training that the watchdog stopped; None if it did not stop one."""
    file = folder / STOPPED
    if not file.is_file():
        return None
    try:
        record = load_object(read_file(file))
    except SegconvError:
        return None  # the error of nnU-Net's process says more
    kind, what, epoch, checkpoint = (record.get(key) for key in ("kind", "what", "epoch", "checkpoint"))
    if kind not in _CODES or not isinstance(checkpoint, str):
        return None
    kept = f"the last good checkpoint is {folder / checkpoint}" if checkpoint else "no checkpoint was written before"
    return SegconvError(
        f"stopped in epoch {epoch}: {what}; {kept}",
        code=_CODES[kind],
        file=str(folder),
        hint="" if checkpoint else "train with a third of the rate",
        cures=[Cure.of("resume_stopped")] if checkpoint else (),
    )
