"""Options of reading volumes: the maximum size, and whether to accept axes that are not at right angles."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Cure, SegconvError

MAX_VOLUME = 8 << 30
"""Largest decoded size, in bytes, unless the user raises it."""


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading volumes.

    Parameters
    ----------
    max_bytes
        Maximum number of bytes of the decoded voxels.
    square_axes
        Use and report the nearest rotation of axes that are not at right angles, instead of refusing them.
    """

    max_bytes: int = MAX_VOLUME
    square_axes: bool = False


STRICT = ReadOptions()

ANY_AXES = ReadOptions(square_axes=True)
"""For callers to whom it does not matter where the voxels are."""


def too_large(count: int, most: int) -> SegconvError:
    """Return the error for voxels that take more bytes than the user allows (``SC054``)."""
    return SegconvError(
        f"decodes to {count} bytes, at most {most} are allowed",
        code="SC054",
        cures=(Cure.of("raise_max_volume", bytes=count),),
    )
