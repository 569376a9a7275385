"""Notice CTs by the names of their files, or by what DICOM states, where nothing says what the only channel is.

nnU-Net normalises CT by the values of the whole set, and everything else case by case, which loses the meaning of HU.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from ...dataset.channels import normalisation
from ...errors import Cure, SegconvError
from ...words import count_of
from ..model import SERIES, SourceCase
from ..survey import Survey

ONLY = "image"
"""Name of the only channel of volumes if nothing names it."""
_OTHERS = frozenset({"pet", "pt", "spect", "mr", "mri", "t", "flair", "dwi", "adc", "us", "cbct"})
"""Words of other modalities; a path with one of these and that for CT may be of either."""


def name_only_channel(survey: Survey, cases: Sequence[SourceCase]) -> tuple[str]:
    """Return the name of a channel that nothing names, after a warning if all images are CTs by name or by DICOM."""
    if cases and all(_is_ct(survey, case) for case in cases):
        image = cases[0].images[0]
        says = "states that it is CT" if cases[0].form(image) == SERIES else "is CT by its name"
        others = f", as are the images of {count_of(len(cases) - 1, 'other case')}" if len(cases) > 1 else ""
        what = f"{says}{others}; the normalisation of the channel {ONLY!r} is {normalisation(ONLY)}"
        survey.warn("SC091", what, file=survey.shown(image), cures=(Cure("name_channels"),))
    return (ONLY,)


def _is_ct(survey: Survey, case: SourceCase) -> bool:
    image = case.images[0]
    if case.form(image) == SERIES:
        from ...image.formats import dicom

        with suppress(SegconvError):  # reported when its header is judged
            return dicom.modality_of(case.files_of(image)) == "CT"
    words = set(re.findall(r"[a-z]+", survey.shown(image).lower()))
    return "ct" in words and not words & _OTHERS
