"""Masks in a lossy format: accepted if declared values within the snap explain every pixel, otherwise refused."""

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
"""Least distance of two declared grey values or colours: compression changes pixels by a dozen or more."""

_WHITE = 255
_MOST_READ = 200
"""Masks to read for a hint, at most."""


def judge_lossy(survey: Survey, masks: Mapping[str, PictureHeader]) -> None:
    """Report each lossy mask, unless values are declared, far apart, and ``--snap`` is given.

    Parameters
    ----------
    masks
        Path → header of the masks that are complete labels.
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
    """Return an error if two declared values are so close that compression can turn one into the other."""
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
    """Return the cures; for black-and-white masks, the declaration and snap that accept them."""
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
    """Return how masks look, if all of them can be read and are black and white; otherwise nothing."""
    own = survey.again()
    looks = [look for _, look in read_pictures(own, paths, _look_at)]
    seen = [look for look in looks if look is not None]
    return seen if not own.findings and len(seen) == len(looks) else []


@dataclass(frozen=True)
class _Look:
    """A black-and-white mask: largest distance of a pixel from both, whether it has white, white part of its border."""

    off: int
    white: bool
    white_border: float


def _look_at(path: str) -> _Look | None:
    """Look at a mask; return None if it is not black and white."""
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
