"""Labels without any image, reported once with the patterns that may settle it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import Cure, Finding
from ...words import count_of
from ..tree import Unit
from .globs import CASE, common_path, glob_of, listed, pattern_of
from .roles import SEPARATORS

MOST_TAILS = 4
"""Maximum number of masks per image to propose."""


@dataclass(frozen=True)
class Strangers:
    """A folder of labels, and the folder where their images should be, or none."""

    masks: Sequence[Unit]
    images: Sequence[Unit]


def of_strangers(found: Sequence[Strangers]) -> Finding:
    """Return one finding on folders of labels without images, with patterns that may settle it."""
    masks, images = found[0].masks, next((one.images for one in found if one.images), [])
    folder = masks[0].folder
    more = f"; and so on in {count_of(len(found) - 1, 'folder')} more" if found[1:] else ""
    if not images:
        return Finding(
            "SC081",
            f"holds {listed(masks)}, which are labels by their place, and no folder holds their images{more}",
            file=folder or ".",
            hint="add the images",
            cures=(Cure.of("name_images_and_masks", masks=glob_of(folder)),),
        )
    return Finding(
        "SC081",
        f"holds {listed(masks)}, and none has the name of an image of {images[0].folder or '.'},"
        f" which holds {listed(images)}{more}",
        file=folder or ".",
        hint="rename them",
        cures=choices_of(found),
    )


def of_seconds(found: Sequence[Strangers]) -> Finding:
    """Return one finding on images with several labels each, with patterns that take one of them.

    Parameters
    ----------
    found
        The labels of each image, and the image.
    """
    first, second = found[0].masks[:2]
    more = f"; the same holds for {count_of(len(found) - 1, 'other image')}" if found[1:] else ""
    return Finding(
        "SC085",
        f"is a second label of {found[0].images[0].path}, beside {first.path}{more}",
        file=second.path,
        hint="keep one label per image",
        cures=choices_of(found) if found[1:] else (Cure("name_images_and_masks"),),
    )


def choices_of(found: Sequence[Strangers]) -> tuple[Cure, ...]:
    """Return the patterns that may match images and labels, one for each label of an image."""
    sides = [one for one in found if one.images]
    image, masks = _names(sides)
    places = [common_path([one.images[0].folder for one in sides]), common_path([one.masks[0].folder for one in sides])]
    patterns = [glob_of(places[1], mask) for mask in masks]
    if CASE not in image + masks[0] and (apart := _by_last_folder(found)):
        patterns = [glob_of(folder, masks[0]) for folder in apart]
    images = glob_of(places[0], image)
    return tuple(Cure.of("name_images_and_masks", images=images, masks=pattern) for pattern in patterns)


def _names(sides: Sequence[Strangers]) -> tuple[str, list[str]]:
    """Return the pattern of the image names, and those of the labels of one image."""
    image = sides[0].images[0]
    tails = [mask.stem[len(image.stem) :] + mask.ending for mask in sides[0].masks if mask.stem.startswith(image.stem)]
    if not tails:
        first, pattern = _patterns_of(sides)
        return first, [pattern]
    after_separator = list(dict.fromkeys(filter(SEPARATORS.match, tails)))[:MOST_TAILS]
    same_in_all = len(sides) > 1 and len({one.images[0].stem for one in sides}) == 1
    case = image.stem if same_in_all else CASE
    chosen = after_separator if len(after_separator) > 1 else tails[:1]
    return case + image.ending, [case + tail for tail in chosen]


def _by_last_folder(found: Sequence[Strangers]) -> list[str]:
    """Return the paths of masks with the same names in folders of several names, with ``*`` for each case."""
    folders: dict[str, list[str]] = {}
    for one in found:
        folders.setdefault(one.masks[0].folder.rpartition("/")[2], []).append(one.masks[0].folder)
    several = len(folders) > 1 and len({len(own) for own in folders.values()}) == 1
    return [common_path(own) for own in list(folders.values())[:MOST_TAILS]] if several else []


def _patterns_of(sides: Sequence[Strangers]) -> tuple[str, str]:
    """Return the patterns of images and masks; if an image has several masks, of those whose name says label."""
    images = [unit for one in sides for unit in one.images]
    masks = [unit for one in sides for unit in one.masks]
    image = pattern_of(images)
    if CASE in image and len(masks) > len(images):
        start, end = image.removesuffix(images[0].ending).split(CASE)
        first = images[0].stem[: len(images[0].stem) - len(end)]
        own = [mask for mask in masks if mask.stem.startswith(first)]
        own.sort(key=lambda mask: "label" not in mask.stem[len(first) :].lower())
        if own:
            return image, f"{start}{CASE}{own[0].stem[len(first) :]}{own[0].ending}"
    return image, pattern_of(masks)
