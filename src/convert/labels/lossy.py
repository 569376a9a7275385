"""Masks in a lossy format: taken where declared values explain every pixel within the snap, otherwise refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...dataset.labels import value_text
from ...errors import Cure, Finding
from ...image.picture import PictureHeader
from ..source_files import read_source
from ..survey import Survey
from .choices import declaring, numbered
from .coding import FARTHEST_OF_LOSSY, distance
from .declared import Declared, value_range
from .picture_file import lossy_mask, open_picture
from .read_ahead import read_pictures
from .set_values import MOSTLY
from .whole_labels import fills_a_patch

LEAST_APART = 32
"""Grey values, or distance of colours, between two declared ones: compression changes pixels by a dozen and more."""

_WHITE = 255
_MOST_READ = 200
"""Masks that are read for a hint."""


def judge_lossy(survey: Survey, masks: Mapping[str, PictureHeader]) -> None:
    """Add a finding for each mask in a lossy format, unless values are declared, far apart, and ``--snap`` is given.

    Parameters
    ----------
    masks
        Path → header of the masks that are labels by themselves.
    """
    lossy = [path for path, header in masks.items() if header.lossy]
    if not lossy:
        return
    if survey.options.snap and survey.options.labels is not None:
        survey.add(_too_near(Declared.of(survey.options.labels), survey.shown(lossy[0])))
        return
    cures = _cures(survey, lossy)
    for path in lossy:
        error = lossy_mask(masks[path])
        survey.error(error.code, error.message, file=survey.shown(path), hint=error.hint, cures=cures)


def _too_near(declared: Declared, file: str) -> list[Finding]:
    """Return an error if two declared values are so near that compression makes one of the other."""
    pairs = itertools.combinations(sorted(set(declared.names.values())), 2)
    apart, one, other = min(((distance(*pair, declared.coding), *pair) for pair in pairs), default=(math.inf, 0, 0))
    if apart >= LEAST_APART and not declared.ranges:
        return []
    if declared.ranges:
        what = "is a mask in a lossy format, and ranges of values are declared"
    else:
        first, second = (value_text(value, declared.coding) for value in (one, other))
        what = (
            f"is a mask in a lossy format, and {first} and {second} are declared, {apart:.3g} apart, expected"
            f" {LEAST_APART} and more: compression changes values"
        )
    return [Finding("SC078", what, file=file, hint="export the masks as PNG")]


def _cures(survey: Survey, lossy: Sequence[str]) -> tuple[Cure, ...]:
    """Return what may be done; of masks in black and white, the declaration and the snap that take them."""
    declared = survey.options.labels
    if declared is not None and not any(map(value_range, declared.values())):
        return (Cure.of("take_nearest"),)
    looks = _looks(survey, lossy[:_MOST_READ])
    if not any(look.white for look in looks):
        return (Cure.of("declare_and_snap"),)
    snap = max(1, *(look.off for look in looks)) if len(lossy) <= _MOST_READ else _WHITE // 2
    on_black, on_white = numbered([0, _WHITE]), numbered([0, _WHITE], _WHITE)
    if sum(look.white_border for look in looks) <= (1 - MOSTLY) * len(looks):
        return (declaring(on_black, snap=snap),)
    return (
        declaring(on_white, "white is background", snap=snap),
        declaring(on_black, "black is background", snap=snap),
    )


def _looks(survey: Survey, paths: Sequence[str]) -> list[_Look]:
    """Return how masks look, if all of them can be read and are in black and white; otherwise nothing."""
    own = survey.again()
    looks = [look for _, look in read_pictures(own, paths, _look_at)]
    seen = [look for look in looks if look is not None]
    return seen if not own.findings and len(seen) == len(looks) else []


@dataclass(frozen=True)
class _Look:
    """How a mask in black and white looks: its farthest pixel, whether any is white, and how much of its border."""

    off: int
    white: bool
    white_border: float


def _look_at(path: str) -> _Look | None:
    """Look at a mask; return None if it is none of black and white."""
    opened = open_picture(read_source(path))
    values = opened.stored
    if values.ndim == 3 and values.shape[-1] == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2 or opened.header.kind == "palette" or values.dtype != np.uint8:
        return None
    off = np.minimum(values, _WHITE - values)
    if fills_a_patch(off > FARTHEST_OF_LOSSY):
        return None
    white = values > _WHITE // 2
    border = np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]])
    return _Look(int(off.max()), bool((values >= _WHITE - FARTHEST_OF_LOSSY).any()), float(border.mean()))
