"""Walks that are known to go wrong: to be put right."""

from __future__ import annotations

KNOWN: dict[str, tuple[str, ...]] = {
    "infinity-in-image": ("--nonfinite 0",),
    "fractional-label": ("--image ct",),
    "negative-label": ("--map 255=background", "--labels", "--image ct"),
    "undeclared-label": ("no end after 3 hints", "--labels background=0,"),
    "label-beyond-8-bits": ("SC104",),
    "label-spacing": ("cannot both take",),
    "label-position": ("cannot both take",),
    "bad-affine": ("4.8% of its voxels",),
    "channel-count": ("--channels CT",),
    "channel-files": ("--channels CT",),
    "channel-grid": ("cannot both take",),
    "no-partner": ("--image ct",),
    "stray-label": ("--image ct",),
    "empty-source": ("--image ct", "--channels CT"),
    "bad-json": ("--channels CT",),
    "bad-labels": ("dataset.json: ",),
    "bad-channels": ("--channels CT",),
    "mask-coding": ("no end after 3 hints",),
    "picture-kind": ("--spacing 1,1,1", "--channels CT"),
}
"""Topic → what marks a walk that goes wrong."""


def split(topic: str, wrong: list[str]) -> tuple[list[str], list[str]]:
    """Return what is wrong and not known, and what is known and did not go wrong."""
    marks = KNOWN.get(topic, ())
    return [one for one in wrong if not any(mark in one for mark in marks)], [
        mark for mark in marks if not any(mark in one for one in wrong)
    ]
