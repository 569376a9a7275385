"""Find masks of one class each that may be inverted, judged over all masks of the class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import Finding
from ...image.voxels import border_counts
from .choices import ACCEPT_AS_IS

AROUND = 0.95
"""A mask that is on along at least this part of the border surrounds what is off."""
WITHIN = 0.05
"""A mask that is on along at most this part of the border is inside."""

_SURROUNDS = re.compile(
    r"background|body|skin|head|thorax|torso|fov|air|outside|exterior|void|foreground", re.IGNORECASE
)
"""Classes that naturally take the border."""


@dataclass(frozen=True)
class MaskLook:
    """Where a mask is on.

    Parameters
    ----------
    file
        Its name in messages.
    border, area
        Parts of its border and its area that are on.
    """

    name: str
    file: str
    border: float
    area: float

    @classmethod
    def of(cls, name: str, file: str, on: NDArray[np.bool_]) -> MaskLook:
        """Look at a mask, ``(y, x)`` or ``(z, y, x)``."""
        border = border_counts(on)
        return cls(name, file, border.get(1, 0) / max(sum(border.values()), 1), float(on.mean()))

    @property
    def around(self) -> bool:
        """Whether the mask is on around what is off."""
        return self.border >= AROUND and self.area < 1

    @property
    def within(self) -> bool:
        """Whether the mask is on inside what is off."""
        return self.border <= WITHIN and self.area > 0


def judge_masks(looks: Iterable[MaskLook]) -> list[Finding]:
    """Return an error for each class with masks that are probably inverted (``SC078``)."""
    by_name: dict[str, list[MaskLook]] = {}
    for look in looks:
        by_name.setdefault(look.name, []).append(look)
    return [finding for name, own in by_name.items() for finding in _judge_class(name, own)]


def _judge_class(name: str, looks: Sequence[MaskLook]) -> Iterable[Finding]:
    around = [look for look in looks if look.around]
    within = [look for look in looks if look.within]
    if around and within:
        more = f", as in {len(around) - 1} more" if around[1:] else ""
        what = f"is on around what is off{more}, {within[0].file} within: one of the two may be inverted"
        yield _inverted(around[0], what, "invert those that are")
    elif len(around) == len(looks) > 1 and _are_large(name, looks):
        area = round(100 * around[0].area)
        what = f"takes the border and {area} % of the area, as all masks of {name!r} do: they may be inverted"
        yield _inverted(around[0], what, "invert them, if the class is what is off")


def _are_large(name: str, looks: Iterable[MaskLook]) -> bool:
    """Return whether all masks of a class take more than half of the area, unless the class does so naturally."""
    return not _SURROUNDS.search(name) and all(look.area > 0.5 for look in looks)


def _inverted(look: MaskLook, what: str, hint: str) -> Finding:
    return Finding("SC078", what, file=look.file, hint=hint, cures=(ACCEPT_AS_IS,))
