"""What a reader of volumes may accept: how large they may be, and axes that are not at right angles."""

from __future__ import annotations

from dataclasses import dataclass

MAX_VOLUME = 8 << 30
"""Largest decoded size, in bytes, unless the user raises it."""


@dataclass(frozen=True)
class ReadOptions:
    """What a reader of volumes accepts.

    Parameters
    ----------
    max_bytes
        Most bytes that the decoded voxels may take.
    square_axes
        Take the nearest rotation of axes that are not at right angles, and report it, instead of refusing them.
    """

    max_bytes: int = MAX_VOLUME
    square_axes: bool = False


STRICT = ReadOptions()

ANY_AXES = ReadOptions(square_axes=True)
"""For callers to whom it does not matter where the voxels are."""
