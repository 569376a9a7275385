"""Pictures of any format: PNG, TIFF, BMP and JPEG, under one header, their samples as stored.

`picture` does PNG, and `tiff`, `bmp` and `jpeg` what their names say; this is the one way to all of
them, as `volumes` is to the formats of volumes. Those three are imported where they are needed,
because the libraries behind them take long to load.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..errors import SegconvError
from . import content
from .formats import png as picture
from .formats.png import PictureHeader as PictureHeader
from .gzipped import Buffer

_FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".jpg": "JPEG", ".jpeg": "JPEG"}

ENDINGS = tuple(_FORMATS)
"""Of the names of pictures."""

WRITABLE = (".png", ".tif", ".tiff", ".bmp")
"""Endings that `encode` writes: those that keep every value."""

encode_palette = picture.encode_palette
encode_few_bits = picture.encode_few_bits
encode_bilevel = picture.encode_bilevel


def ending_of(name: str) -> str | None:
    """Return which of `ENDINGS` a file's name has, in any case of letters; None if it has none."""
    lower = name.lower()
    return next((ending for ending in ENDINGS if lower.endswith(ending)), None)


def strip_ending(name: str) -> str:
    """Return a file's name without its ending."""
    return name[: len(name) - len(ending_of(name) or "")]


def probe_file(path: str) -> PictureHeader:
    """Judge the head of a picture on the disk, for planning: 33 bytes of a PNG, the directories of a TIFF.

    Raises
    ------
    SegconvError
        ``SC030`` if it cannot be read; ``SC051`` if it is not of the format that its name says;
        ``SC054`` if it is far longer than its header accounts for; and what `prove_and_decode`
        raises of a header.
    """
    named = _FORMATS.get(os.path.splitext(path)[1].lower())
    if named is None:
        raise SegconvError(f"has none of the endings {', '.join(ENDINGS)}", code="SC051", file=path)
    try:
        header = _probe(path, named)
    except OSError as error:
        raise reading.refusal(error, path) from error
    content.refuse_overlong(path, header.width * header.height * header.pages * header.samples * header.depth // 8)
    return header


def _probe(path: str, named: str) -> PictureHeader:
    with reading.opened(path) as file:
        head = file.read(picture.HEAD_BYTES)
        if named == "PNG":
            return picture.probe(head)
        if format_of(head) != named:
            raise content.refuse(head + file.read(content.HEAD_BYTES), f"a {named} picture")
        file.seek(0)
        if named == "TIFF":
            from .formats import tiff

            return tiff.probe(file)
        from .formats import bmp, jpeg

        return bmp.probe(file.read(bmp.HEAD_BYTES)) if named == "BMP" else jpeg.probe(file.read(jpeg.HEAD_LIMIT))


def prove_and_decode(data: Buffer, ending: str | None = None) -> tuple[PictureHeader, NDArray[Any], bool]:
    """Check every byte of a picture that a check exists for, and decode it.

    Parameters
    ----------
    data
        The file.
    ending
        One of `ENDINGS`, if the file must have that format.

    Returns
    -------
    header
        What it is.
    samples
        ``(y, x)``, ``(y, x, s)``, or with a first axis of pages if there are several; as stored,
        palettes as indices.
    plain
        Whether nothing follows the end of the picture.

    Raises
    ------
    SegconvError
        ``SC051`` for another format; ``SC053`` for an impossible header or a picture that is stored
        turned; ``SC054`` for more than `picture.MAX_PIXELS` pixels, pixels that inflate to more than
        they need, or more than 1 MiB after the end; ``SC056`` for kinds of samples that cannot be
        kept as they are; ``SC058`` if it is cut or damaged.
    """
    found = format_of(data)
    if found is None or (ending is not None and found != _FORMATS[ending]):
        raise content.refuse(data, f"a {_FORMATS[ending]} picture" if ending else "a PNG, TIFF, BMP or JPEG picture")
    if found == "PNG":
        header, plain = picture.prove(data)
        return header, picture.decode(data, header), plain
    if found == "TIFF":
        from .formats import tiff

        return *tiff.decode(data), True
    from .formats import bmp, jpeg

    return bmp.decode(data) if found == "BMP" else jpeg.decode(data)


def format_of(head: Buffer) -> str | None:
    """Return ``"PNG"``, ``"TIFF"``, ``"BMP"`` or ``"JPEG"`` by a file's first bytes, None for others."""
    name = (content.kind_of(head) or "").removesuffix(" picture")
    return name if name in _FORMATS.values() else None


def palette(data: Buffer) -> NDArray[np.uint8]:
    """Return the colours of a palette picture that `prove_and_decode` accepted, ``(n, 3)`` red, green, blue."""
    found = format_of(data)
    if found == "PNG":
        return picture.palette(data)
    from .formats import bmp, tiff

    return bmp.palette(data) if found == "BMP" else tiff.palette(data)


def palette_with_alpha(data: Buffer) -> NDArray[np.uint8]:
    """Return the colours of a palette picture, ``(n, 4)``; only a PNG has some that are not opaque."""
    if format_of(data) == "PNG":
        return picture.palette_with_alpha(data)
    colours = palette(data)
    return np.concatenate([colours, np.full((len(colours), 1), 255, dtype=np.uint8)], axis=1)


def encode(samples: NDArray[Any], ending: str) -> bytes:
    """Return a picture of ``(y, x)`` or ``(y, x, 3)`` samples that keeps every value, ending one of `WRITABLE`."""
    if ending == ".png":
        return picture.encode(samples)
    if ending not in WRITABLE:
        raise ValueError(f"{ending} is not one of {WRITABLE}")
    return encode_bmp(samples) if ending == ".bmp" else encode_tiff(samples)


def encode_bmp(samples: NDArray[Any], colours: NDArray[np.uint8] | None = None) -> bytes:
    """Return a BMP; see `bmp.encode`."""
    from .formats import bmp

    return bmp.encode(samples, colours)


def encode_tiff(samples: NDArray[Any], colours: NDArray[np.uint8] | None = None) -> bytes:
    """Return a TIFF of one page; see `tiff.encode`."""
    from .formats import tiff

    return tiff.encode(samples, colours)


def encode_tiff_pages(pages: NDArray[Any]) -> bytes:
    """Return a TIFF with a page for each entry of the first axis; see `tiff.encode_pages`."""
    from .formats import tiff

    return tiff.encode_pages(pages)
