"""The patient of a DICOM series, from its headers."""

from __future__ import annotations

import hashlib

from ..model import SERIES, SourceCase


def with_patient(case: SourceCase) -> SourceCase:
    """Return a case of a DICOM series with its patient, so that folds keep patients together.

    The lineage holds no identities: a hash represents the patient.
    """
    series = next((case.files_of(path) for path in case.images if case.form(path) == SERIES), None)
    if series is None or case.patient is not None:
        return case
    from ...image.formats import dicom

    patient = dicom.patient_of(series)
    return case._replace(patient=hashlib.sha256(patient.encode()).hexdigest()[:12]) if patient else case
