"""Place planes on a sheet, all at one scale: in a row, or the first with the others in a column; volumes in a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .planes import Plane

GAP_PX = 14
TITLE_PX = 24
"""Above each plane that has a title."""
NOTE_PX = 16
"""Below the title of a volume among others."""
NARROWEST_PX = 332
"""Of a volume: its title needs the room."""
TITLE_WIDE_PX = 96
"""Of a plane with its title, however narrow the plane is."""

_HIGHEST_PX = 480
_WIDEST_PX = 1500
_HIGHEST_OF_SEVERAL_PX = 230
_WIDEST_OF_SEVERAL_PX = 700
_WIDE_TO_HIGH = 1.4
"""Shape of a sheet with more volumes than fit next to one another."""
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


@dataclass(frozen=True)
class Cell:
    """Where a volume is on the sheet, in pixels: the corner of its title, and its planes below that."""

    left: float
    top: float
    places: Sequence[Place]


@dataclass(frozen=True)
class Grid:
    """Where all volumes are, and the room that they take."""

    cells: Sequence[Cell]
    width: float
    height: float


def grid_of(volumes: Sequence[Sequence[Plane]]) -> Grid:
    """Return the places of the planes of each volume; those of several volumes have one scale."""
    if len(volumes) == 1:
        places = places_of(volumes[0])
        width, height = extent_of(places)
        return Grid([Cell(0.0, 0.0, _moved(places, TITLE_PX))], max(NARROWEST_PX, width), TITLE_PX + height + GAP_PX)
    rows = _rows_of_one_scale(volumes)
    extents = [extent_of(row) for row in rows]
    wide = max(NARROWEST_PX, *(width for width, _ in extents)) + 2 * GAP_PX
    high = TITLE_PX + NOTE_PX + max(height for _, height in extents) + GAP_PX
    columns = len(rows)
    if columns * wide > _WIDEST_PX:
        columns = max(1, round((len(rows) * high / wide * _WIDE_TO_HIGH) ** 0.5))
    cells = [
        Cell(number % columns * wide, number // columns * high, _moved(row, TITLE_PX + NOTE_PX))
        for number, row in enumerate(rows)
    ]
    return Grid(cells, columns * wide - 2 * GAP_PX, -(-len(rows) // columns) * high)


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
    right = max(place.left + max(place.width, TITLE_WIDE_PX) for place in places)
    return right, max(place.top + place.height for place in places)


def _in_row(sizes: Sequence[Size], title: int) -> list[Place]:
    return _at_scale(sizes, title, _scale_of_row(sizes, _WIDEST_PX, _HIGHEST_PX))


def _rows_of_one_scale(volumes: Sequence[Sequence[Plane]]) -> list[list[Place]]:
    sizes = [[_size_mm(plane) for plane in planes] for planes in volumes]
    title = TITLE_PX if any(plane.title for planes in volumes for plane in planes) else 0
    scale = min(_scale_of_row(row, _WIDEST_OF_SEVERAL_PX, _HIGHEST_OF_SEVERAL_PX) for row in sizes)
    return [_at_scale(row, title, scale) for row in sizes]


def _scale_of_row(sizes: Sequence[Size], widest_px: float, highest_px: float) -> float:
    wide, high = sum(width for width, _ in sizes), max(height for _, height in sizes)
    room = widest_px - GAP_PX * (len(sizes) - 1)
    scale = min(highest_px / high, room / wide)
    narrow = sum(width * scale < TITLE_WIDE_PX for width, _ in sizes)
    return min(scale, max(room / 2, room - narrow * TITLE_WIDE_PX) / wide)


def _at_scale(sizes: Sequence[Size], title: int, scale: float) -> list[Place]:
    places = []
    left = 0.0
    for size in sizes:
        width, height = _scaled(size, scale)
        places.append(Place(left, title, width, height))
        left += max(width, TITLE_WIDE_PX if title else 0) + GAP_PX
    return places


def _moved(places: Sequence[Place], down: float) -> list[Place]:
    return [replace(place, top=place.top + down) for place in places]


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
        places.append(Place(max(places[0].width, TITLE_WIDE_PX if title else 0) + GAP_PX, top, width, height))
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
