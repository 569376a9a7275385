"""Colours of masks have 8 bits per sample, whatever else a file may hold."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from segconv.errors import SegconvError
from segconv.image import mask_values as mask
from segconv.image import raster
from segconv.image.formats import png as picture

VALUES = np.array([[0, 1], [1, 0]], np.uint8)


def tif(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, photometric="minisblack")
    return buffer.getvalue()


@pytest.mark.parametrize("data", [picture.encode_few_bits(VALUES, 1), tif(VALUES.astype(np.int8))])
def test_only_8_bit_masks_have_colours(data: bytes) -> None:
    found = raster.decode(data)
    header, samples = found.header, found.stored
    with pytest.raises(SegconvError, match="expected a colour mask of 8 bits per sample") as caught:
        mask.colour_codes(samples, header)
    assert caught.value.code == "SC056"


def test_grey_counts_as_its_colour() -> None:
    buffer = io.BytesIO()
    Image.fromarray(VALUES * np.uint8(255)).save(buffer, format="PNG")
    found = raster.decode(buffer.getvalue())
    header, samples = found.header, found.stored
    assert np.array_equal(mask.colour_codes(samples, header), VALUES * np.int64(0xFFFFFF))
