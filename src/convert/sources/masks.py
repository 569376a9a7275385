"""One binary mask per class in a folder per case, or segmentations of 3D Slicer: masks that may overlap.

`mask_folders` finds them; `compiler` keeps the overlaps, and must know every overlap of
every case before the first label is written.
"""

from __future__ import annotations

from ... import reading
from ..model import Scan
from ..survey import Survey
from .kind import FOUND_BY_NAME, Kind

KIND = "masks"


def recognise(survey: Survey) -> str | None:
    """Return the evidence for masks of classes, or None."""
    if reading.is_file(survey.root / "dataset.json"):
        return None
    from ..scans import masks

    return masks.evidence(survey)


def scan(survey: Survey) -> Scan:
    """Find the cases, read every mask to know which overlap, and compile the labels."""
    from ..scans import masks

    return masks.scan(survey, KIND)


SOURCE = Kind(
    heeds=FOUND_BY_NAME | {"numbering", "spacing_mm", "image", "priority", "max_heads", "missing_masks"},
    recognise=recognise,
    scan=scan,
)
