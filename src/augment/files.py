"""One file of a dataset that is to be augmented, refused if it is not one image or one label."""

from __future__ import annotations

import numpy as np

from ..errors import Finding, SegconvError
from ..image import volumes
from ..image.opened import Opened, decode, probe

FORMATS = tuple(ending.removeprefix(".") for ending in (*volumes.WRITABLE, ".png", ".tif"))
"""Formats that a new dataset can be given."""


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
        What `opened.decode` raises; ``SC073`` for a label of four dimensions, or of more than one value a pixel;
        ``SC084`` for one of several pages.
    """
    label = _one_page(decode(data, ending))
    if not label.header.scalar:
        raise SegconvError(f"is {label.header}, expected a label of one value a voxel", code="SC073")
    return label


def unfit_for_png(path: str) -> list[Finding]:
    """Return what keeps a picture from being written as PNG: samples that need more than its 8 or 16 bits, or a sign.

    Parameters
    ----------
    path
        The file, of which the header is read.
    """
    try:
        dtype = probe(path).value_dtype
    except SegconvError:
        return []  # what is wrong with it is reported when it is read
    if dtype in (np.uint8, np.uint16):
        return []
    told = f"has samples of type {dtype.name}, which --format png cannot hold: PNG has whole numbers of 8 or 16 bits"
    return [Finding("SC001", told, file=path, hint="--format tif, or leave out --format")]


def _one_page(opened: Opened) -> Opened:
    if opened.header.pages > 1:
        raise SegconvError(
            f"is {opened.header}, expected one picture",
            code="SC084",
            hint="convert with --format nii.gz and --spacing: volumes have a spacing, which pages lack",
        )
    return opened
