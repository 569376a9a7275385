"""Options of reading: the maximum size, whether to accept oblique axes, and whether to inflate what is only copied."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Cure, SegconvError

MAX_VOLUME = 8 << 30
"""Largest decoded size, in bytes, unless the user raises it."""


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading.

    Parameters
    ----------
    max_bytes
        Maximum number of bytes of the decoded voxels of a volume.
    square_axes
        Use and report the nearest rotation of axes that are not at right angles, instead of refusing them.
    proves_pixels
        Inflate the pixels of a PNG to prove that they are intact; otherwise only the checksums of its chunks are
        verified, for callers that copy it.
    """

    max_bytes: int = MAX_VOLUME
    square_axes: bool = False
    proves_pixels: bool = True


STRICT = ReadOptions()

CHUNKS_ONLY = ReadOptions(proves_pixels=False)
"""For callers that copy a picture without verifying its pixels."""

ANY_AXES = ReadOptions(square_axes=True)
"""For callers to whom it does not matter where the voxels are."""


def too_large(count: int, most: int) -> SegconvError:
    """Return the error for voxels that take more bytes than the user allows (``SC054``)."""
    return SegconvError(
        f"decodes to {count} bytes, at most {most} are allowed",
        code="SC054",
        cures=(Cure.of("raise_max_volume", bytes=count),),
    )
