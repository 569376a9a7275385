"""Remember, for `status`, what was checked and predicted: what leaves no trace in a dataset itself.

One JSON line per event, in the user's own folder (``$XDG_STATE_HOME/segconv/history``, by default in
``~/.local/state``), one file per dataset. It is a convenience: without the folder nothing is remembered, and nothing
fails.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import SegconvError
from ..work import fsops
from ..work.home import state_home

CHECKED, PREDICTED = "checked", "predicted"

LARGEST = 16 << 20


def note(dataset: Path, what: str, **facts: Any) -> None:
    """Remember an event of a dataset.

    Parameters
    ----------
    dataset
        Its folder.
    what
        `CHECKED` or `PREDICTED`.
    facts
        JSON-able details.
    """
    path = _file(dataset)
    if path is None:
        return
    line = json.dumps({"what": what, "dataset": os.fspath(dataset), **facts}) + "\n"
    with suppress(OSError, SegconvError):
        fsops.mkdir(path.parent)
        descriptor = fsops.open_append(path)
        try:
            fsops.append(descriptor, line.encode(), path)
        finally:
            os.close(descriptor)


def last(dataset: Path, what: str) -> dict[str, Any] | None:
    """Return the latest event of this kind; None if none is remembered."""
    found = [event for event in _events(dataset) if event.get("what") == what]
    return found[-1] if found else None


def identity(dataset: Path) -> str:
    """Return a hash of the names, sizes and times of a dataset's files, which changes when one of them does."""
    digest = hashlib.sha256()
    for folder in (dataset, *sorted(path for path in dataset.iterdir() if path.name.startswith(("images", "labels")))):
        names = sorted(os.listdir(folder)) if reading.is_folder(folder) else []
        for name in names:
            digest.update(os.fsencode(f"{folder.name}/{name} {_state(folder / name)}\n"))
    return digest.hexdigest()


def _state(path: Path) -> str:
    """Return size and time of a file, or what it is instead of one."""
    try:
        status = os.stat(path)
    except OSError as error:  # a link to nothing, or to itself
        return str(error.strerror)
    return f"{status.st_size} {status.st_mtime_ns}" if stat.S_ISREG(status.st_mode) else "no file"


def _events(dataset: Path) -> Iterator[dict[str, Any]]:
    path = _file(dataset)
    try:
        text = reading.whole(path, LARGEST).decode(errors="replace") if path is not None else ""
    except (OSError, SegconvError):
        return
    for line in text.splitlines():
        with suppress(ValueError):  # a line that a full disk cut
            event = json.loads(line)
            if isinstance(event, dict):
                yield event


def _file(dataset: Path) -> Path | None:
    base = state_home()
    if base is None:
        return None
    name = hashlib.sha256(os.fsencode(os.path.realpath(dataset))).hexdigest()[:32]
    return base / "segconv" / "history" / f"{name}.jsonl"
