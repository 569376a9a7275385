"""Pillow's decoders of PNG and JPEG, without its own limit of pixels: `picture.refuse_size` settled what is decoded.

That limit belongs to the whole process, and `PIL.Image.open` alone asks for it.
"""

from __future__ import annotations

import io

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from ..gzipped import Buffer


def png(data: Buffer) -> PngImageFile:
    """Open a PNG; raises what Pillow raises of damaged ones."""
    return PngImageFile(io.BytesIO(data))


def jpeg(data: Buffer) -> JpegImageFile:
    """Open a JPEG, the first picture if there are several; raises what Pillow raises of damaged ones."""
    return JpegImageFile(io.BytesIO(data))
