"""Pictures of cases in a report: thumbnails, slices, and volumes, as text that becomes JSON as it is."""

from __future__ import annotations

from dataclasses import dataclass

LABEL_LAYER = "label"
PREDICTION_LAYER = "prediction"
WRONG_LAYER = "differs"
"""Names of layers over the slices of a case."""


@dataclass(frozen=True)
class Thumbnail:
    """Where a case is on a sheet of thumbnails, in pixels.

    Parameters
    ----------
    sheet
        Index in `Facts.sheets`.
    left, top, width, height
        Its place there.
    text
        What it shows, for those who do not see it.
    """

    sheet: int
    left: int
    top: int
    width: int
    height: int
    text: str


@dataclass(frozen=True)
class Layer:
    """What is drawn over the slices of a case: one of the layers' names, and the mosaic, transparent elsewhere."""

    name: str
    webp: str


@dataclass(frozen=True)
class Stack:
    """The slices of a case, all in one mosaic, the first one at the upper left, then row by row.

    Parameters
    ----------
    case
        The case; a picture has one slice.
    plane, axis
        ``axial`` and so on, or the axes of the file such as ``ij``; and the axis of the file along which slices are
        counted, such as ``k``. Empty for pictures.
    slices
        Index in the file of each slice of the mosaic, from 0, as ``view`` shows it.
    of
        Number of slices of the case.
    first
        Index in `slices` of the one to show first, with most of a label.
    columns
        Slices in a row of the mosaic.
    width, height
        Of a slice in the mosaic, in pixels; as the patient is, whatever the spacing.
    ends
        What is at the left, right, top and bottom in the patient; empty if unknown.
    channel
        Name of the channel; empty for colours.
    range
        Values that are stored black and white; None for colours.
    window
        Values that should be black and white at first; None for colours.
    webp
        The mosaic as WebP in base64.
    layers
        Over it; mosaics of the same size.
    labels
        Values of the labels that the case holds.
    text
        What it shows, for those who do not see it.
    """

    case: str
    plane: str
    axis: str
    slices: tuple[int, ...]
    of: int
    first: int
    columns: int
    width: int
    height: int
    ends: tuple[str, ...]
    channel: str
    range: tuple[float, float] | None
    window: tuple[float, float] | None
    webp: str
    layers: tuple[Layer, ...]
    labels: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Volume:
    """A downsampled case for a 3D viewer: gzipped NIfTI in base64, the label on the image's grid; empty without one.

    Labels have the values 1, 2, … of `values`, by index from 1; 0 is background.
    """

    case: str
    image: str
    label: str
    values: tuple[int, ...]
