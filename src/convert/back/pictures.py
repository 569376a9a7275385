"""Encode predictions as pictures in the user's own coding: grey of the same depth, palette, or colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import GRAY, RGB, value_text
from ...dataset.stored_label import CHANNEL_PAGES, StoredLabel
from ...errors import SegconvError
from ...image import raster
from ...image.mask_values import WITH_ALPHA, colour_picture, palette_codes


def encoded_picture(values: NDArray[Any], stored: StoredLabel, ending: str, coding: str) -> bytes:
    """Return a mask in the user's own coding: grey of the same depth, palette, or colour.

    Parameters
    ----------
    values
        ``(y, x)``, the user's values, or colours as in `LabelTable`.
    stored
        How the user's own mask is stored.
    coding
        Whether values are `GRAY` or `RGB`.

    Raises
    ------
    SegconvError
        ``SC051`` if it is not a picture, ``SC078`` if the user's palette lacks a colour.
    """
    if values.ndim != 2:
        raise SegconvError("is a volume, the user's labels are pictures", code="SC051")
    mode, depth, ending = stored.mode or "gray", stored.depth or 8, ending.lower()
    if mode == "palette" and stored.palette:
        colours = _colours(stored.palette)
        return _palette(_indices(values, colours, coding), colours, ending, depth)
    samples = _coloured(values, mode, ending) if coding == RGB else _grey(values, mode, depth)
    if ending == ".png" and _fits(samples, depth):
        return raster.encode_few_bits(samples, depth)
    return raster.encode(samples, ending if ending in raster.WRITABLE else ".png")


def encoded_planes(masks: NDArray[Any], stored: StoredLabel, names: Sequence[str], ending: str) -> bytes:
    """Return masks as the pages or samples of one picture, as in the user's own.

    Parameters
    ----------
    masks
        ``(mask, y, x)``.
    stored
        How the user's own masks are stored, in the form `stored_label.CHANNELS`.
    names
        Of the masks.
    """
    if len(masks) == 1:
        return raster.encode(masks[0], ending)
    if stored.mode == CHANNEL_PAGES:
        return raster.encode_channel_pages(masks, names)
    if stored.mode == "gray":
        return raster.encode_tiff_pages(masks > 0 if stored.depth == 1 else masks)
    samples = np.moveaxis(masks, 0, -1)
    return raster.encode_bands(samples) if stored.mode == "bands" else raster.encode(samples, ending)


def _fits(samples: NDArray[Any], depth: int) -> bool:
    """Return whether samples are grey and fit into `depth` bits, fewer than a byte has."""
    return depth < 8 and samples.ndim == 2 and int(samples.max()) < 1 << depth


def _colours(entries: Sequence[str]) -> NDArray[np.uint8]:
    """Return the colours of a palette, ``(n, 3)``, or ``(n, 4)`` if one is not opaque."""
    parts = (1, 3, 5, 7) if any(len(entry) > len("#rrggbb") for entry in entries) else (1, 3, 5)
    return np.array([[int((entry + "ff")[i : i + 2], 16) for i in parts] for entry in entries], dtype=np.uint8)


def _grey(values: NDArray[Any], mode: str, depth: int) -> NDArray[Any]:
    """Return values as grey samples, repeated and opaque as in the user's file."""
    samples: NDArray[Any] = values.astype(np.uint16 if depth == 16 or int(values.max()) > 255 else np.uint8)
    if mode in ("RGB", "RGBA"):
        samples = np.repeat(samples[..., np.newaxis], 3, axis=-1)
    if mode in WITH_ALPHA:
        opaque = np.full((*samples.shape[:2], 1), np.iinfo(samples.dtype).max, dtype=samples.dtype)
        samples = np.concatenate([samples.reshape(*samples.shape[:2], -1), opaque], axis=-1)
    return samples


def _coloured(values: NDArray[Any], mode: str, ending: str) -> NDArray[np.uint8]:
    """Return colours as in the user's file; add colour or alpha if only the prediction has it."""
    samples = colour_picture(values)
    alpha = mode in WITH_ALPHA or bool((samples[..., -1] != 255).any())
    grey = mode.startswith("gray") and bool((samples[..., :3] == samples[..., :1]).all())
    if grey and not (alpha and ending == ".bmp"):  # BMP has no grey with alpha
        samples = samples[..., [0, -1]]
    if not alpha:
        samples = samples[..., :-1]
    return samples[..., 0] if samples.shape[-1] == 1 else samples


def _indices(values: NDArray[Any], colours: NDArray[np.uint8], coding: str) -> NDArray[np.uint8]:
    """Return palette indices: the values themselves, or the indices of their colours."""
    if coding == GRAY:
        return values.astype(np.uint8)
    codes = palette_codes(colours)
    found = np.zeros(values.shape, dtype=np.uint8)
    for code in np.unique(values).tolist():
        if code not in codes:
            raise SegconvError(f"the palette of the user's mask has no colour {value_text(code, RGB)}", code="SC078")
        found[values == code] = codes.index(code)
    return found


def _palette(indices: NDArray[np.uint8], colours: NDArray[np.uint8], ending: str, depth: int) -> bytes:
    if int(indices.max()) >= len(colours):
        extra = np.zeros((int(indices.max()) + 1 - len(colours), colours.shape[1]), dtype=np.uint8)
        extra[:, 3:] = 255
        colours = np.concatenate([colours, extra])
    ending = ending if ending in raster.WRITABLE else ".png"
    return raster.encode_palette(indices, colours, ending, depth if len(colours) <= 1 << depth else 8)
