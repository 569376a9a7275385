"""Which of several files of a case holds labels, by the values in a few of them: for hints only, never decisive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import SegconvError
from ...image import raster, volumes
from ...image.label_like import MOST_VALUES, few_in_volume
from ..find.roles import place_of
from ..model import SERIES
from ..source_files import read_source
from ..tree import Unit
from ..volumes.volume_units import companions_of

_SAMPLED = 3
"""Maximum number of files per side to read."""


def image_first(one: Sequence[Unit], other: Sequence[Unit], root: Path) -> bool | None:
    """Return whether `one` holds images and `other` labels, or the other way round; None if both look alike."""
    looks = labels_among((one, other), root)
    return looks[1] if looks else None


def labels_among(sides: Sequence[Sequence[Unit]], root: Path) -> list[bool]:
    """Return, for each side, whether it holds labels; empty if all look alike, or if one side is unclear.

    Thus two folders of pictures are never proposed as pictures and masks, nor those for training and for testing.
    """
    places = [place_of(units[0].folder) for units in sides]
    splits = {(place.split, place.validation) for place in places if place.split is not None}
    looks = [_hold_labels(units, root) for units in sides]
    if len(splits) > 1 or len(set(looks)) < 2:
        return []
    return [look for look in looks if look is not None] if None not in looks else []


def _hold_labels(units: Sequence[Unit], root: Path) -> bool | None:
    """Return whether files hold few values, as labels do; None if only some do, or if they cannot be read."""
    try:
        looks = {_holds_labels(unit, root) for unit in units[:: -(-len(units) // _SAMPLED)]}
    except SegconvError:
        return None
    return looks.pop() if len(looks) == 1 else None


def _holds_labels(unit: Unit, root: Path) -> bool:
    path = str(root / unit.path)
    if unit.parts is not None:
        if unit.parts.form != SERIES:
            return False
        from ...image.formats import dicom  # loads SimpleITK

        return bool(few_in_volume(dicom.read_series(unit.parts.files)))
    if raster.ending_of(path) is not None:
        opened = raster.decode(read_source(path))
        pixels = opened.stored.reshape(-1, opened.header.samples)
        return not opened.header.lossy and len(np.unique(pixels, axis=0)) <= MOST_VALUES
    return bool(few_in_file(path))


def few_in_file(path: str) -> set[int]:
    """Return the values in the file of a volume if they are few whole numbers; otherwise nothing."""
    companion = next(map(read_source, companions_of(path)), None)
    return few_in_volume(volumes.decode(read_source(path), path, companion))
