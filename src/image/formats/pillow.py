"""Pillow's decoders of PNG and JPEG without its limit of pixels, as `picture.refuse_size` has its own.

That limit is a setting of the process, and only `PIL.Image.open` applies it.
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
