"""One segment of a segmentation of 3D Slicer (``.seg.nrrd``), which `formats.segmentation` reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

ENDING = ".seg.nrrd"


def is_segmentation(path: str) -> bool:
    """Return whether a file is a 3D Slicer segmentation by its name."""
    return path.lower().endswith(ENDING)


@dataclass(frozen=True)
class Segment:
    """One segment.

    Parameters
    ----------
    id
        Its identifier in the file, such as ``"Segment_1"``.
    name
        Display name.
    label_value
        Its value in its layer, at least 1.
    layer
        Index of its layer.
    colour
        Red, green and blue, each from 0 to 1.
    extent
        First and last index along x, y and z of the region that it may occupy; None if the file does not say.
    tags
        Further ``key:value|`` pairs as in the file, including its terminology.
    """

    id: str
    name: str
    label_value: int
    layer: int
    colour: tuple[float, float, float]
    extent: tuple[int, ...] | None = None
    tags: str = ""
