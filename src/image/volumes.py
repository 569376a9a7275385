"""Volumes of any format: `opened`, restricted to volumes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from . import opened
from .formats import table
from .formats.table import VOLUME_FORMATS
from .geometry import Geometry
from .gzipped import Buffer
from .read_options import ANY_AXES, STRICT, ReadOptions
from .stored import DecodedVolume as DecodedVolume
from .stored import VolumeHeader as VolumeHeader

ENDINGS = table.endings_of(VOLUME_FORMATS)
"""Of the names of volumes, longest first."""

WRITABLE = table.writable_of(VOLUME_FORMATS)
"""Endings that `encode` writes."""


def ending_of(name: str) -> str | None:
    """Return the one of `ENDINGS` that a file name has, in any letter case; None if it has none."""
    return table.ending_among(name, ENDINGS)


def strip_ending(name: str) -> str:
    """Return a file name without its ending."""
    return name[: len(name) - len(ending_of(name) or "")]


def probe_file(path: str, how: ReadOptions = STRICT) -> VolumeHeader:
    """Judge the header of a volume on the disk; see `opened.probe`."""
    _refuse_other_endings(path)
    return cast(VolumeHeader, opened.probe(path, how))


def companions(path: str) -> tuple[str, ...]:
    """Return the absolute paths of further files of a volume; none for most.

    Raises
    ------
    SegconvError
        What the format's ``probe`` and `opened.data_files` raise.
    """
    _refuse_other_endings(path)
    return opened.data_files(path, opened.probe_only(path, ANY_AXES))  # its axes are judged when it is read


def decode(data: Buffer, name: str, companion: Buffer | None = None, how: ReadOptions = STRICT) -> DecodedVolume:
    """Decode a volume by its name or ending and prove every byte of it; see `opened.decode`."""
    return cast(DecodedVolume, opened.decode(data, name, companion, how))


def encode(array: NDArray[Any], geometry: Geometry, ending: str, sheared: NDArray[np.float64] | None = None) -> bytes:
    """Return a file, the same bytes for the same ``(z, y, x)`` or ``(z, y, x, channel)``; see `opened.encode`."""
    return b"".join(opened.encode(array, geometry, ending, sheared))


def encode_mhd(
    array: NDArray[Any], geometry: Geometry, stem: str, sheared: NDArray[np.float64] | None = None
) -> tuple[bytes, bytes]:
    """Return a volume in two files: the header, and the voxels for ``<stem>.raw`` next to it."""
    from .formats import metaimage

    return metaimage.encode_pair(array, geometry, f"{stem}.raw", sheared)


def _refuse_other_endings(path: str) -> None:
    if ending_of(path) is None:
        raise SegconvError(f"has none of the endings {', '.join(ENDINGS)}", code="SC051", file=path)
