"""DICOM series and their labels: pairs of volumes that the user declares to be series."""

from __future__ import annotations

from ...errors import Cure, SegconvError
from ..model import SERIES, Scan
from ..survey import Survey
from . import pairs
from .kind import Kind


def recognise(survey: Survey) -> str | None:
    """Return None: a source with DICOM series counts as pairs, unless the user says otherwise."""
    return None


def scan(survey: Survey) -> Scan:
    """Find DICOM series and their labels."""
    found = pairs.scan(survey)
    if found.cases and not any(parts.form == SERIES for case in found.cases for parts in case.parts.values()):
        raise SegconvError(
            "holds no DICOM series",
            code="SC011",
            file=str(survey.root),
            cures=(Cure.of("choose_source_kind", kind="pairs"),),
        )
    return found


SOURCE = Kind(
    heeds=pairs.SOURCE.heeds,
    recognise=recognise,
    scan=scan,
)
