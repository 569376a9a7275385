"""A folder of masks for each class beside one of pictures: ``images/a.png``, ``masks/ex/a.png``, ``masks/he/a.png``.

Masks are called as their pictures, or go on where those end (``a_EX.tif``). Such folders may as well hold the masks
of several raters, so that they are classes only if the user says so: ``--from masks``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import SegconvError
from ..find.class_names import cases_by_names, image_form
from ..find.mask_folders import CaseFolder, unit_of, wanted_name
from ..find.pairing import pair_units
from ..find.raters import raters_in
from ..find.roles import FILLERS, IMAGE, MASK, MASK_WORDS, place_of, tokens_of
from ..judge.looks import image_first
from ..model import CASE
from ..survey import Survey
from ..tree import Unit, walk

CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
SHOWN_CLASSES = 4
"""Masks of a picture that a refusal names."""
_NUMBERING = re.compile(r"^\d+\s*[.)_-]\s*")


def class_folders(survey: Survey) -> list[CaseFolder]:
    """Return the cases of a source that has a folder for each class; none if it is laid out otherwise."""
    if survey.options.images or survey.options.image:
        return []
    splits: dict[str | None, dict[str, list[Unit]]] = {}
    own = survey.again()
    for folder, names in walk(own):
        if units := [unit for name in names if (unit := unit_of(folder, name)) is not None]:
            splits.setdefault(place_of(folder).split, {})[folder] = units
    found: list[CaseFolder] = []
    for folders in splits.values():
        cases = _cases(own, folders)
        if not cases:
            own.findings.clear()
            all_folders = {folder: units for one in splits.values() for folder, units in one.items()}
            found = cases_by_names(own, all_folders)
            break
        found += cases
    survey.take(own)
    return found


def refuse_class_folders(root: Path) -> None:
    """Refuse a source that has several masks of classes beside each image: classes, or raters, or one too many.

    Raises
    ------
    SegconvError
        ``SC003`` with what takes them for classes, and what takes one of them.
    """
    cases = class_folders(Survey(root))
    places = {name: place for case in cases for name, place in case.places.items()}
    if len(places) < 2:
        return
    above = {place.rpartition("/")[0] for place in places.values()}
    if len(above) < len(places) or any(CASE in folder for folder in above):
        _refuse_by_names(root, cases, places)
        return
    image = next(iter(cases[0].images.values()))
    images = shlex.quote(f"{image.folder}/{CASE}{image.ending}".lstrip("/"))
    folders = sorted({place.rpartition("/")[0] for place in places.values()})
    one = " or ".join(f"--images {images} --masks {shlex.quote(place)}" for place in places.values())
    classes = f"segconv convert {shlex.quote(str(root))} --from masks … takes each for a class ({', '.join(places)}); "
    raise SegconvError(
        f"{' and '.join(folders)} may {'both' if len(folders) == 2 else 'all'} hold the masks",
        code="SC003",
        hint=f"{one} takes one of them; {'' if raters_in(places) else classes}or move the others out of the source",
    )


def _refuse_by_names(root: Path, cases: Sequence[CaseFolder], places: Mapping[str, str]) -> None:
    """Refuse masks that paths tell from one another, unless a usual reading of them leaves nothing open."""
    units = [unit for case in cases for unit in (*case.images.values(), *case.masks.values())]
    usual = pair_units(units)
    if any(pair.labels for pair in usual.pairs) and not usual.findings and not usual.several:
        return
    full = next((case for case in cases if len(case.masks) > 1), None)
    image = next(iter((full or cases[0]).images.values()))
    masks = list({name: unit for case in cases for name, unit in (full or case).masks.items()}.values())
    if place_of(image.folder).role is None and image_first([image], masks, root) is not True:
        return  # other channels, perhaps
    pattern = image_form(image, full or cases[0])
    shown = list(places.values())[:SHOWN_CLASSES]
    one = [f"--images {shlex.quote(pattern)} --masks {shlex.quote(place)}" for place in shown]
    same = len({image_form(next(iter(case.images.values())), case) for case in cases}) == 1
    same = same and all(unit.folder != image.folder for unit in masks)  # or the pattern finds both
    alone = f"{' or '.join(one)} takes one of them; " if same else ""
    named = " and ".join(unit.path for unit in masks[:SHOWN_CLASSES])
    both = "both" if len(masks) == 2 else "all"
    raise SegconvError(
        f"{named} may {both} be masks of {image.path}" if full is not None else f"{named} may be masks of a class each",
        code="SC003",
        hint=f"{alone}segconv convert {shlex.quote(str(root))} --from masks … takes each for a class"
        f" ({', '.join(places)})",
    )


def _cases(survey: Survey, folders: Mapping[str, list[Unit]]) -> list[CaseFolder]:
    masks = {
        folder: units
        for folder, units in folders.items()
        if place_of(folder).role == MASK and not _of_objects(folder, folders)
    }
    rest = [folder for folder in folders if folder not in masks]
    images = [folder for folder in rest if place_of(folder).role == IMAGE] or rest
    names = _class_names(list(masks))
    if len(images) != 1 or not names:
        return []
    pictures = {unit.stem: unit for unit in folders[images[0]]}
    if pictures.keys() & names.values():
        return []  # a folder for each picture
    cases = {stem: CaseFolder(unit.path[: -len(unit.ending)], {stem: unit}) for stem, unit in pictures.items()}
    for folder, units in masks.items():
        owners = {unit: _owner(unit.stem, pictures) for unit in units}
        if not any(owners.values()):
            return []  # masks of something else
        name = names[folder]
        if not wanted_name(name, survey.options.masks):
            continue
        for unit, owner in owners.items():
            if owner is None:
                survey.error("SC081", "is a mask without a picture", file=unit.path)
            elif name in cases[owner].masks:
                twin = cases[owner].masks[name].path
                survey.error("SC085", f"is a second mask of {owner!r}, beside {twin}", file=unit.path)
            else:
                cases[owner].masks[name] = unit
                cases[owner].places[name] = f"{folder}/{CASE}{unit.stem[len(owner) :]}{unit.ending}"
    return list(cases.values())


def _of_objects(folder: str, folders: Mapping[str, list[Unit]]) -> bool:
    """Whether a folder numbers the objects of what stands beside it in classes, as Pascal VOC and CVAT lay it out."""
    above, _, name = folder.rpartition("/")
    return name == OBJECTS and f"{above}/{CLASSES}".lstrip("/") in folders


def _owner(stem: str, pictures: Mapping[str, Unit]) -> str | None:
    """Return the longest name of a picture that a mask's name is, or goes on from after a separator."""
    starts = [stem, *(stem[: match.start()] for match in reversed(list(re.finditer(r"[_\-. ]", stem))))]
    return next((start for start in starts if start in pictures), None)


def _class_names(folders: Sequence[str]) -> dict[str, str]:
    """Return folder → class, where the paths of several folders differ in one place, which names it."""
    parts = [folder.split("/") for folder in folders]
    if len(folders) < 2 or len({len(one) for one in parts}) > 1:
        return {}
    differing = [at for at, same in enumerate(zip(*parts, strict=True)) if len(set(same)) > 1]
    if len(differing) != 1:
        return {}
    plain = [one[differing[0]] for one in parts]
    names = [_class_name(name) for name in plain]
    return dict(zip(folders, names if len(set(names)) == len(names) else plain, strict=True))


def _class_name(folder: str) -> str:
    """Return what a folder calls its class: ``2. Haemorrhages`` and ``leftMask`` without number and word for masks."""
    name = _NUMBERING.sub("", folder) or folder
    words = [word for word in tokens_of(name) if word not in MASK_WORDS | FILLERS]
    return "_".join(words) if words and len(words) < len(tokens_of(name)) else name
