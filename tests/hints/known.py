"""Walks that are known to go wrong: to be put right."""

from __future__ import annotations

KNOWN: dict[str, tuple[str, ...]] = {
    "undeclared-label": ("no end after 3 hints", "--labels background=0,"),
    "bad-affine": ("4.8% of its voxels",),
    "mask-coding": ("no end after 3 hints",),
}
"""Topic → what marks a walk that goes wrong."""


def split(topic: str, wrong: list[str]) -> tuple[list[str], list[str]]:
    """Return what is wrong and not known, and what is known and did not go wrong."""
    marks = KNOWN.get(topic, ())
    return [one for one in wrong if not any(mark in one for mark in marks)], [
        mark for mark in marks if not any(mark in one for one in wrong)
    ]
