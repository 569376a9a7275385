"""Place the planes of a case on a sheet, all at one scale: in a row, or the first with the others in a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .planes import Plane

GAP_PX = 14
TITLE_PX = 24
"""Above each plane that has a title."""

_HIGHEST_PX = 480
_WIDEST_PX = 1500
_LEAST_PX = 8.0
"""Of a side: a plane much thinner than long stays visible."""

Size = tuple[float, float]
"""Width and height."""


@dataclass(frozen=True)
class Place:
    """Where a plane is, in pixels from the upper left corner of all planes."""

    left: float
    top: float
    width: float
    height: float


def places_of(planes: Sequence[Plane]) -> list[Place]:
    """Return the place of each plane, in the arrangement that leaves less of the sheet empty."""
    sizes = [_size_mm(plane) for plane in planes]
    title = TITLE_PX if any(plane.title for plane in planes) else 0
    row = _in_row(sizes, title)
    if len(planes) < 3:
        return row
    return min(row, _in_two_columns(sizes, title), key=lambda places: -_covered(places))


def extent_of(places: Sequence[Place]) -> Size:
    """Return the width and height of all planes together."""
    return max(place.left + place.width for place in places), max(place.top + place.height for place in places)


def _in_row(sizes: Sequence[Size], title: int) -> list[Place]:
    wide, high = sum(width for width, _ in sizes), max(height for _, height in sizes)
    scale = min(_HIGHEST_PX / high, (_WIDEST_PX - GAP_PX * (len(sizes) - 1)) / wide)
    places = []
    left = 0.0
    for size in sizes:
        width, height = _scaled(size, scale)
        places.append(Place(left, title, width, height))
        left += width + GAP_PX
    return places


def _in_two_columns(sizes: Sequence[Size], title: int) -> list[Place]:
    (first, *others), between = sizes, GAP_PX + title
    wide = first[0] + max(width for width, _ in others)
    high = max(first[1], sum(height for _, height in others))
    room = _HIGHEST_PX - between * (len(others) - 1)
    scale = min(room / high, (_WIDEST_PX - GAP_PX) / wide)
    places = [Place(0.0, title, *_scaled(first, scale))]
    top = float(title)
    for size in others:
        width, height = _scaled(size, scale)
        places.append(Place(places[0].width + GAP_PX, top, width, height))
        top += height + between
    return places


def _covered(places: Sequence[Place]) -> float:
    """Return which part of the sheet planes cover."""
    width, height = extent_of(places)
    return sum(place.width * place.height for place in places) / (width * height)


def _size_mm(plane: Plane) -> Size:
    rows, columns = plane.image.shape[:2]
    return columns * plane.spacing_mm[1], rows * plane.spacing_mm[0]


def _scaled(size: Size, scale: float) -> Size:
    return max(_LEAST_PX, size[0] * scale), max(_LEAST_PX, size[1] * scale)
