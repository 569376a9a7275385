"""Draw a case, or several volumes next to one another: planes with the outlines of labels, and a legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...words import some_of
from .drawing import drawing, shown
from .label_colours import colour_of
from .outlines import Outline, outlines_of
from .planes import BACKGROUND, Plane
from .sheet_layout import GAP_PX, NOTE_PX, TITLE_PX, Cell, Place, grid_of
from .windows import Window, windowed

CONTOURS = "contours"
FILL = "fill"
STYLES = (CONTOURS, FILL)
"""How labels are drawn: as outlines, or filled as well."""

Colour = tuple[float, float, float]
Colouring = Callable[[int], Colour]
"""Returns the colour of a label."""

WRONG: Colour = (1.0, 0.0, 0.0)
REFERENCE: Colour = (1.0, 1.0, 1.0)
"""Colours of voxels that differ, and of dashed outlines of the reference."""

DPI = 100
_INSIDE_PX = 11
"""From the edge of a plane to the middle of a letter in it."""
_LETTERED_PX = 4 * _INSIDE_PX
"""Letters would hide a plane that is smaller."""
_LINE_PX = 17
_LETTER_PX = 6.2
"""Mean width of a letter in the legend."""

_OPACITY = 0.45
_SMALL_PX = 14.0
"""A label whose outlines are all smaller on the picture gets a ring around each of them."""
_RING_PX = 11.0
_MOST_RINGS = 5
_LISTED = 12
"""How many labels that are in no plane the legend names."""


@dataclass(frozen=True)
class Section:
    """What is drawn of one of several volumes.

    Parameters
    ----------
    title
        Above the planes.
    note
        Below the title.
    planes
        From left to right.
    """

    title: str
    note: str
    planes: Sequence[Plane]


@dataclass(frozen=True)
class CasePicture:
    """What is drawn of a case.

    Parameters
    ----------
    title
        Above the planes.
    planes
        From left to right.
    window
        Values that are drawn black and white.
    names
        Value → name of every label of the case except background, whether or not a plane shows it.
    style
        One of `STYLES`.
    beside
        Volumes that are drawn next to it, with the same window, names and style.
    remark
        Below the legend; empty if there is none.
    note
        Below the title, if there are others next to it.
    colours
        Value → colour of labels that have their own; the legend shows these without their values.
    """

    title: str
    planes: Sequence[Plane]
    window: Window
    names: Mapping[int, str]
    style: str = CONTOURS
    beside: Sequence[Section] = ()
    remark: str = ""
    note: str = ""
    colours: Mapping[int, Colour] = field(default_factory=dict)

    def colour(self, value: int) -> Colour:
        """Return the colour of a label."""
        return self.colours.get(value) or colour_of(value)

    def entry(self, value: int) -> str:
        """Return what the legend says of a label."""
        name = shown(self.names.get(value, "undeclared"))
        return name if value in self.colours else f"{value} {name}".strip()

    @property
    def sections(self) -> list[Section]:
        """All volumes."""
        return [Section(self.title, self.note, self.planes), *self.beside]

    @property
    def all_planes(self) -> list[Plane]:
        """The planes of all volumes."""
        return [plane for section in self.sections for plane in section.planes]


def drawn(case: CasePicture) -> NDArray[np.uint8]:
    """Return the picture of a case, ``(row, column, 3)``, red, green and blue."""
    with drawing():
        return _Sheet(case).pixels()


class _Sheet:
    """A figure of which every place is counted in pixels from the upper left corner."""

    def __init__(self, case: CasePicture) -> None:
        self._case = case
        grid = grid_of([section.planes for section in case.sections])
        self._width = round(grid.width) + 2 * GAP_PX
        self._below = grid.height
        self._entries, self._notes = _legend(case)
        longest = max((len(text) for _, text in self._entries), default=1)
        self._columns = max(1, int((self._width - 2 * GAP_PX) // (longest * _LETTER_PX + 30)))
        self._lines = -(-len(self._entries) // self._columns)
        self._height = round(self._below + (self._lines + len(self._notes)) * _LINE_PX + GAP_PX)
        self._figure = _figure(self._width, self._height)
        for section, cell in zip(case.sections, grid.cells, strict=True):
            self._draw_section(section, cell)
        self._draw_legend()

    def pixels(self) -> NDArray[np.uint8]:
        self._figure.canvas.draw()
        return np.asarray(self._figure.canvas.buffer_rgba())[..., :3].copy()

    def _draw_section(self, section: Section, cell: Cell) -> None:
        left, top = cell.left + GAP_PX, cell.top
        self._text(left, top + TITLE_PX / 2 + 2, shown(section.title), size=9, weight="bold")
        self._text(left, top + TITLE_PX + NOTE_PX / 2 - 4, section.note, size=8)
        for plane, place in zip(section.planes, cell.places, strict=True):
            self._draw(plane, replace(place, left=place.left + left, top=place.top + top))

    def _draw(self, plane: Plane, place: Place) -> None:
        self._text(place.left, place.top - TITLE_PX / 2 + 2, plane.title, size=8)
        corner = (place.left / self._width, 1 - (place.top + place.height) / self._height)
        axes = self._figure.add_axes((*corner, place.width / self._width, place.height / self._height))
        axes.set_axis_off()
        rows, columns = plane.image.shape[:2]
        grey = windowed(plane.image, self._case.window)
        # Where a pixel of the picture holds several of the image, their mean keeps what is small.
        how = {"aspect": "auto", "interpolation": "antialiased", "extent": (-0.5, columns - 0.5, rows - 0.5, -0.5)}
        axes.imshow(grey, **({"cmap": "gray", "vmin": 0, "vmax": 1} if grey.ndim == 2 else {}), **how)
        if plane.label is not None and self._case.style == FILL:
            axes.imshow(_filled(plane.label, self._case.colour), **{**how, "interpolation": "nearest"})
        if plane.wrong is not None:
            axes.imshow(_marked(plane.wrong), **{**how, "interpolation": "nearest"})
        _outline_all(axes, plane, (place.width / columns, place.height / rows), self._case.colour)
        axes.set_xlim(-0.5, columns - 0.5)
        axes.set_ylim(rows - 0.5, -0.5)
        if max(place.width, place.height) < _LETTERED_PX:
            return
        x, y = _INSIDE_PX / place.width, min(0.5, _INSIDE_PX / place.height)
        for where, letter in zip(((x, 0.5), (1 - x, 0.5), (0.5, 1 - y), (0.5, y)), plane.ends, strict=False):
            _letter(axes, *where, letter)

    def _draw_legend(self) -> None:
        from matplotlib.patches import Rectangle

        wide = (self._width - 2 * GAP_PX) / self._columns
        for number, (colour, text) in enumerate(self._entries):
            column, line = divmod(number, self._lines)
            left, middle = GAP_PX + column * wide, self._below + (line + 0.5) * _LINE_PX
            corner = (left / self._width, 1 - (middle + 5) / self._height)
            sides = (11 / self._width, 11 / self._height)
            patch = Rectangle(corner, *sides, facecolor=colour, edgecolor="black", linewidth=0.5)
            patch.set_transform(self._figure.transFigure)
            self._figure.add_artist(patch)
            self._text(left + 17, middle, text, size=8)
        for line, note in enumerate(self._notes, start=self._lines):
            self._text(GAP_PX, self._below + (line + 0.5) * _LINE_PX, note, size=8, color="0.35")

    def _text(self, left: float, middle: float, text: str, *, size: float, **how: Any) -> None:
        self._figure.text(left / self._width, 1 - middle / self._height, text, fontsize=size, va="center", **how)


def _figure(width_px: int, height_px: int) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _values(label: NDArray[Any]) -> list[int]:
    return [int(value) for value in np.unique(label) if value != BACKGROUND]


def _legend(case: CasePicture) -> tuple[list[tuple[Colour, str]], list[str]]:
    """Return colour and text of what the planes show, and notes on the rest."""
    layers = [layer for plane in case.all_planes for layer in (plane.label, plane.prediction) if layer is not None]
    seen = sorted({value for layer in layers for value in _values(layer)})
    entries = [(case.colour(value), case.entry(value)) for value in seen]
    if any(plane.wrong is not None for plane in case.all_planes):
        entries += [(WRONG, "differs"), (REFERENCE, "dashed: reference")]
    return entries, [*filter(None, (_note(case, {*seen}), case.remark))]


def _note(case: CasePicture, seen: set[int]) -> str:
    hidden = [shown(name) or str(value) for value, name in case.names.items() if value not in seen]
    if hidden:
        return f"in other slices: {some_of(hidden, _LISTED)}"
    if seen:
        return ""
    return "no label" if case.planes[0].label is None else "the label holds only background"


def _filled(label: NDArray[Any], colour: Colouring) -> NDArray[np.float32]:
    """Return a label as colours with opacity, ``(row, column, 4)``."""
    colours = np.zeros((*label.shape, 4), dtype=np.float32)
    for value in _values(label):
        colours[label == value] = (*colour(value), _OPACITY)
    return colours


def _marked(wrong: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return where a prediction is wrong as colours with opacity, ``(row, column, 4)``."""
    colours = np.zeros((*wrong.shape, 4), dtype=np.float32)
    colours[wrong] = (*WRONG, _OPACITY)
    return colours


def _outline_all(axes: Any, plane: Plane, pixel: tuple[float, float], colour: Colouring) -> None:
    """Outline the labels, or those of the prediction, above dashed ones of the reference."""
    front, back = (plane.label, None) if plane.prediction is None else (plane.prediction, plane.label)
    if back is not None:
        for outlines in _each_outlined(back).values():
            _dash(axes, outlines)
    if front is not None:
        for value, outlines in _each_outlined(front).items():
            _outline(axes, colour(value), outlines, pixel)


def _each_outlined(label: NDArray[Any]) -> dict[int, list[Outline]]:
    return {value: outlines_of(np.asarray(label == value)) for value in _values(label)}


def _dash(axes: Any, outlines: Sequence[Outline]) -> None:
    from matplotlib.collections import LineCollection

    lines = [outline.points for outline in outlines]
    how: dict[str, Any] = {"linewidths": 1.2, "linestyles": "dashed", "clip_on": False, "zorder": 3}
    axes.add_collection(LineCollection(lines, colors=[REFERENCE], **how), autolim=False)


def _outline(axes: Any, colour: Colour, outlines: Sequence[Outline], pixel: tuple[float, float]) -> None:
    """Draw outlines with a dark edge, so that they show on white; those of a small label with a ring each."""
    from matplotlib.collections import LineCollection

    lines = [outline.points for outline in outlines]
    for width, ink in ((2.4, (0.0, 0.0, 0.0, 0.55)), (1.3, (*colour, 1.0))):
        axes.add_collection(LineCollection(lines, linewidths=width, colors=[ink], clip_on=False), autolim=False)
    sides = [(wide * pixel[0], high * pixel[1]) for wide, high in (outline.size for outline in outlines)]
    if len(outlines) <= _MOST_RINGS and all(max(side) < _SMALL_PX for side in sides):
        for outline in outlines:
            axes.plot(*outline.centre, "o", mfc="none", mec=colour, mew=1.2, ms=2 * _RING_PX * 72 / DPI, zorder=3)


def _letter(axes: Any, x: float, y: float, letter: str) -> None:
    from matplotlib.patheffects import withStroke

    edge = [withStroke(linewidth=2, foreground="black")]
    how = {"color": "white", "fontsize": 9, "ha": "center", "va": "center", "path_effects": edge}
    axes.text(x, y, letter, transform=axes.transAxes, **how)
