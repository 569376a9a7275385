"""Classes of which next to nothing is left in a case, or in all, as resampling and cuts leave them.

Sizes of lesions differ by thousands from case to case, so that a case is named only if no other that holds the class
has less than `TIMES` as much of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dataset.layout import DESCRIPTION
from ...errors import Finding, warning

FEWEST_CASES = 4
"""That hold a class: fewer say nothing of what is usual."""

TIMES = 1000
"""Voxels of a class in all other cases for each in the one that is named."""

FEW_VOXELS = 8
"""Of which no case holds more: a class of points at most, which no network learns as a class …"""

ONE_OF = 10_000
"""… if that is less than one of so many voxels of each label."""

_HINT = "compare it with the label before it was resampled or cut"


@dataclass
class _Seen:
    """Of one class: the case with fewest voxels, the next, the most, and how many cases hold it."""

    fewest: int
    file: str
    second: int = 0
    most: int = 0
    cases: int = 0


class Volumes:
    """The voxels of each class in all training cases."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._smallest: int | None = None

    def add(self, voxels: Mapping[int, int], file: str) -> None:
        """Take in a label: value → number of voxels."""
        size = sum(voxels.values())
        self._smallest = size if self._smallest is None else min(self._smallest, size)
        for value, number in voxels.items():
            if not number:
                continue
            seen = self._seen.get(value)
            if seen is None:
                self._seen[value] = _Seen(number, file, most=number, cases=1)
                continue
            if number < seen.fewest:
                seen.fewest, seen.second, seen.file = number, seen.fewest, file
            elif not seen.second or number < seen.second:
                seen.second = number
            seen.most = max(seen.most, number)
            seen.cases += 1

    def findings(self, classes: Mapping[int, str]) -> list[Finding]:
        """Return a warning for each class of which next to nothing is left; `classes` is value → name."""
        found = []
        for value, name in classes.items():
            seen = self._seen.get(value)
            if seen is None:
                continue
            if seen.most <= FEW_VOXELS and seen.most * ONE_OF <= (self._smallest or 0):
                told = f"the label {name!r} has at most {_voxels(seen.most)} in any training case"
                found.append(warning("SC076", f"{told}: next to nothing to learn", file=DESCRIPTION, hint=_HINT))
            elif seen.cases >= FEWEST_CASES and seen.fewest * TIMES <= seen.second:
                told = f"holds {_voxels(seen.fewest)} of {name!r}, the {seen.cases - 1} other cases that hold it"
                found.append(warning("SC076", f"{told} have {seen.second} and more", file=seen.file, hint=_HINT))
        return found


def _voxels(number: int) -> str:
    return f"{number} voxel{'' if number == 1 else 's'}"
