"""Whether the images of a task end in a channel number, which distinguishes nnU-Net v1 from the Decathlon.

v1 lists ``la_003`` for the file ``la_003_0000``; the Decathlon lists files by their complete names, which may also
end in four digits, such as ``amos_0507``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import reading
from ...dataset.folders import NIFTI, TRAINING, ChannelFiles, nifti_stem
from ...errors import SegconvError
from ..survey import Survey
from .folder_cases import names_in
from .task_json import JSON, read_json


@dataclass(frozen=True)
class TaskForm:
    """The layout of a task.

    Parameters
    ----------
    readable
        Whether its json can be read.
    numbered
        Whether images end in a channel number; None if both readings, or neither, explain everything that is listed.
    """

    readable: bool
    numbered: bool | None


def task_form(survey: Survey) -> TaskForm | None:
    """Return the layout of a task, or None if a source is not a task of the Decathlon or of nnU-Net v1."""
    if not reading.is_file(survey.root / JSON) or not reading.is_folder(survey.root / TRAINING.images):
        return None
    entries = None
    with contextlib.suppress(SegconvError):  # reported when it is scanned
        entries = read_json(survey)
    if "channel_names" in (entries or {}):
        return None  # nnU-Net v2, of pictures or with odd names
    return TaskForm(entries is not None, _numbered(names_in(survey.root / TRAINING.images), entries or {}))


def _numbered(names: list[str], entries: Mapping[str, Any]) -> bool | None:
    stems = {NIFTI.sub("", name) for name in names if NIFTI.search(name)}
    images = ChannelFiles.of(names, NIFTI)
    listed = _listed(entries)
    whole, numbered = listed & stems, listed & images.cases.keys()
    if whole or numbered:
        # A single file of another form among many is an error in one case, and is reported as such.
        return True if numbered > whole else False if whole > numbered else None
    # The lists name none of the files: channels count from 0, in every case.
    return bool(stems) and not images.unnumbered and any(0 in channels for channels in images.cases.values())


def _listed(entries: Mapping[str, Any]) -> set[str]:
    training = entries.get("training")
    listed = training if isinstance(training, list) else []
    images = [entry.get("image") if isinstance(entry, dict) else entry for entry in listed]
    return {nifti_stem(image) for image in images if isinstance(image, str)}
