"""Whether the images of a task carry the number of a channel: what sets nnU-Net v1 apart from the Decathlon.

v1 lists ``la_003`` where ``la_003_0000`` lies; the Decathlon lists files by their whole names, which may
well end in four digits, as ``amos_0507`` does.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..source_files import files_of

_ENDING = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
_CHANNEL = re.compile(r"(.+)_(\d{4})$")


def carry_channel_numbers(root: Path, task: Mapping[str, Any] | None) -> bool | None:
    """Return whether names in imagesTr end in the number of a channel.

    Parameters
    ----------
    task
        The json, if it can be read: what it lists counts, where those files are there.

    Returns
    -------
    numbered
        None if neither reading explains all that is listed, or both do.
    """
    stems = {_ENDING.sub("", path.name) for path in files_of(root / "imagesTr") if _ENDING.search(path.name)}
    matches = [match for stem in stems if (match := _CHANNEL.fullmatch(stem))]
    channels: dict[str, set[int]] = {}
    for match in matches:
        channels.setdefault(match[1], set()).add(int(match[2]))
    listed = _listed(task or {})
    whole, numbered = listed & stems, listed & channels.keys()
    if whole or numbered:
        # One file of another form among many is a mistake in a case, and named as such.
        return True if numbered > whole else False if whole > numbered else None
    # Nothing that is there is listed: channels count from 0, in every case.
    return bool(stems) and len(matches) == len(stems) and any(0 in numbers for numbers in channels.values())


def _listed(task: Mapping[str, Any]) -> set[str]:
    training = task.get("training")
    entries = training if isinstance(training, list) else []
    images = [entry.get("image") if isinstance(entry, dict) else entry for entry in entries]
    return {_ENDING.sub("", posixpath.basename(image)) for image in images if isinstance(image, str)}
