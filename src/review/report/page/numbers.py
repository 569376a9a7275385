"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

UNKNOWN = "–"
_DIGITS = 3
_LEAST = 1e-4


def figure(value: float | None) -> str:
    """Return a number with three significant digits, and thousands apart.

    >>> figure(0.012345), figure(3.14159), figure(1234567), figure(2.0), figure(None)
    ('0.0123', '3.14', '1,234,567', '2', '–')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0 or float(value).is_integer():
        return f"{value:,.0f}"
    if abs(value) < _LEAST:
        return f"{value:.1e}"
    decimals = max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(part: float, whole: float = 1.0) -> str:
    """Return a part in percent; neither a small part is 0 %, nor nearly all 100 %.

    >>> percent(1, 3), percent(1, 1000), percent(999, 1000), percent(0, 5), percent(1, 0)
    ('33 %', '< 1 %', '> 99 %', '0 %', '–')
    """
    if not whole:
        return UNKNOWN
    share = 100 * part / whole
    if 0 < share < 1:
        return "< 1 %"
    if 99 < share < 100:
        return "> 99 %"
    return f"{share:.0f} %"


def span(low: float | None, high: float | None) -> str:
    """Return a range, or a single number if both ends read alike.

    >>> span(1, 2.5), span(1, 1)
    ('1 to 2.5', '1')
    """
    first, last = figure(low), figure(high)
    return first if first == last else f"{first} to {last}"


def by_axis(values: Sequence[float]) -> str:
    """Return a size or spacing as people write it.

    >>> by_axis((64, 128, 0.5))
    '64×128×0.5'
    """
    return "×".join(map(figure, values))
