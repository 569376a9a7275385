"""Pictures and masks: PNG, TIFF, BMP and JPEG, in any folders, with any coding of labels in masks.

A mask codes its labels as grey values or palette indices, as stored: 0/255, 0 1 2 …; or as colours
with alpha, if a table says which. `pairing` distinguishes images and masks, and matches them.
"""

from __future__ import annotations

from ...image import raster
from ..model import Scan
from ..survey import Survey
from ..tasks.folder_cases import has_training_folders
from ..tree import units_in
from .kind import FOUND_BY_NAME, Kind

KIND = "png"


def recognise(survey: Survey) -> str | None:
    """Return the evidence for pictures and masks, or None."""
    if has_training_folders(survey.root):
        return None  # nnU-Net's own folders need a dataset.json; without one nothing says what is in them
    units, others = units_in(survey.again(), raster.ending_of)
    if not units:
        return None
    from ..scans import pictures

    return pictures.evidence(survey, units, others)


def scan(survey: Survey) -> Scan:
    """Find pictures and masks, judge every header, and settle the labels."""
    from ..scans import pictures

    return pictures.scan(survey, KIND)


SOURCE = Kind(
    heeds=FOUND_BY_NAME | {"pairs", "unite_masks", "mask_channels", "grey_to_rgb"},
    recognise=recognise,
    scan=scan,
)
