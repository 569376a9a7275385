"""Pictures of any format: `opened`, restricted to pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..errors import SegconvError
from . import content, opened
from .formats import table
from .formats.table import PICTURE_FORMATS, PictureEncoder
from .geometry import Geometry
from .gzipped import Buffer
from .read_options import STRICT, ReadOptions

if TYPE_CHECKING:
    from .picture import Picture as Picture
    from .picture import PictureHeader as PictureHeader

ENDINGS = table.endings_of(PICTURE_FORMATS)
"""Of the names of pictures."""

WRITABLE = table.writable_of(PICTURE_FORMATS)
"""Endings that `encode` writes: those that keep every value."""


def ending_of(name: str) -> str | None:
    """Return the one of `ENDINGS` that a file name has, in any letter case; None if it has none."""
    return table.ending_among(name, ENDINGS)


def strip_ending(name: str) -> str:
    """Return a file name without its ending."""
    return name[: len(name) - len(ending_of(name) or "")]


def is_picture(data: Buffer) -> bool:
    """Return whether a file is a readable picture, by its first bytes."""
    kind = content.kind_of(data)
    return any(one.kind == kind for one in PICTURE_FORMATS)


def probe_file(path: str) -> PictureHeader:
    """Judge the header of a picture on the disk, for planning; see `opened.probe`."""
    if ending_of(path) is None:
        raise SegconvError(f"has none of the endings {', '.join(ENDINGS)}", code="SC051", file=path)
    return cast("PictureHeader", opened.probe(path))


class Heads(reading.Heads):
    """Judges the headers of many pictures, of which most share one; see `reading.Heads`.

    Attributes
    ----------
    nbytes
        Size of these files together, in bytes.
    """

    def __init__(self) -> None:
        from .formats import png

        super().__init__()
        self.nbytes = 0
        self._header_of = png.header_of

    def probe(self, path: str) -> PictureHeader:
        """Return the header of a picture, judged as by `probe_file`."""
        if ending_of(path) != ".png":
            header = probe_file(path)
            self.nbytes += reading.size_of(path)
            return header
        try:
            head, length = self.head(path, content.HEAD_BYTES)
        except OSError as error:
            raise reading.refusal(error, path) from error
        header = self._header_of(head)
        if length > content.SPARE_BYTES:
            content.refuse_length(length, header.voxel_bytes)
        self.nbytes += length
        return header


def decode(data: Buffer, name: str | None = None, how: ReadOptions = STRICT) -> Picture:
    """Check every byte of a picture for which a check exists, and decode it; a PNG only on first use.

    Parameters
    ----------
    data
        The file.
    name
        Its name or ending, if it must have that format.
    how
        What to accept.

    Raises
    ------
    SegconvError
        ``SC051`` for another format; ``SC053`` for an impossible header or a picture that is stored
        rotated; ``SC054`` for more than `picture.MAX_PIXELS` pixels, pixels that inflate to more than
        they need, or more than 1 MiB after the end; ``SC056`` for sample kinds that cannot be kept
        unchanged; ``SC058`` if it is truncated or damaged.
    """
    if name is None and not is_picture(data):
        raise content.refuse(data, "a PNG, TIFF, BMP or JPEG picture")
    return cast("Picture", opened.decode(data, name, how=how))


def encode(samples: NDArray[Any], ending: str) -> bytes:
    """Return a lossless picture of ``(y, x)`` or ``(y, x, s)`` samples; the ending is one of `WRITABLE`."""
    return b"".join(opened.encode(samples, Geometry.plain(samples.shape[1::-1]), ending))


def encode_palette(indices: NDArray[Any], colours: NDArray[np.uint8], ending: str = ".png", depth: int = 8) -> bytes:
    """Return a palette picture with exactly these colours.

    Parameters
    ----------
    indices
        ``(y, x)``, each below ``len(colours)``.
    colours
        ``(n, 3)``, or ``(n, 4)`` with alpha, which only a PNG keeps.
    ending
        One of `WRITABLE`.
    depth
        Bits per pixel of a PNG: 1, 2, 4 or 8.
    """
    return cast(PictureEncoder, table.format_named(ending).codec).encode_palette(indices, colours, depth)


def encode_mask(values: NDArray[Any], ending: str) -> bytes:
    """Return a grey picture of ``(y, x)`` uint8 or uint16; a PNG is deflated faster than for an image."""
    if ending != ".png":
        return encode(values, ending)
    from .formats import png

    return png.encode_mask(values)


def encode_few_bits(samples: NDArray[Any], depth: int) -> bytes:
    """Return a grey PNG; see `png.encode_few_bits`."""
    from .formats import png

    return png.encode_few_bits(samples, depth)


def encode_channel_pages(channels: NDArray[Any], names: Sequence[str] = ()) -> bytes:
    """Return a TIFF with a page for each channel that says so; see `tiff_channels.encode_channel_pages`."""
    from .formats import tiff_channels

    return tiff_channels.encode_channel_pages(channels, names)


def encode_bands(samples: NDArray[Any]) -> bytes:
    """Return a TIFF of one page with samples that are no colours; see `tiff_channels.encode_bands`."""
    from .formats import tiff_channels

    return tiff_channels.encode_bands(samples)


def encode_tiff_pages(pages: NDArray[Any]) -> bytes:
    """Return a TIFF with a page for each entry of the first axis; see `tiff.encode_pages`."""
    from .formats import tiff

    return tiff.encode_pages(pages)
