"""Draw cases with the outlines of their labels; a label always has the same colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...image.geometry import Volume
from .drawing import drawing, new_figure, png_of, shown
from .sealed import sealed

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#ffe119", "#f58231", "#911eb4", "#42d4f4", "#f032e6", "#bfef45", "#469990")
"""Of the labels 1, 2, 3, …, then from the start again: easy to distinguish on grey."""

_MAKER = "segconv"
"""What the pictures say of their origin, for people."""


@dataclass(frozen=True)
class Panel:
    """One picture of a montage.

    Parameters
    ----------
    title
        Title above it.
    image
        ``(z, y, x)``, ``(y, x)`` or ``(y, x, 3)``.
    label
        Label on the same grid, drawn with solid outlines.
    reference
        Reference on the same grid, drawn with dashed outlines; or None.
    """

    title: str
    image: Volume
    label: NDArray[Any]
    reference: NDArray[Any] | None = None


def montage(panels: Sequence[Panel], *, window: tuple[float, float] | None = None) -> bytes:
    """Return a sealed PNG with one panel per case: the slice with the most labelled voxels, with outlines.

    Parameters
    ----------
    panels
        What to draw.
    window
        Grey values of black and white; the 1st and 99th percentile of each image if None.
    """
    columns = math.ceil(math.sqrt(len(panels)))
    rows = -(-len(panels) // columns)
    with drawing():
        figure = new_figure(3.2 * columns, 3.5 * rows, dpi=110)
        axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, panel in zip(axes, panels, strict=False):
            _draw(axis, panel, window)
        return sealed(png_of(figure, _MAKER))


def _draw(axis: Any, panel: Panel, window: tuple[float, float] | None) -> None:
    image, label, reference = panel.image.array, panel.label, panel.reference
    aspect = 1.0
    if panel.image.geometry.dimension == 3:
        at = _fullest_slice(label if reference is None else reference)
        image, label = image[at], label[at]
        reference = None if reference is None else reference[at]
        aspect = panel.image.geometry.spacing_mm[1] / panel.image.geometry.spacing_mm[0]
    if image.ndim == 2:
        low, high = window if window is not None else np.percentile(image, (1, 99))
        axis.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), aspect=aspect, interpolation="nearest")
    else:
        axis.imshow(image[..., :3], aspect=aspect, interpolation="nearest")
    _outline(axis, label, "solid")
    if reference is not None:
        _outline(axis, reference, "dashed")
    axis.set_title(shown(panel.title), fontsize=8)


def _outline(axis: Any, label: NDArray[Any], style: str) -> None:
    columns, rows = (np.arange(-1, size + 1) for size in label.shape[::-1])
    for value in np.unique(label[label > 0]):
        colour = COLOURS[(int(value) - 1) % len(COLOURS)] if style == "solid" else "#ffffff"
        # With a margin, so that a label at the edge of the picture is outlined there too.
        inside = np.pad(label == value, 1)
        axis.contour(columns, rows, inside, levels=[0.5], colors=[colour], linewidths=1.0, linestyles=style)


def _fullest_slice(label: NDArray[Any]) -> int:
    """Return the z with the most labelled voxels; the middle if there are none."""
    counts = (label > 0).sum(axis=(1, 2))
    return int(counts.argmax()) if counts.any() else label.shape[0] // 2
