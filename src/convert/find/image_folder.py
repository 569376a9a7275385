"""The folder of the images, where images and masks of classes are in folders of their own."""

from __future__ import annotations

import os
from pathlib import Path

from ... import reading
from ...errors import Cure, SegconvError
from ..model import ConvertOptions
from ..source_files import names_of
from ..survey import Survey


def image_folder(root: Path, options: ConvertOptions) -> Path | None:
    """Return the image folder that the user names, relative to the source or the working folder; None if not found."""
    if len(options.images) != 1:
        return None
    places = (root / options.images[0], Path(options.images[0]))
    return next((Path(os.path.realpath(place)) for place in places if reading.is_folder(place)), None)


def image_folder_of(survey: Survey) -> Path | None:
    """Return the folder of the images if they have their own.

    Raises
    ------
    SegconvError
        ``SC001`` if the user names one that does not exist.
    """
    if not survey.options.images:
        return _own_image_folder(survey)
    folder = image_folder(survey.root, survey.options)
    if folder is None:
        what = f"the images are looked for in {' '.join(survey.options.images)}, which is not a folder"
        raise SegconvError(what, cures=(Cure("name_image_folder"),))
    return folder


def _own_image_folder(survey: Survey) -> Path | None:
    """Return the folder of images next to a folder of 3D Slicer segmentations, if there is exactly one of each."""
    from ...image.segment import is_segmentation
    from .roles import IMAGE, MASK, place_of

    if survey.options.image:
        return None
    folders: dict[str | None, list[Path]] = {}
    for path in survey.root.iterdir():
        if reading.is_folder(path):
            folders.setdefault(place_of(path.name).role, []).append(path)
    images, masks = folders.get(IMAGE, []), folders.get(MASK, [])
    if len(images) != 1 or len(masks) != 1:
        return None
    segmentations = names_of(masks[0])
    if not segmentations or not all(map(is_segmentation, segmentations)):
        return None
    return None if any(map(is_segmentation, os.listdir(images[0]))) else images[0].resolve()
