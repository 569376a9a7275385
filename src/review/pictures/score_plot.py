"""Scores as boxes per class, with a dot per case; two sets of predictions are drawn below each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...words import count_of
from ..scores.metrics import Metric, metrics_of, scores_of
from ..scores.scoring import Evaluation
from .drawing import drawing, legend_below, new_figure, png_of, shown
from .overlay import COLOURS
from .sealed import sealed

MOST_CLASSES = 60
"""Largest number of classes that are drawn: of more, those with the lowest mean Dice."""

_MAKER = "segconv"
_INK = "#222222"
_COLUMNS = 3
_FEW_CLASSES = 8
"""Panels of more classes than this are so high that all are drawn next to each other."""
_LETTER_INCH = 0.08
_BOX = 0.36
"""Height of a box, where classes are 1 apart."""
_GOLDEN = 0.618034
"""Multiples of this are spread evenly, however many there are, so dots do not hide each other."""
_APART_MARKER: dict[str, Any] = {"marker": ">", "linestyle": "none", "markersize": 5, "alpha": 0.8}


def score_plot(sets: Sequence[tuple[str, Evaluation]]) -> bytes:
    """Return a sealed PNG with a panel per score and a row per class.

    A box holds the middle half of the cases, its line is the median, and the whiskers reach the farthest case
    within one and a half times its length. A case without a distance, as only one side has the class, is a
    triangle at the right edge.

    Parameters
    ----------
    sets
        Name and scores of one or two sets of predictions.
    """
    metrics = metrics_of(sets[0][1])
    classes = drawn_classes(sets)
    with drawing():
        columns = min(len(metrics), _COLUMNS) if len(classes) <= _FEW_CLASSES else len(metrics)
        rows = -(-len(metrics) // columns)
        height = 0.9 + rows * (0.7 + len(classes) * (0.2 + 0.28 * len(sets)))
        names = list(map(shown, classes))
        figure = new_figure(1.2 + _LETTER_INCH * max(map(len, names)) + 3.4 * columns, height, dpi=120)
        axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for axis in axes[len(metrics) :]:
            axis.set_axis_off()
        for axis, metric in zip(axes, metrics, strict=False):
            for number, (_, found) in enumerate(sets):
                _draw(axis, found, metric, classes, number=number, of=len(sets))
            _scale(axis, metric)
        axes[0].set_yticks(range(len(names)), names)
        axes[0].set_ylim(len(classes) - 0.5, -0.5)
        cases = count_of(len(sets[0][1].cases), "case")
        left_out = len(sets[0][1].counted) - len(classes)
        more = f"; {left_out} better classes are not drawn" if left_out else ""
        figure.suptitle(f"{cases}{more}", fontsize=10)
        _legend(figure, [name for name, _ in sets], metrics)
        return sealed(png_of(figure, _MAKER))


def drawn_classes(sets: Sequence[tuple[str, Evaluation]]) -> list[str]:
    """Return the classes that count in any case, in order; of too many, those with the lowest Dice."""
    means = sets[0][1].classes
    known = [name for name in means if any(found.counted.get(name) for _, found in sets)] or list(means)
    worst = sorted(known, key=lambda name: math.inf if math.isnan(means[name]) else means[name])[:MOST_CLASSES]
    return [name for name in known if name in worst]


def _draw(axis: Any, found: Evaluation, metric: Metric, classes: Sequence[str], *, number: int, of: int) -> None:
    colour = COLOURS[2 - 2 * number]
    scores = scores_of(found, metric.key)
    for row, name in enumerate(classes):
        at = row + (number - (of - 1) / 2) * (_BOX + 0.06)
        values = np.array([of_case.get(name, math.nan) for of_case in scores.cases.values()], dtype=float)
        known = values[~np.isnan(values)]
        if known.size:
            _box(axis, known, at, colour)
            axis.plot(known, at + _spread(known.size), ".", color=colour, markersize=3.5, alpha=0.7, markeredgewidth=0)
        if metric.key == "hd95" and (apart := _apart(found, name)):
            edge = axis.get_yaxis_transform()  # x as a fraction of the panel
            axis.plot(np.full(apart, 0.985), at + _spread(apart), color=colour, transform=edge, **_APART_MARKER)


def _spread(number: int) -> NDArray[np.float64]:
    """Return offsets of the dots of a box across it."""
    offsets: NDArray[np.float64] = (np.arange(number, dtype=np.float64) * _GOLDEN % 1 - 0.5) * _BOX * 0.8
    return offsets


def _apart(found: Evaluation, name: str) -> int:
    """Return the number of cases in which only one side has a class."""
    return found.surfaces.pools[name].apart if found.surfaces is not None and name in found.surfaces.pools else 0


def _box(axis: Any, values: NDArray[np.float64], at: float, colour: str) -> None:
    low, middle, high = np.percentile(values, (25, 50, 75))
    reach = 1.5 * (high - low)
    first, last = values[values >= low - reach].min(), values[values <= high + reach].max()
    axis.hlines(at, first, low, color=colour, linewidth=1)
    axis.hlines(at, high, last, color=colour, linewidth=1)
    axis.barh(at, high - low, left=low, height=_BOX, color=colour, alpha=0.25, edgecolor=colour, linewidth=1)
    axis.vlines(middle, at - _BOX / 2, at + _BOX / 2, color=_INK, linewidth=1.6)


def _scale(axis: Any, metric: Metric) -> None:
    axis.set_title(f"{metric.title} ({'higher' if metric.higher_is_better else 'lower'} is better)", fontsize=9)
    if metric.higher_is_better:
        axis.set_xlim(-0.02, 1.02)
    else:
        axis.set_xlim(0, 1.1 * max(axis.dataLim.x1, 1e-3))
    axis.grid(axis="x", color="#dddddd", linewidth=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _legend(figure: Any, names: Sequence[str], metrics: Sequence[Metric]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    labels = []
    if len(names) > 1:
        handles = [Patch(color=COLOURS[2 - 2 * number], alpha=0.5, linewidth=0) for number in range(len(names))]
        labels = list(map(shown, names))
    handles.append(Line2D([], [], color=_INK, linewidth=1.6))
    labels.append("median; a dot is a case")
    if any(metric.key == "hd95" for metric in metrics):
        handles.append(Line2D([], [], color=_INK, **_APART_MARKER))
        labels.append("no distance: only one side has the class")
    legend_below(figure, handles, labels, ncols=2 if len(metrics) < 3 else 4, fontsize=8)
