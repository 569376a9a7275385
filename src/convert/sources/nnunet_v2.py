"""nnU-Net v2 datasets as a source: to select cases, or to change names, format or labels.

If segconv made the source, `restore` goes through it back to the user's original files.
"""

from __future__ import annotations

from ... import reading
from ...dataset.layout import DESCRIPTION
from ...errors import SegconvError
from ..model import Scan
from ..survey import Survey
from ..tasks.task_json import read_json
from .kind import Kind

KIND = "nnunet-v2"


def recognise(survey: Survey) -> str | None:
    """Return the evidence for a dataset of nnU-Net v2, or None."""
    if not reading.is_file(survey.root / DESCRIPTION):
        return None
    try:
        found = read_json(survey)
    except SegconvError:
        return None
    return "dataset.json with channel_names" if "channel_names" in found else None


def scan(survey: Survey) -> Scan:
    """Find the cases of a dataset and judge the header of every file."""
    from ..scans import datasets

    return datasets.scan(survey, KIND)


SOURCE = Kind(
    heeds=frozenset({"numbering"}),
    recognise=recognise,
    scan=scan,
)
