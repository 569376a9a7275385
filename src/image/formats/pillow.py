"""Pillow's decoders of PNG and JPEG without its pixel limit; `picture.refuse_size` has its own.

That limit is a setting of the process, and only `PIL.Image.open` applies it.
"""

from __future__ import annotations

import io

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from ..gzipped import Buffer


def png(data: Buffer) -> PngImageFile:
    """Open a PNG; raises Pillow's errors for damaged ones."""
    return PngImageFile(io.BytesIO(data))


def jpeg(data: Buffer) -> JpegImageFile:
    """Open a JPEG, or the first picture of several; raises Pillow's errors for damaged ones."""
    return JpegImageFile(io.BytesIO(data))
