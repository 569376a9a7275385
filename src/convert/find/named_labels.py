"""Folders whose own names say nothing, but which hold labels by the names of their files.

``x/a.png`` and ``y/a_mask.png``, or ``x/a.jpg`` and ``y/a.png``: a picture with lossy
compression is not a label.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from ..tree import Unit
from .matching import match
from .roles import DERIVATIVES, MASK, RAW, role_of_stem, with_one_open

LOSSY = (".jpg", ".jpeg")
MAX_NEAR = 20
"""Maximum number of folders compared with one; each costs a look at all its names."""
_FEWEST = 2
"""Minimum matches: with one file each, ``ann/scan.png`` and ``bob/scan_mask.png``, folders may be of two patients."""


def labels_by_name(folders: Mapping[str, Sequence[Unit]], images: Collection[str]) -> dict[str, list[str]]:
    """Return folder of labels → the folders, one if unambiguous, whose images they may be of.

    The result is empty if one folder holds both images and labels: folders are then cases or sites, and
    one may simply lack images or labels.

    Parameters
    ----------
    folders
        Folders whose paths have no word for labels, with their files.
    images
        Those of them whose paths have a word for images.
    """
    looks = {folder: _look(units) for folder, units in folders.items()}
    if None in looks.values():
        return {}
    near = _near_images(looks)
    found = {}
    for folder, look in looks.items():
        if look == _PHOTOS or folder in images:
            continue
        raw = _raw_images(folder, folders, looks) if look == _LABELS else []
        fitting = raw or _fitting(folder, folders, near(folder), by_name=look == _LABELS)
        if fitting:
            found[folder] = fitting
    return found


def _near_images(looks: Mapping[str, str | None]) -> Callable[[str], list[str]]:
    """Return a function from a folder to those that may hold its images and whose paths differ in one place.

    Thousands of folders take no longer than a few: each is found by its path with one place left open.
    """
    by_open_path: dict[tuple[str | None, str], list[str]] = {}
    for folder, look in looks.items():
        for path in with_one_open(folder) if look != _LABELS else ():
            by_open_path.setdefault((look, path), []).append(folder)

    def near(folder: str) -> list[str]:
        wanted = (_PHOTOS, _PLAIN) if looks[folder] == _LABELS else (_PHOTOS,)
        keys = [(look, path) for look in wanted for path in with_one_open(folder)]
        return [other for key in keys for other in by_open_path.get(key, ())]

    return near


def _raw_images(folder: str, folders: Mapping[str, Sequence[Unit]], looks: Mapping[str, str | None]) -> list[str]:
    """Return the BIDS folder with the images of labels in ``derivatives``, if it is known and names match."""
    raw = [other for other in _raw_folders(folder) if looks.get(other, _LABELS) != _LABELS]
    return raw[:1] if raw and match(folders[raw[0]], folders[folder]).cases else []


def _fitting(folder: str, folders: Mapping[str, Sequence[Unit]], near: Sequence[str], *, by_name: bool) -> list[str]:
    if len(near) > MAX_NEAR:
        return []
    return [
        other
        for other in near
        if not _numbered_alike(folder, other) and _fit(folders[other], folders[folder], by_name=by_name)
    ]


def _raw_folders(folder: str) -> list[str]:
    """Return where BIDS and VerSe keep the images of labels in ``derivatives``."""
    parts = folder.split("/")
    if DERIVATIVES not in parts:
        return []
    at = parts.index(DERIVATIVES)
    return ["/".join((*parts[:at], RAW, *parts[at + 1 :])), "/".join((*parts[:at], *parts[at + 1 :]))]


_LABELS, _PHOTOS, _PLAIN = "labels", "photos", "plain"


def _look(units: Sequence[Unit]) -> str | None:
    """Return what all files of a folder look like, or None if they differ, as images and labels do."""
    looks = {
        _LABELS if role_of_stem(unit.stem)[0] == MASK else _PHOTOS if unit.ending.lower() in LOSSY else _PLAIN
        for unit in units
    }
    return looks.pop() if len(looks) == 1 else None


def _fit(images: Sequence[Unit], labels: Sequence[Unit], *, by_name: bool) -> bool:
    if not by_name:
        return len(labels) >= _FEWEST and {unit.stem for unit in images} == {unit.stem for unit in labels}
    found = match(images, labels)
    return len(found.cases) >= _FEWEST and not found.by_start


def _numbered_alike(one: str, other: str) -> bool:
    """Return whether two folder names differ only in numbers, as those of the first and the second patient."""
    return re.sub(r"\d+", "#", one) == re.sub(r"\d+", "#", other)
