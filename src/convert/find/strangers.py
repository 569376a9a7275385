"""Labels none of which has an image: what is said of them once, with the patterns that may settle it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import Finding
from ...words import count_of
from ..tree import Unit

_RENAME = "rename them; or say how they are called, as in "
MOST_TAILS = 4
"""Masks of one image that a hint names."""


@dataclass(frozen=True)
class Strangers:
    """A folder of labels, and the folder in which their images should be, or none."""

    masks: list[Unit]
    images: list[Unit]


def of_strangers(found: list[Strangers]) -> Finding:
    """Return one finding on folders of labels without images, with patterns that may settle it."""
    masks, images = found[0].masks, next((one.images for one in found if one.images), [])
    folder = masks[0].folder
    more = f"; and so on in {count_of(len(found) - 1, 'folder')} more" if found[1:] else ""
    if not images:
        return Finding(
            "SC081",
            f"holds {listed(masks)}, which are labels by their place, and no folder holds their images{more}",
            file=folder or ".",
            hint=f"add the images; or --images GLOB --masks '{glob_of(folder)}' says where they are",
        )
    first = images[0].stem
    longer = next((unit for unit in masks if unit.stem.startswith(first)), None)
    tails: list[str] = []
    case = "{case}"
    if longer is not None:
        own = (unit for unit in masks if unit.stem.startswith(first) and unit.stem[len(first) :][:1] in "_-. ")
        tails = list(dict.fromkeys(unit.stem[len(first) :] + unit.ending for unit in own))[:MOST_TAILS]
        case = first if found[1:] and len({one.images[0].stem for one in found if one.images}) == 1 else case
        names = (case + images[0].ending, case + longer.stem[len(first) :] + longer.ending)
    else:
        all_images, all_masks = (
            tuple(unit for units in side for unit in units) for side in zip(*_sides(found), strict=True)
        )
        names = _patterns_of(all_images, all_masks)
    folders = [common_path([units[0].folder for units in sides if units]) for sides in zip(*_sides(found), strict=True)]
    patterns = [glob_of(where, name) for where, name in zip(folders, names, strict=True)]
    choices = [glob_of(folders[1], f"{case}{tail}") for tail in tails] if tails[1:] else patterns[1:]
    if "{case}" not in "".join(names) and (apart := _by_last_folder(found)):
        choices = [glob_of(folder, names[1]) for folder in apart]
    said = " or ".join(f"--images '{patterns[0]}' --masks '{choice}'" for choice in choices)
    return Finding(
        "SC081",
        f"holds {listed(masks)}, and not one is called as an image of {images[0].folder or '.'},"
        f" which holds {listed(images)}{more}",
        file=folder or ".",
        hint=f"{_RENAME}{said}",
    )


def of_seconds(found: list[Strangers]) -> Finding:
    """Return one finding on images with several labels each, with patterns that take one of them.

    Parameters
    ----------
    found
        The labels of each image, and the image.
    """
    first, second = found[0].masks[:2]
    more = f"; the same holds for {count_of(len(found) - 1, 'other image')}" if found[1:] else ""
    said = of_strangers(found).hint.removeprefix(_RENAME) if found[1:] else "--images GLOB --masks GLOB says which"
    return Finding(
        "SC085",
        f"is a second label of {found[0].images[0].path}, beside {first.path}{more}",
        file=second.path,
        hint=f"keep one label an image; {said}",
    )


def _by_last_folder(found: Sequence[Strangers]) -> list[str]:
    """Return the paths of masks that are called alike in folders of several names, with ``*`` for each case."""
    folders: dict[str, list[str]] = {}
    for one in found:
        folders.setdefault(one.masks[0].folder.rpartition("/")[2], []).append(one.masks[0].folder)
    several = len(folders) > 1 and len({len(own) for own in folders.values()}) == 1
    return [common_path(own) for own in list(folders.values())[:MOST_TAILS]] if several else []


def _patterns_of(images: Sequence[Unit], masks: Sequence[Unit]) -> tuple[str, str]:
    """Return the patterns of images and masks; of several masks an image, those whose name tells of labels."""
    image = pattern_of(images)
    if "{case}" not in image:
        return image, pattern_of(masks)
    start, end = image.removesuffix(images[0].ending).split("{case}")
    if len(masks) > len(images):
        first = images[0].stem[: len(images[0].stem) - len(end)]
        own = [mask for mask in masks if mask.stem.startswith(first)]
        own.sort(key=lambda mask: "label" not in mask.stem[len(first) :].lower())
        if own:
            return image, f"{start}{{case}}{own[0].stem[len(first) :]}{own[0].ending}"
    return image, pattern_of(masks)


def _sides(found: list[Strangers]) -> list[tuple[list[Unit], list[Unit]]]:
    return [(one.images, one.masks) for one in found if one.images]


def pattern_of(units: Sequence[Unit]) -> str:
    """Return what the names of files have in common, but for whole numbers, around ``{case}``."""
    stems = [unit.stem for unit in units]
    if len(stems) == 1:
        return "{case}" + units[0].ending
    if len(set(stems)) == 1:
        return stems[0] + units[0].ending
    start = _shared_start(stems).rstrip("0123456789")
    end = _shared_start([stem[len(start) :][::-1] for stem in stems])[::-1].lstrip("0123456789")
    return f"{start}{{case}}{end}{units[0].ending}"


def pattern_of_files(files: Sequence[Unit]) -> str:
    """Return the pattern of one file of each case: ``*`` or ``{case}`` where their paths differ."""
    same = len({file.stem for file in files}) == 1
    name = files[0].stem + files[0].ending if same else pattern_of(files)
    return glob_of(common_path(sorted({file.folder for file in files})), name)


def _shared_start(texts: list[str]) -> str:
    first, last = min(texts), max(texts)
    return first[
        : next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    ]


def common_path(paths: list[str]) -> str:
    """Return paths with ``*`` for each component in which they differ."""
    parts = [path.split("/") for path in paths]
    if any(len(one) != len(parts[0]) for one in parts):
        return "**"
    return "/".join(same[0] if len(set(same)) == 1 else "*" for same in zip(*parts, strict=True))


def listed(units: list[Unit]) -> str:
    """Return ``3 files (a.png, b.png …)``."""
    names = ", ".join(unit.shown for unit in units[:2]) + (" …" if len(units) > 2 else "")
    return f"{len(units)} file{'' if len(units) == 1 else 's'} ({names})"


def globs_of(one: Sequence[Unit], other: Sequence[Unit]) -> tuple[str, str]:
    """Return the patterns of two folders of files, with ``{case}`` where their names differ."""
    same = {unit.stem for unit in one} & {unit.stem for unit in other}
    first, second = ("*" if same else pattern_of(units) for units in (one, other))
    return glob_of(one[0].folder, first), glob_of(other[0].folder, second)


def glob_of(folder: str, name: str = "*") -> str:
    """Return the pattern of files in a folder."""
    return f"{folder}/{name}" if folder else name
