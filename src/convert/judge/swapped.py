"""Pictures and masks that changed places: masks that are refused as photographs, and images that hold few values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import Cure
from ...image import raster
from ..model import SourceCase
from ..survey import Survey
from ..tree import Unit
from .candidates import NO_CHOICE, patterns_of
from .looks import image_first

_ASKING = {NO_CHOICE, Cure("declare_and_snap")}
"""Cures of masks that may be photographs: they leave everything to the user."""


def name_swapped(survey: Survey, cases: Sequence[SourceCase]) -> None:
    """Name the patterns that swap images and masks, in errors that ask which is which, if the images look like masks.

    A few of the files are read, and only if there is such an error.
    """
    asked = [at for at, found in enumerate(survey.findings) if found.severity == "error" and _ASKING & {*found.cures}]
    options = survey.options
    if not (asked and cases) or options.images or options.masks is not None or options.pairs is not None:
        return
    if any(len(case.images) > 1 or case.label is None or case.label in case.parts for case in cases):
        return
    images = [_unit(survey, case.images[0]) for case in cases]
    masks = [_unit(survey, str(case.label)) for case in cases]
    if image_first(masks, images, survey.root) is not True:
        return
    if (patterns := patterns_of(survey, [masks], images)) is None:
        return
    swap = Cure.of("take_as_image", images=patterns.images, masks=patterns.masks, image=masks[0].path)
    for at in asked:
        found = survey.findings[at]
        others = (cure for cure in found.cures if cure != NO_CHOICE)
        survey.findings[at] = replace(found, hint="", cures=(swap, *others))


def _unit(survey: Survey, path: str) -> Unit:
    folder, _, name = survey.shown(path).rpartition("/")
    ending = raster.ending_of(name) or ""
    return Unit(folder, name[: len(name) - len(ending)], name[len(name) - len(ending) :])
