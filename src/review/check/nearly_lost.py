"""Find classes that nearly vanished in a case, or in all, as after resampling or cropping.

Lesion sizes differ by factors of thousands between cases, so a case is reported only if every other case with
the class has at least `TIMES` as much of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...dataset.layout import DESCRIPTION
from ...errors import Finding, warning
from ...words import count_of

FEWEST_CASES = 4
"""Cases that hold a class: fewer do not show what is usual."""

TIMES = 1000
"""Voxels of a class in every other case, for each in the one that is named."""

FEW_VOXELS = 8
"""If no case holds more of it, a class is at most points, which no network learns …"""

ONE_OF = 10_000
"""… if that is less than one in so many voxels of each label."""

_HINT = "compare it with the label before it was resampled or cropped"


@dataclass
class _Seen:
    """Of one class: the case with the fewest voxels, the next fewest, the most, and the number of cases with it."""

    fewest: int = 0
    file: str = ""
    second: int = 0
    most: int = 0
    cases: int = 0

    def add(self, number: int, file: str) -> None:
        if not self.cases or number < self.fewest:
            self.fewest, self.second, self.file = number, self.fewest, file
        elif not self.second or number < self.second:
            self.second = number
        self.most = max(self.most, number)
        self.cases += 1


class Volumes:
    """The voxels of each class in all training cases."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._smallest: int | None = None

    def add(self, voxels: Mapping[int, int], file: str) -> None:
        """Add a label: value → number of voxels."""
        size = sum(voxels.values())
        self._smallest = size if self._smallest is None else min(self._smallest, size)
        for value, number in voxels.items():
            if number:
                self._seen.setdefault(value, _Seen()).add(number, file)

    def findings(self, classes: Mapping[int, str]) -> Iterator[Finding]:
        """Yield a warning for each class that nearly vanished; `classes` is value → name."""
        for value, name in classes.items():
            seen = self._seen.get(value)
            if seen is None:
                continue
            if seen.most <= FEW_VOXELS and seen.most * ONE_OF <= (self._smallest or 0):
                message = f"the label {name!r} has at most {count_of(seen.most, 'voxel')} in any training case"
                yield warning("SC076", f"{message}: next to nothing to learn", file=DESCRIPTION, hint=_HINT)
            elif seen.cases >= FEWEST_CASES and seen.fewest * TIMES <= seen.second:
                others = f"the {seen.cases - 1} other cases with it have {seen.second} and more"
                message = f"holds {count_of(seen.fewest, 'voxel')} of {name!r}; {others}"
                yield warning("SC076", message, file=seen.file, hint=_HINT)
