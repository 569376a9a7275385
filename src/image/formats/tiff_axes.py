"""Find the meaning of TIFF pages in the first page's description, as written by ImageJ, OME and tifffile."""

from __future__ import annotations

import html
import re
from typing import Any

CHANNELS = "channels"
"""Every page is a channel of one picture."""

MIXED = "mixed"
"""Pages are channels of several slices or frames."""

_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b[^>]*>")
_CHANNEL = re.compile(r"<(?:\w+:)?Channel\b[^>]*>")
_NAME = re.compile(r"\bName\s*=\s*([\"'])(.*?)\1")
_SIZE = re.compile(r"\bSize([CZT])\s*=\s*[\"'](\d+)[\"']")


def meaning_of_pages(tiff: Any, pages: int) -> str | None:
    """Return `CHANNELS` or `MIXED` if a file declares its pages as such; None for slices or without a declaration."""
    if pages < 2:
        return None
    channels = _channels(tiff, pages)
    if channels is None or channels < 2:
        return None
    return CHANNELS if channels == pages else MIXED


def names_of_channels(tiff: Any, pages: int) -> tuple[str, ...]:
    """Return the names of pages that are channels, as ImageJ and OME declare them; none unless each has one."""
    names: list[str] = []
    if tiff.is_imagej:
        names = [str(name) for name in (tiff.imagej_metadata or {}).get("Labels", ())]
    elif tiff.is_ome:
        found = map(_NAME.search, _CHANNEL.findall(str(tiff.pages[0].description)))
        names = [html.unescape(name[2]) for name in found if name is not None]
    return tuple(names) if len(names) == pages and all(names) else ()


def _channels(tiff: Any, pages: int) -> int | None:
    """Return the number of channels among the pages; None if the file does not say."""
    if tiff.is_imagej:
        return int((tiff.imagej_metadata or {}).get("channels", 1))
    if tiff.is_ome:
        return _channels_of_ome(str(tiff.pages[0].description), pages)
    if tiff.is_shaped:
        said: dict[str, Any] = (tiff.shaped_metadata or ({},))[0]
        axes, shape = str(said.get("axes", "")), said.get("shape", ())
        return int(shape[axes.index("C")]) if "C" in axes and len(axes) == len(shape) else None
    return None


def _channels_of_ome(description: str, pages: int) -> int:
    # Parsed as text, so that nothing else in the XML, such as entities, is interpreted.
    tag = _PIXELS.search(description)
    sizes = {axis: int(size) for axis, size in _SIZE.findall(tag.group())} if tag else {}
    # OME also counts the samples of a pixel as channels.
    planes = sizes.get("Z", 1) * sizes.get("T", 1)
    return sizes.get("C", 1) if planes > 1 else min(sizes.get("C", 1), pages)
