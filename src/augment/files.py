"""Read one file of a dataset to augment; refuse anything but one image or one label."""

from __future__ import annotations

from ..errors import Cure, SegconvError
from ..image.opened import Opened, decode


def read_image(data: bytes, ending: str) -> Opened:
    """Decode one channel, or a picture.

    Raises
    ------
    SegconvError
        What `opened.decode` raises; ``SC084`` for a volume of several channels or a picture of several pages.
    """
    image = decode(data, ending)
    header = image.header
    if header.placed and header.channels > 1:
        raise SegconvError(f"holds {header.channels} channels, expected one per file", code="SC084")
    return _one_page(image)


def read_label(data: bytes, ending: str) -> Opened:
    """Decode a label.

    Raises
    ------
    SegconvError
        What `opened.decode` raises; ``SC073`` for a label with four dimensions or more than one value per pixel;
        ``SC084`` for a label of several pages.
    """
    label = _one_page(decode(data, ending))
    if not label.header.scalar:
        raise SegconvError(f"is {label.header}, expected a label of one value per voxel", code="SC073")
    return label


def _one_page(opened: Opened) -> Opened:
    if opened.header.pages > 1:
        raise SegconvError(
            f"is {opened.header}, expected one picture",
            code="SC084",
            cures=(Cure.of("rewrite_pages"),),
        )
    return opened
