"""Small pictures and files of them, for the tests of picture formats."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from segconv.errors import SegconvError
from segconv.image import raster
from segconv.image.formats import bmp
from segconv.image.formats import png as picture

GREY = (np.arange(60 * 70).reshape(60, 70) % 251).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)
RGBA = np.concatenate([COLOUR, np.full((60, 70, 1), 255, np.uint8)], axis=-1)


def tif(array: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def pillow(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format_, **options)
    return buffer.getvalue()


def refused(code: str, data: bytes, ending: str | None = None) -> SegconvError:
    with pytest.raises(SegconvError) as raised:
        _ = raster.decode(data, ending).stored
    assert raised.value.code == code, raised.value.message
    return raised.value


def probed(data: bytes, folder: Path, ending: str) -> raster.PictureHeader:
    path = folder / f"x{ending}"
    path.write_bytes(data)
    return raster.probe_file(str(path))


WRITTEN = {
    ".png": picture.encode_samples(GREY),
    ".tif": tif(GREY),
    ".bmp": bmp.encode_samples(GREY),
    ".jpg": pillow(Image.fromarray(GREY), "JPEG"),
}
