"""The arrays of a case that was just checked: its channels, its label and its prediction, on one grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SegconvError
from ...image.geometry import Geometry, Volume
from ...image.opened import Opened
from ...image.perceptual import perceptual_hash
from ...image.voxels import label_values, smallest_type
from ..check.looked import Looked
from ..pictures.planes import Cuts
from ..pictures.windows import CT_WINDOWS, SOFT, Window, colour_window_of, ct_window_of, window_of

COLOURS = ("r", "g", "b")
"""Names of three channels, in lower case, that are one picture in colour."""

SAMPLED = 1 << 16
"""Values of an image that its window is estimated from: enough for a small picture."""

_LEAST_INSIDE = 50
"""Fewest sampled voxels inside labels that say what to look at; otherwise it is soft tissue."""

_SEED = 0


@dataclass(frozen=True)
class DecodedCase:
    """The arrays of a case.

    Parameters
    ----------
    geometry, placed
        The grid of the first image, and whether it says how the patient is oriented.
    channels
        ``(z, y, x)`` or ``(y, x)`` each, in the order of dataset.json.
    label, prediction
        Likewise, of whole numbers; None if there is none that fits.
    drawn
        Index of the channel to draw; None for the first three in colour.
    ignore
        Value of the ignore label, or None.
    in_hu
        Whether the channel to draw is CT.
    looks
        The `perceptual_hash` of each image; None where it says nothing.
    """

    geometry: Geometry
    placed: bool
    channels: Sequence[NDArray[Any]]
    label: NDArray[Any] | None
    prediction: NDArray[Any] | None
    drawn: int | None
    ignore: int | None
    in_hu: bool
    looks: tuple[str | None, ...]

    @cached_property
    def image(self) -> NDArray[Any]:
        """What is drawn, in colour with a last axis of 3."""
        return np.stack(self.channels[:3], axis=-1) if self.drawn is None else self.channels[self.drawn]

    @property
    def in_colour(self) -> bool:
        """Whether the image is in colour."""
        return self.drawn is None

    @cached_property
    def window(self) -> Window:
        """Values that are drawn black and white at first if no others are asked for.

        Air and table fill most of a CT, so that in a window of all values organs look alike: the usual window of what
        is labelled is taken, which is the same for most cases of a dataset.
        """
        if not self.in_hu:
            return self.wide_window
        if self.label is None:
            return CT_WINDOWS[SOFT]
        places = self.places(SAMPLED)
        inside = self.image.reshape(-1)[places][~np.isin(self.label.reshape(-1)[places], (0, self.ignore or 0))]
        return ct_window_of(inside) if inside.size >= _LEAST_INSIDE else CT_WINDOWS[SOFT]

    @cached_property
    def wide_window(self) -> Window:
        """Values of which nearly all of the image are."""
        flat = self.image.reshape(-1, 3) if self.in_colour else self.image.reshape(-1)
        values = flat[self.places(SAMPLED)]
        return colour_window_of(values) if self.in_colour else window_of(values)

    def places(self, most: int) -> NDArray[np.intp]:
        """Return indices of the flat arrays: all, or random ones that the size determines."""
        size = self.channels[0].size
        return np.arange(size) if size <= most else np.random.default_rng(_SEED).integers(0, size, most)

    @cached_property
    def cuts(self) -> Cuts:
        """Its planes."""
        return Cuts(
            self.image,
            self.label,
            self.geometry,
            placed=self.placed,
            prediction=self.prediction,
            ignore=self.ignore,
        )


def decoded_case(
    images: Sequence[Looked],
    label: Looked | None,
    prediction: Opened | None,
    *,
    drawn: int | None,
    ignore: int | None,
    in_hu: bool,
) -> DecodedCase | None:
    """Return the arrays of a case, or None if what is to be drawn could not be read.

    Parameters
    ----------
    images
        Its readable images, in order.
    label
        Its label, if that is usable.
    prediction
        A prediction of it.
    drawn, ignore, in_hu
        As in `DecodedCase`.
    """
    if not images:
        return None
    header = images[0].header
    grid: Geometry = header.geometry
    volumes = [looked.opened.image() for looked in images if looked.opened is not None]
    channels = [channel for volume in volumes for channel in _channels(volume, grid)]
    if not channels:
        return None
    if len(channels) < (3 if drawn is None else drawn + 1):
        drawn = 0  # a case that lacks channels, which the check reports
    looks = tuple(map(perceptual_hash, volumes))
    own = _label(None if label is None else label.opened, grid)
    return DecodedCase(grid, header.placed, channels, own, _label(prediction, grid), drawn, ignore, in_hu, looks)


def drawn_channel(names: Sequence[str], channel: int | None) -> int | None:
    """Return the channel to draw if none is asked for: the first, or None for red, green and blue together."""
    if channel is not None:
        return channel
    return None if tuple(name.casefold() for name in names) == COLOURS else 0


def values_in(layers: Mapping[str, NDArray[Any] | None]) -> tuple[int, ...]:
    """Return the values of label arrays, in order, without background."""
    found = {int(value) for layer in layers.values() if layer is not None for value in np.unique(layer)}
    return tuple(sorted(found - {0}))


def _channels(volume: Volume, grid: Geometry) -> Iterator[NDArray[Any]]:
    """Yield the channels of an image that has the size of the first."""
    if volume.geometry.size != grid.size:
        return
    if volume.array.ndim == volume.geometry.dimension:
        yield volume.array
    else:
        yield from np.moveaxis(volume.array, -1, 0)


def _label(opened: Opened | None, grid: Geometry) -> NDArray[Any] | None:
    """Return a label of whole numbers; None if it has another size or other values, which the check reports."""
    if opened is None:
        return None
    try:
        array = opened.label().array
        largest = max(label_values(array))
    except SegconvError:
        return None
    if array.shape != grid.array_shape:
        return None
    return array if array.dtype.kind in "iu" else array.astype(smallest_type(largest))
