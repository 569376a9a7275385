"""Find CTs of a set that do not hold HU, or differ from the others: shifted, windowed, scaled or cut off.

The rule uses the smallest and largest value of each CT and the percentiles `voxels.SHARES`. Two facts hold for every
CT of a body in HU: air is near -1000 (scanners store no less than -1024, except as padding), and soft tissue is within
150 of 0. Regardless of the other CTs, they identify

* values from 0 to at most 255, as in pictures, or within -1 to 1, as in scaled arrays;
* a CT stored 1024 too high: at least 5 % of it has the values of soft tissue plus 1024, and less than half as much is
  between them and soft tissue, the range of bone and its partial volumes;
* a CT stored 1024 too low: 95 % of it is below -500, and either at least 5 % is between -1250 and -1060, where fat is
  then and where no CT in HU has anything; or it reaches below -1060, and all but 0.5 % of it is below -200.

The remaining CTs are compared with the medians of the set, if there are three or more:

* all percentiles differ from the medians by the same amount, within 300 HU, and that amount is 500 HU or more: shifted
  by another amount;
* the range of values, without 0.5 % at both ends, is more than 8 times the median, or less than an eighth of it;
* 5 % or more have the smallest value, which is above -600, although most others hold air: cut off there.

Three or more CTs that are all alike give no finding here: `channels.ValueRange` checks those. One or two CTs are judged
only by the two facts.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from ..image.voxels import SHARES

HU_OFFSET = 1024
"""Unsigned CT files store HU plus this, with an intercept that subtracts it."""

SOFT_HU = (-150.0, 150.0)
HARD_HU = (300.0, 800.0)
"""From above soft tissue to below soft tissue that is stored 1024 too high."""

BELOW_AIR_HU = (-1250.0, -1060.0)
"""Below the noise of air and above what scanners store outside the field of view: fat stored 1024 too low."""
LOWEST_BODY_HU = (-500.0, -200.0)
"""95 %, and all but 0.5 %, of a CT stored 1024 too low is below these values."""

NO_AIR_ABOVE_HU = -600.0
AIR_BELOW_HU = -900.0

FEWEST_COMPARED = 3
LEAST_SHIFT_HU = 500.0
MOST_SPREAD_HU = 300.0
MOST_TIMES = 8.0

CURE_OF_HU = (
    "export it again in HU, with rescale slope and intercept applied, or leave the case out; nothing was changed"
)

USUAL = "usual"
AS_PICTURES = "as pictures"
SCALED = "scaled"
TOO_HIGH = "too high"
TOO_LOW = "too low"

_FIVE_PERCENT = SHARES.index(0.05)
_HALF = SHARES.index(0.5)


def kind_of(low: float, high: float, shares: Sequence[float]) -> str:
    """Return how a CT holds its values, judged only by what holds for every CT.

    Parameters
    ----------
    low, high
        Its smallest and largest value.
    shares
        The values at the percentiles `voxels.SHARES`.
    """
    if low == high:
        return USUAL  # a constant image, which is reported elsewhere
    for kind, least, most in ((SCALED, -1, 1), (AS_PICTURES, 0, 255)):
        if least <= low and high <= most:
            return kind
    raised = _between(shares, SOFT_HU[0] + HU_OFFSET, SOFT_HU[1] + HU_OFFSET)
    if raised and raised > 2 * _between(shares, *HARD_HU):
        return TOO_HIGH
    return TOO_LOW if shares[-2] <= LOWEST_BODY_HU[0] and _reaches_below_air(low, shares) else USUAL


def _reaches_below_air(low: float, shares: Sequence[float]) -> bool:
    return bool(_between(shares, *BELOW_AIR_HU)) or (low <= BELOW_AIR_HU[1] and shares[-1] <= LOWEST_BODY_HU[1])


def _between(shares: Sequence[float], low: float, high: float) -> int:
    """Return how many twentieths are between two values."""
    return sum(low <= value <= high for value in shares[_FIVE_PERCENT:-1])


class HounsfieldSet:
    """The CTs of one channel of a set; each takes about a hundred bytes of memory."""

    def __init__(self) -> None:
        self._cases: list[Hashable] = []
        self._kinds: list[str] = []
        self._values = array("f")

    def add(self, case: Hashable, low: float, high: float, shares: Sequence[float]) -> None:
        """Add a case; the parameters are those of `kind_of`."""
        self._cases.append(case)
        self._kinds.append(kind_of(low, high, shares))
        self._values.extend((low, high, *shares))

    def outliers(self) -> list[tuple[Hashable, str]]:
        """Return the cases that do not hold HU or differ from the others, with the evidence for each."""
        if not self._cases:
            return []
        values = np.frombuffer(self._values, dtype=np.float32).reshape(len(self._cases), -1)
        usual = np.array([kind == USUAL for kind in self._kinds])
        found = self._not_hu(values)
        if np.count_nonzero(usual) >= FEWEST_COMPARED:
            numbers = np.flatnonzero(usual)
            found |= {int(numbers[at]): what for at, what in _apart(values[numbers]).items()}
        return [(self._cases[number], found[number]) for number in sorted(found)]

    def _not_hu(self, values: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> dict[int, str]:
        """Return the evidence against cases that by themselves do not hold HU, unless three or more are all alike."""
        kinds, few = Counter(self._kinds), len(self._cases) < FEWEST_COMPARED
        if len(kinds) == 1 and not few:
            return {}
        others = "" if few else f"; {kinds[USUAL]} of {len(self._cases)} CTs of the set hold HU"
        return {n: _in_words(kind, values[n]) + others for n, kind in enumerate(self._kinds) if kind != USUAL}


def _in_words(kind: str, values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> str:
    reach = f"its values reach from {values[0]:g} to {values[1]:g}"
    if kind == SCALED:
        return f"does not hold HU: {reach}, as after scaling"
    if kind == AS_PICTURES:
        return f"does not hold HU: {reach}, as after windowing to 0 to 255"
    middle = f"half of it is below {values[2 + _HALF]:g}"
    if kind == TOO_HIGH:
        return f"seems to be stored {HU_OFFSET} too high: {reach}, {middle}; much is {HU_OFFSET} above soft tissue"
    return f"seems to be stored {HU_OFFSET} too low: {reach}, {middle}; almost nothing is near soft tissue"


def _apart(values: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> dict[int, str]:
    """Return the rows that contradict the medians of all, and how.

    Parameters
    ----------
    values
        One row per case: smallest and largest value, and the percentiles.
    """
    low, shares = values[:, 0], values[:, 2:]
    off = shares - np.median(shares, axis=0)
    shift, spread = np.median(off, axis=1), np.ptp(off, axis=1)
    ranges = shares[:, -1] - shares[:, 0]
    usual_range = float(np.median(ranges))
    air = np.count_nonzero(low <= AIR_BELOW_HU) * 2 > len(low)
    ends = f"most CTs of the set reach from {np.median(low):g} to {np.median(values[:, 1]):g}"
    said = {}
    for number in range(len(values)):
        reach = f"its values reach from {values[number, 0]:g} to {values[number, 1]:g}, {ends}"
        times = float(ranges[number]) / usual_range if usual_range > 0 else 1.0
        if abs(shift[number]) >= LEAST_SHIFT_HU and spread[number] <= MOST_SPREAD_HU:
            where = "high" if shift[number] > 0 else "low"
            said[number] = f"seems to be stored about {abs(shift[number]):.0f} too {where}: {reach}"
        elif times > MOST_TIMES or 0 < times < 1 / MOST_TIMES:
            said[number] = f"does not hold HU as the others do: {reach}"
        elif air and low[number] > NO_AIR_ABOVE_HU and low[number] == shares[number, _FIVE_PERCENT]:
            said[number] = f"is cut off at {low[number]:g}, which 5 % of it or more are: {reach}"
    return said
