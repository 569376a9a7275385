"""Curves of a stress test: Dice against angle and HU shift, one panel per plane, with the ceiling and the drops."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from ...words import count_of
from ..scores.robustness import TOO_POOR, Measured, Robustness, series
from .drawing import drawing, legend_below, new_figure, png_of, shown
from .overlay import COLOURS

MOST_CLASSES = 6
"""Largest number of classes that are drawn besides their mean: those whose scores drop most."""

_STYLES = ("solid", "dotted", "dashdot")
_MARKERS = ("o", "s", "^")
_INK = "#222222"
_HANDLE_INCH, _LETTER_INCH = 0.5, 0.065
"""Space that an entry of the legend takes."""

_EXPECTED: dict[str, Any] = {"color": "#777777", "linewidth": 1.2, "linestyle": "dashdot"}
"""The line of a model that depends on neither pose nor shift."""
_CEILING: dict[str, Any] = {"color": _INK, "linewidth": 1.2, "linestyle": "dashed", "alpha": 0.7}
_NOT_JUDGED: dict[str, Any] = {"facecolor": "none", "edgecolor": "#bbbbbb", "hatch": "///", "linewidth": 0}
_DROP = "#e6194b"


def curves(found: Robustness) -> bytes:
    """Return a PNG of all curves.

    The steps of the ladder are drawn at equal distances, because small angles are close together.
    Classes have the colours of their outlines in overlays, the mean is black; the first model is
    solid, the second dotted; expected scores are dash-dotted, the ceiling is dashed; conditions under which a
    model drops are shaded.
    """
    panels = _panels(found.measured)
    drawn = _drawn_classes(found)
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    with drawing():
        figure = new_figure(2.2 + 4.6 * columns, 1.2 + 3.4 * rows, dpi=120)
        axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        for axis, (title, quantity, steps) in zip(axes, panels, strict=False):
            _draw(axis, found, steps, drawn)
            axis.set_title(title, fontsize=11)
            axis.set_xlabel(quantity)
        for axis in axes[::columns]:
            axis.set_ylabel("Dice, mean over cases")
        figure.suptitle(
            f"{shown(found.dataset)}: {count_of(len(found.cases), 'held-back case')}, turned or shifted, predicted,"
            " turned back",
            fontsize=11,
        )
        _legend(figure, found, drawn)
        return png_of(figure)


def _panels(measured: Sequence[Measured]) -> list[tuple[str, str, list[Measured]]]:
    """Return the title, quantity and conditions of each panel."""
    planes = dict.fromkeys(m.condition.plane for m in measured if m.condition.plane)
    panels = [(f"{plane} plane", "angle [°]", series(measured, plane)) for plane in planes]
    if any(m.condition.shift_hu for m in measured):
        panels.append(("grey values", "shift [HU]", series(measured, "")))
    return panels or [("untouched", "", list(measured))]


def _draw(axis: Any, found: Robustness, steps: Sequence[Measured], drawn: Sequence[str]) -> None:
    at = list(range(len(steps)))
    for number, model in enumerate(found.models):
        style = {"linestyle": _STYLES[number % len(_STYLES)], "marker": _MARKERS[number % len(_MARKERS)]}
        for name in drawn:
            dice = [m.scores[model].classes.get(name, math.nan) for m in steps]
            axis.plot(at, dice, color=_colour(found, name), linewidth=1.1, markersize=3, alpha=0.9, **style)
        mean = [m.scores[model].mean for m in steps]
        axis.plot(at, mean, color=_INK, linewidth=2.2, markersize=4.5, **style)
        axis.plot(at, [m.expected[model].mean for m in steps], **_EXPECTED)
    axis.plot(at, [m.ceiling.mean for m in steps], **_CEILING)
    for place, measured in enumerate(steps):
        if _any_dropped(found, measured):
            axis.axvspan(place - 0.5, place + 0.5, color=_DROP, alpha=0.10, linewidth=0)
        elif not found.judged(measured):
            axis.axvspan(place - 0.5, place + 0.5, **_NOT_JUDGED)
    _scale(axis, steps)


def _any_dropped(found: Robustness, measured: Measured) -> bool:
    return any(found.dropped(model, measured) for model in found.models)


def _scale(axis: Any, steps: Sequence[Measured]) -> None:
    turned = any(m.condition.plane for m in steps)
    axis.set_xticks(
        range(len(steps)), [f"{m.condition.angle_deg if turned else m.condition.shift_hu:g}" for m in steps]
    )
    axis.set_xlim(-0.5, len(steps) - 0.5)
    axis.set_ylim(-0.02, 1.03)
    axis.grid(axis="y", color="#dddddd", linewidth=0.7)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _legend(figure: Any, found: Robustness, drawn: Sequence[str]) -> None:
    entries = list(_entries(found, drawn))
    labels = [label for label, _ in entries]
    fitting = int(figure.get_figwidth() / (_HANDLE_INCH + _LETTER_INCH * max(map(len, labels))))
    legend_below(figure, [handle for _, handle in entries], labels, ncols=max(1, fitting), fontsize=8)


def _entries(found: Robustness, drawn: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield label and handle of each entry of the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    for number, model in enumerate(found.models):
        style: dict[str, Any] = {"linestyle": _STYLES[number % 3], "marker": _MARKERS[number % 3]}
        yield f"{shown(model)}: mean", Line2D([], [], color=_INK, linewidth=2.2, markersize=4.5, **style)
    for name in drawn:
        yield shown(name), Line2D([], [], color=_colour(found, name), linewidth=1.4)
    yield "expected: predictions of the untouched, turned", Line2D([], [], **_EXPECTED)
    yield "ceiling: a perfect prediction, turned back", Line2D([], [], **_CEILING)
    if any(_any_dropped(found, measured) for measured in found.measured):
        yield (
            f"a mean is more than {found.tolerance:.0%} below the expected",
            Patch(color=_DROP, alpha=0.15, linewidth=0),
        )
    if poor := [shown(model) for model in found.models if found.is_too_poor(model)]:
        yield f"{', '.join(poor)}: {TOO_POOR}", Line2D([], [], linestyle="none")
    if not all(map(found.judged, found.measured)):
        yield "not judged: ceiling too low, or too much off the grid", Patch(**_NOT_JUDGED)


def _drawn_classes(found: Robustness) -> list[str]:
    """Return the classes to draw, in order: none if there is only one, the most sensitive if there are many."""
    if len(found.classes) == 1:
        return []

    def worst(name: str) -> float:
        dice = [m.scores[model].classes.get(name, math.nan) for m in found.measured for model in found.models]
        return min((value for value in dice if not math.isnan(value)), default=math.inf)

    chosen = sorted(found.classes, key=worst)[:MOST_CLASSES]
    return [name for name in found.classes if name in chosen]


def _colour(found: Robustness, name: str) -> str:
    return COLOURS[found.classes.index(name) % len(COLOURS)]
