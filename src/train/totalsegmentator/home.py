"""The private folders of a process that runs TotalSegmentator: its settings, its temporary files, and links to models.

TotalSegmentator rewrites ``config.json`` in its home at every run, without a lock, deletes folders of old models next
to those that it uses, and takes a model's folder that exists for a model that is complete. So each process gets a home
with settings of its own, in which only the models that it needs are linked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ... import reading
from ...dataset.strictjson import dumps, load_object, read_file
from ...errors import SegconvError
from ...work import begun, fsops, owned
from ...work.writing import writing

HOME, WEIGHTS = "TOTALSEG_HOME_DIR", "TOTALSEG_WEIGHTS_PATH"
"""Variables of TotalSegmentator."""

SETTINGS = "config.json"
_MODELS, _TEMPORARY = "models", "tmp"
_LICENCE = "license_number"
_OWNER_ONLY = 0o600
"""Mode of the settings, which hold the licence number, and which a kill leaves."""


def licence_of(home: Path) -> str:
    """Return the licence number that TotalSegmentator has in a home; empty if none is set."""
    file = home / SETTINGS
    if not reading.is_file(file):
        return ""
    with suppress(SegconvError):
        number = load_object(read_file(file)).get(_LICENCE)
        return number if isinstance(number, str) else ""
    return ""


def furnished(work: Path, number: int, models: Iterable[Path], licence: str) -> dict[str, str]:
    """Make the private folders of a process in a work folder, and return the variables that name them.

    Parameters
    ----------
    number
        Of the process.
    models
        Folders of the models that it needs.
    licence
        The user's licence number, or an empty text.
    """
    home, models = work / _name(number), tuple(models)
    with writing(home):
        links = {home / _MODELS / model.name: model for model in models}
        settings = home / SETTINGS
        begun.declare(work, (os.fspath(path.relative_to(work)) for path in (*links, settings, home / _TEMPORARY / "x")))
        for folder in (home / _MODELS, home / _TEMPORARY):
            fsops.mkdir(folder)
        for link, model in links.items():
            if os.path.lexists(link):
                fsops.unlink(link)
            fsops.symbolic_link(model.resolve(), link)
        fsops.write_atomic(settings, dumps(_settings(licence)), mark=begun.mark_of(work), mode=_OWNER_ONLY)
    return {HOME: str(home), WEIGHTS: str(home / _MODELS), "TMPDIR": str(home / _TEMPORARY)}


def _settings(licence: str) -> Mapping[str, object]:
    settings = {
        "totalseg_id": "segconv",
        "send_usage_stats": False,
        "prediction_counter": 0,
        "statistics_disclaimer_shown": True,
    }
    return {**settings, **({_LICENCE: licence} if licence else {})}


def _name(number: int) -> str:
    return f"home-{number}"


def declare_leftovers(work: Path) -> None:
    """List as segconv's own what a killed process left in its temporary folder, if segconv made that folder."""
    listed = begun.read(work)
    if listed is None:
        return
    own = tuple(path.removesuffix("x") for path in listed if path.endswith(f"/{_TEMPORARY}/x"))
    left = [
        f"{path}/x" if entry.is_dir(follow_symlinks=False) else path
        for path, entry in owned.entries(work)
        if path.startswith(own)
    ]
    begun.declare(work, left)
