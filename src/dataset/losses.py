"""Losses of a user's label that restoring cannot undo: kept as data in the lineage, reported by `restore` in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..typed import count, entries, text
from ..words import count_of

SNAPPED = "snapped"
COMPRESSED = "compressed"
HIDDEN_COLOURS = "hidden_colours"
UNITED = "united"
OVERLAPS = "overlaps"
FRAMES = "frames"
HEADER = "header"
ROTATION = "rotation"
GRID = "grid"

_WORDS = {
    SNAPPED: ("value snapped to the nearest declared one", "values snapped to the nearest declared one"),
    COMPRESSED: ("the values that compression changed: they are those declared",) * 2,
    HIDDEN_COLOURS: ("the colours under fully transparent pixels, which are invisible, are 0, 0, 0",) * 2,
    UNITED: ("mask of a single object, united with others", "masks of single objects, which were united"),
    OVERLAPS: ("overlap, given to one mask by priority", "kinds of overlap, each given to one mask by priority"),
    FRAMES: ("the file of all frames: each frame comes back as a file of its own",) * 2,
    HEADER: ("its own header: the label took the image's",) * 2,
    ROTATION: ("its own header: its axes became the nearest rotation",) * 2,
    GRID: ("its own grid: the label was resampled to the image's",) * 2,
}
"""Kind → words for one, and for several."""


@dataclass(frozen=True)
class Loss:
    """One thing that cannot be restored.

    Parameters
    ----------
    kind
        One of the kinds in this module, or one from a later version.
    count
        Number of voxels, masks or overlaps; 0 if nothing is counted.
    """

    kind: str
    count: int = 0

    def __str__(self) -> str:
        one, several = _WORDS.get(self.kind, (self.kind,) * 2)
        return count_of(self.count, one, several) if self.count else several

    def as_json(self) -> dict[str, Any]:
        """Return the entry of ``losses`` in the lineage."""
        return {"kind": self.kind, "count": self.count}


def loss(value: Any) -> Loss:
    """Read an entry of ``losses``."""
    found = entries({"kind": text, "count": count})(value)
    return Loss(found["kind"], found["count"])
