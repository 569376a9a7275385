"""Sources with several masks per image, which may be of classes or of raters: refused with the choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path

from ...errors import Cure, SegconvError
from ...words import some_of
from ..classes.class_folders import class_folders
from ..find.class_names import image_form
from ..find.mask_folders import CaseFolder
from ..find.pairing import pair_units
from ..find.raters import raters_in
from ..find.roles import place_of
from ..judge.looks import image_first
from ..model import CASE
from ..survey import Survey
from ..tree import Unit

SHOWN_CLASSES = 4
"""Maximum number of masks per picture that a refusal names."""


def refuse_class_folders(survey: Survey) -> None:
    """Refuse a source with several masks per image: they may be classes, raters, or one mask too many.

    Raises
    ------
    SegconvError
        ``SC003`` with a cure that takes them as classes, and cures that take one of them.
    """
    root = survey.root
    cases = class_folders(survey)
    places = {name: place for case in cases for name, place in case.places.items()}
    if len(places) < 2:
        return
    folders = sorted({place.rpartition("/")[0] for place in places.values()})
    if len(folders) < len(places) or any(CASE in folder for folder in folders):
        _refuse_by_names(root, cases, places)
        return
    image = _image(cases[0])
    images = f"{image.folder}/{CASE}{image.ending}".lstrip("/")
    classes = () if raters_in(places) else (_as_classes(places),)
    raise SegconvError(
        f"{' and '.join(folders)} may {_both_or_all(folders)} hold the masks",
        code="SC003",
        hint="move the others out of the source",
        cures=(*(_one(images, place) for place in places.values()), *classes),
    )


def _refuse_by_names(root: Path, cases: Sequence[CaseFolder], places: Mapping[str, str]) -> None:
    """Refuse masks that paths distinguish, unless a usual reading of them leaves nothing open."""
    if _settled_by_names(cases):
        return
    first = next((case for case in cases if len(case.masks) > 1), cases[0])
    image = _image(first)
    if len(first.masks) > 1:
        masks = list(first.masks.values())
        question = f"{_both_or_all(masks)} be masks of {image.path}"
    else:
        masks = list({name: unit for case in cases for name, unit in case.masks.items()}.values())
        question = "be masks of a class each"
    if place_of(image.folder).role is None and image_first([image], masks, root) is not True:
        return  # they may be further channels
    named = " and ".join(unit.path for unit in masks[:SHOWN_CLASSES])
    beside = image.folder in {unit.folder for unit in masks}
    one = () if beside else _one_by_pattern(cases, places)
    raise SegconvError(f"{named} may {question}", code="SC003", cures=(*one, _as_classes(places)))


def _both_or_all(things: Sized) -> str:
    return "both" if len(things) == 2 else "all"


def _settled_by_names(cases: Sequence[CaseFolder]) -> bool:
    """Return whether a usual reading pairs the files and leaves nothing open."""
    usual = pair_units(unit for case in cases for unit in (*case.images.values(), *case.masks.values()))
    return usual.paired and not usual.findings and not usual.several


def _one_by_pattern(cases: Sequence[CaseFolder], places: Mapping[str, str]) -> tuple[Cure, ...]:
    """Return cures that take one of the masks; none if no single pattern finds the images of all cases."""
    first, *others = {image_form(_image(case), case) for case in cases}
    return () if others else tuple(_one(first, place) for place in list(places.values())[:SHOWN_CLASSES])


def _image(case: CaseFolder) -> Unit:
    return next(iter(case.images.values()))


def _one(images: str, place: str) -> Cure:
    return Cure.of("take_one_of_masks", images=images, masks=place)


def _as_classes(places: Mapping[str, str]) -> Cure:
    return Cure.of("convert_as_classes", names=some_of(places, SHOWN_CLASSES))
