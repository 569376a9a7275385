"""A folder of masks per class next to one of pictures: ``images/a.png``, ``masks/ex/a.png``, ``masks/he/a.png``.

Masks have the names of their pictures, or longer ones that begin with them (``a_EX.tif``). Such folders may also
hold the masks of several raters, so they are classes only if the user says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence

from ...image import raster
from ..find.class_names import cases_by_names
from ..find.mask_folders import CaseFolder, units_of, wanted_name
from ..find.roles import FILLERS, IMAGE, MASK, MASK_WORDS, place_of, tokens_of
from ..model import CASE
from ..survey import Survey
from ..tree import Unit, folders_of

CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
_NUMBERING = re.compile(r"^\d+\s*[.)_-]\s*")


def class_folders(survey: Survey) -> list[CaseFolder]:
    """Return the cases of a source that has a folder for each class; none if it has another layout."""
    if survey.options.images or survey.options.image:
        return []
    splits: dict[str | None, dict[str, Sequence[Unit]]] = {}
    own = survey.again()
    for folder, units in _without_previews(own).items():
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


def _without_previews(survey: Survey) -> dict[str, Sequence[Unit]]:
    """Return folder → its files; of folders that hold pictures and volumes only those of the kind that most files are.

    TotalSegmentator, for one, puts a preview picture into each folder of masks.
    """
    found: dict[str, Sequence[Unit]] = {}
    endings: Counter[str] = Counter()
    for folder in folders_of(survey):
        if units := units_of(folder):
            found[folder.path] = units
            endings += folder.endings
    pictures = {ending for ending in endings if raster.ending_of(ending) is not None}
    if len(pictures) in (0, len(endings)):
        return found
    most = 2 * sum(endings[ending] for ending in pictures) > endings.total()
    return {
        folder: [unit for unit in units if (unit.ending in pictures) == most] or units
        for folder, units in found.items()
    }


def _cases(survey: Survey, folders: Mapping[str, Sequence[Unit]]) -> list[CaseFolder]:
    masks = {folder: units for folder, units in folders.items() if _holds_masks(folder, folders)}
    names = _class_names(list(masks))
    cases = _pictures(folders, masks) if names else {}
    if not names or cases.keys() & names.values():
        return []  # a folder for each picture
    if not all(any(_owner(unit, cases) for unit in own) for own in masks.values()):
        return []  # masks of something else
    for folder, units in masks.items():
        if wanted_name(names[folder], survey.options.masks):
            _add(survey, cases, units, names[folder])
    return list(cases.values())


def _pictures(folders: Mapping[str, Sequence[Unit]], masks: Container[str]) -> dict[str, CaseFolder]:
    """Return the name of each picture in the only folder of images, or in the only folder, with a case for its masks.

    Return nothing if there are several such folders.
    """
    others = [units for folder, units in folders.items() if folder not in masks]
    images = [units for units in others if place_of(units[0].folder).role == IMAGE] or others
    if len(images) != 1:
        return {}
    return {unit.stem: CaseFolder(unit.path[: -len(unit.ending)], {unit.stem: unit}) for unit in images[0]}


def _add(survey: Survey, cases: Mapping[str, CaseFolder], masks: Sequence[Unit], name: str) -> None:
    """Add the masks of a class to the cases of their pictures."""
    for unit in masks:
        owner = _owner(unit, cases)
        if owner is None:
            survey.error("SC081", "is a mask without a picture", file=unit.path)
        elif name in cases[owner].masks:
            twin = cases[owner].masks[name].path
            survey.error("SC085", f"is a second mask of {owner!r}, beside {twin}", file=unit.path)
        else:
            cases[owner].masks[name] = unit
            cases[owner].places[name] = f"{unit.folder}/{CASE}{unit.stem[len(owner) :]}{unit.ending}"


def _holds_masks(folder: str, folders: Container[str]) -> bool:
    """Return whether a folder holds masks of classes.

    Those that number objects, as in Pascal VOC and CVAT, have classes in the folder next to them.
    """
    above, _, name = folder.rpartition("/")
    of_objects = name == OBJECTS and f"{above}/{CLASSES}".lstrip("/") in folders
    return place_of(folder).role == MASK and not of_objects


def _owner(mask: Unit, pictures: Container[str]) -> str | None:
    """Return the longest picture name that a mask's name equals, or begins with before a separator."""
    stem = mask.stem
    starts = [stem, *(stem[: match.start()] for match in reversed(list(re.finditer(r"[_\-. ]", stem))))]
    return next((start for start in starts if start in pictures), None)


def _class_names(folders: Sequence[str]) -> dict[str, str]:
    """Return folder → class, if the paths of several folders differ in one place, which names the class."""
    parts = [folder.split("/") for folder in folders]
    if len(folders) < 2 or len({len(one) for one in parts}) > 1:
        return {}
    differing = [same for same in zip(*parts, strict=True) if len(set(same)) > 1]
    if len(differing) != 1:
        return {}
    plain = differing[0]
    names = tuple(map(_class_name, plain))
    return dict(zip(folders, names if len(set(names)) == len(names) else plain, strict=True))


def _class_name(folder: str) -> str:
    """Return a folder's class: ``2. Haemorrhages`` and ``leftMask`` without the number and the word for masks."""
    name = _NUMBERING.sub("", folder) or folder
    words = [word for word in tokens_of(name) if word not in MASK_WORDS | FILLERS]
    return "_".join(words) if words and len(words) < len(tokens_of(name)) else name
