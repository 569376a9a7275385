"""A file of a dataset, opened: the whole of it proved and decoded, or its header alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..dataset.strictjson import begins_with_mark
from ..errors import Finding, SegconvError
from ..image import raster, volumes
from ..image.formats.png import PictureHeader
from ..image.gzipped import is_gzip
from ..image.stored import DecodedVolume, VolumeHeader

Header = VolumeHeader | PictureHeader


@dataclass(frozen=True)
class Opened:
    """A volume or a picture.

    Parameters
    ----------
    header
        Of either.
    oddities
        Code and message of what is unusual but usable.
    volume, samples
        Its voxels, as `volumes.decode` and `raster.prove_and_decode` return them: one of the two, or
        none if only the header was read.
    palette
        Colours of a picture that was read and has a palette, ``(n, 3)``.
    """

    header: Header
    oddities: tuple[tuple[str, str], ...] = ()
    volume: DecodedVolume | None = None
    samples: NDArray[Any] | None = None
    palette: NDArray[np.uint8] | None = None


def read_bytes(path: str) -> bytes:
    """Return all bytes of a regular file.

    Raises
    ------
    SegconvError
        ``SC012`` if it is not there, ``SC030`` if it cannot be read, ``SC061`` if it is no file.
    """
    try:
        return reading.whole(os.path.realpath(path))
    except SegconvError as error:
        error.file = ""  # whoever asks names it as the user does
        raise
    except OSError as error:
        raise reading.refusal(error) from error


def judge_mark(data: bytes, name: str) -> list[Finding]:
    """Return an error if a byte order mark stands before the text of a json."""
    if not begins_with_mark(data):
        return []
    return [
        Finding(
            "SC086",
            "begins with a byte order mark, at which nnU-Net stops",
            file=name,
            hint="save it as UTF-8 without one; segconv repair DATASET --to 43_New writes it anew",
        )
    ]


def decode(data: bytes, ending: str) -> Opened:
    """Prove and decode a file.

    Raises
    ------
    SegconvError
        What `raster.prove_and_decode` and `volumes.decode` raise; ``SC051`` for a gzipped ``.nii``,
        whose reader goes by the name.
    """
    if ending in raster.ENDINGS:
        header, samples, plain = raster.prove_and_decode(data, ending)
        tail = () if plain else (("SC059", "bytes follow the end of the picture"),)
        palette = raster.palette(data) if header.kind == "palette" else None
        return Opened(header, tail, samples=samples, palette=palette)
    volume = volumes.decode(data, ending)
    if ending == ".nii" and is_gzip(data):
        raise SegconvError("is gzipped, and nnU-Net's reader of .nii goes by the name", code="SC051", hint="gunzip it")
    oddities = list(volume.header.oddities)
    if ending == ".nii.gz" and not is_gzip(data):
        oddities.append(("SC051", "is not gzipped, although its name says so"))
    if volume.trailing:
        oddities.append(("SC059", "bytes follow the last voxel"))
    return Opened(volume.header, tuple(oddities), volume=volume)


def probe(path: str, ending: str) -> Opened:
    """Read the header of a file; raises what `raster.probe_file` and `volumes.probe_file` raise."""
    if ending in raster.ENDINGS:
        return Opened(raster.probe_file(os.path.realpath(path)))
    header = volumes.probe_file(os.path.realpath(path))
    return Opened(header, header.oddities)
