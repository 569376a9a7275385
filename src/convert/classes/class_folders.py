"""A folder of masks per class next to one of pictures: ``images/a.png``, ``masks/ex/a.png``, ``masks/he/a.png``.

Masks have the names of their pictures, or longer ones that begin with them (``a_EX.tif``). Such folders may also
hold the masks of several raters, so they are classes only if the user says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..find.class_names import cases_by_names
from ..find.mask_folders import CaseFolder, unit_of, wanted_name
from ..find.roles import FILLERS, IMAGE, MASK, MASK_WORDS, place_of, tokens_of
from ..model import CASE
from ..survey import Survey
from ..tree import Unit, walk

CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
_NUMBERING = re.compile(r"^\d+\s*[.)_-]\s*")


def class_folders(survey: Survey) -> list[CaseFolder]:
    """Return the cases of a source that has a folder for each class; none if it has another layout."""
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


def _cases(survey: Survey, folders: Mapping[str, list[Unit]]) -> list[CaseFolder]:
    of_masks = [folder for folder in folders if place_of(folder).role == MASK and not _of_objects(folder, folders)]
    masks = {folder: folders[folder] for folder in of_masks}
    pictures = _pictures([units for folder, units in folders.items() if folder not in masks])
    names = _class_names(list(masks))
    if pictures.keys() & names.values():
        return []  # a folder for each picture
    owners = {unit: _owner(unit.stem, pictures) for units in masks.values() for unit in units}
    if not names or not all(any(owners[unit] for unit in own) for own in masks.values()):
        return []  # masks of something else
    cases = {stem: CaseFolder(unit.path[: -len(unit.ending)], {stem: unit}) for stem, unit in pictures.items()}
    for folder, units in masks.items():
        if wanted_name(names[folder], survey.options.masks):
            for unit in units:
                _add(survey, cases, unit, owners[unit], names[folder])
    return list(cases.values())


def _pictures(folders: Sequence[list[Unit]]) -> dict[str, Unit]:
    """Return name → picture of the only folder of images, or of the only folder; empty if there are several."""
    images = [units for units in folders if place_of(units[0].folder).role == IMAGE] or folders
    return {unit.stem: unit for unit in images[0]} if len(images) == 1 else {}


def _add(survey: Survey, cases: Mapping[str, CaseFolder], unit: Unit, owner: str | None, name: str) -> None:
    """Add the mask of a class to the case of its picture."""
    if owner is None:
        survey.error("SC081", "is a mask without a picture", file=unit.path)
    elif name in cases[owner].masks:
        twin = cases[owner].masks[name].path
        survey.error("SC085", f"is a second mask of {owner!r}, beside {twin}", file=unit.path)
    else:
        cases[owner].masks[name] = unit
        cases[owner].places[name] = f"{unit.folder}/{CASE}{unit.stem[len(owner) :]}{unit.ending}"


def _of_objects(folder: str, folders: Mapping[str, list[Unit]]) -> bool:
    """Return whether a folder numbers objects whose classes are in the folder next to it, as in Pascal VOC and CVAT."""
    above, _, name = folder.rpartition("/")
    return name == OBJECTS and f"{above}/{CLASSES}".lstrip("/") in folders


def _owner(stem: str, pictures: Mapping[str, Unit]) -> str | None:
    """Return the longest picture name that a mask's name equals, or begins with before a separator."""
    starts = [stem, *(stem[: match.start()] for match in reversed(list(re.finditer(r"[_\-. ]", stem))))]
    return next((start for start in starts if start in pictures), None)


def _class_names(folders: Sequence[str]) -> dict[str, str]:
    """Return folder → class, if the paths of several folders differ in one place, which names the class."""
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
    """Return a folder's class: ``2. Haemorrhages`` and ``leftMask`` without the number and the word for masks."""
    name = _NUMBERING.sub("", folder) or folder
    words = [word for word in tokens_of(name) if word not in MASK_WORDS | FILLERS]
    return "_".join(words) if words and len(words) < len(tokens_of(name)) else name
