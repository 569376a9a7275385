"""Images and labels as volumes of any format, matched by folder, suffix, pattern or list.

Volumes are NIfTI, NRRD and MetaImage files, folders of DICOM slices and, if the spacing is given,
folders of pictures or pictures with several pages. `pairing` distinguishes images and labels.
"""

from __future__ import annotations

from ... import reading
from ..model import Scan
from ..survey import Survey
from ..tasks.folder_cases import has_training_folders
from ..tree import folders_of
from .kind import FOUND_BY_NAME, Kind

KIND = "pairs"


def recognise(survey: Survey) -> str | None:
    """Return the evidence for pairs of volumes, or None."""
    list(folders_of(survey.again()))  # refuses folders that cannot be listed, also those of a task
    if reading.is_file(survey.root / "dataset.json"):
        return None
    if has_training_folders(survey.root):
        return None  # a task without its dataset.json
    from ..volumes.volume_units import volume_units

    units, _ = volume_units(survey.again())
    if not units:
        return None
    from ..scans import volumes

    return volumes.evidence(survey, units)


def scan(survey: Survey) -> Scan:
    """Find images and labels, judge every header, and settle the labels."""
    from ..scans import volumes

    return volumes.scan(survey, KIND)


SOURCE = Kind(
    heeds=FOUND_BY_NAME | {"numbering", "pairs", "spacing_mm", "frames", "slice_order", "unite_masks", "mask_channels"},
    recognise=recognise,
    scan=scan,
)
