"""Write a TIFF whose pages or samples are channels, not colours."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

_IMAGEJ = ("uint8", "uint16", "float32")
"""Types that ImageJ reads."""


def encode_channel_pages(channels: NDArray[Any], names: Sequence[str] = ()) -> bytes:
    """Return a TIFF with a page for each channel that also says so: to ImageJ, if it reads such numbers.

    Parameters
    ----------
    channels
        ``(channel, y, x)``.
    names
        Of the channels.
    """
    of_imagej = channels.dtype.name in _IMAGEJ
    metadata: dict[str, Any] = {"axes": "CYX"}
    if of_imagej and names:
        metadata["Labels"] = list(names)
    return _encoded(channels, imagej=of_imagej, metadata=metadata, compression=None if of_imagej else "zlib")


def encode_bands(samples: NDArray[Any]) -> bytes:
    """Return a TIFF of one page with samples that it calls neither colour nor alpha, ``(y, x, sample)``."""
    extra = ["unspecified"] * (samples.shape[-1] - 1)
    return _encoded(samples, planarconfig="contig", extrasamples=extra, metadata=None, compression="zlib")


def _encoded(array: NDArray[Any], *, imagej: bool = False, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, imagej=imagej) as writer:
        writer.write(np.ascontiguousarray(array), photometric="minisblack", software=False, **options)
    return buffer.getvalue()
