"""Tiny cases in the form of a dataset's own: the same kind and number of files, channels and label values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import SegconvError
from ..image import opened
from ..image.geometry import Geometry
from ..image.picture import PictureHeader
from .layout import Dataset

_GREY, _NOISE = 40, 6
"""Grey value of the background, of which others are up to five times as bright; and the noise's deviation."""

_USUAL_EDGE, _SMALLEST_EDGE = 40, 8


@dataclass(frozen=True)
class Form:
    """How a dataset stores its cases.

    Parameters
    ----------
    headers
        Of the image files of one case.
    ending
        Of all files.
    values
        Label values.
    """

    headers: tuple[opened.Header, ...]
    ending: str
    values: tuple[int, ...]

    @property
    def geometry(self) -> Geometry:
        """The grid of the case that was looked at."""
        return self.headers[0].geometry


def form_of(dataset: Dataset) -> Form:
    """Return the form of a dataset, from the headers of its first training case.

    Raises
    ------
    SegconvError
        ``SC011`` if it has no training case; ``SC051`` for TIFF files of several pages, whose spacing is elsewhere;
        what reading a header raises.
    """
    cases = dataset.cases()
    if not cases:
        raise SegconvError("has no training case", code="SC011", file=str(dataset.path))
    files = [path for number, path in enumerate(dataset.image_files(cases[0])) if number == 0 or path.exists()]
    headers = tuple(opened.probe(str(path)) for path in files)
    if isinstance(headers[0], PictureHeader) and headers[0].pages > 1:
        what = "is a TIFF file of several pages, which cannot be rehearsed"
        raise SegconvError(what, code="SC051", file=str(files[0]), hint="convert the dataset to .nii.gz")
    return Form(headers, dataset.description.file_ending, dataset.description.labels.values)


def small_grid(form: Form, edges: Sequence[int], spacing_mm: Sequence[float]) -> Geometry:
    """Return a grid with the orientation of a dataset's.

    Parameters
    ----------
    edges
        In voxels, ``(z, y, x)``; if empty, those of the case that was looked at, cut to at most 40.
    spacing_mm
        ``(z, y, x)``; if empty, that of the case.
    """
    usual = form.geometry
    count = len(usual.size)
    size = tuple(max(edge, _SMALLEST_EDGE) for edge in edges[::-1][:count]) or tuple(
        min(edge, _USUAL_EDGE) for edge in usual.size
    )
    spacing = tuple(spacing_mm[::-1][:count]) if spacing_mm and count > 2 else usual.spacing_mm
    return Geometry(size, spacing, usual.origin_mm, usual.direction)


def stand_in(form: Form, geometry: Geometry, seed: int) -> tuple[list[bytes], bytes]:
    """Return the bytes of a case's image files and of its label, which has all values.

    Parameters
    ----------
    geometry
        The grid.
    seed
        Of the noise.
    """
    random = np.random.default_rng(seed)
    label = _label(geometry, form.values)
    files = [_encoded(_image(header, label, random), geometry, form.ending) for header in form.headers]
    return files, _encoded(label, geometry, form.ending)


def _encoded(array: NDArray[np.generic], geometry: Geometry, ending: str) -> bytes:
    return b"".join(opened.encode(array, geometry, ending))


def _label(geometry: Geometry, values: Sequence[int]) -> NDArray[np.generic]:
    """Return an ellipsoid that is divided among the values, in background."""
    axes = [np.linspace(-1, 1, count) for count in geometry.array_shape]
    inside = sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")) <= 0.8
    label = np.zeros(geometry.array_shape, dtype=np.uint8 if max(values) < 256 else np.uint16)
    foreground = [value for value in values if value]
    places = np.flatnonzero(inside)
    label.flat[places] = np.array(foreground)[np.arange(len(places)) * len(foreground) // len(places)]
    return label


def _image(header: opened.Header, label: NDArray[np.generic], random: np.random.Generator) -> NDArray[np.generic]:
    """Return grey values that differ from value to value, of the kind of numbers that the header has."""
    steps = label.astype(np.float64) / max(1, int(label.max()))
    image = _GREY + 4 * _GREY * steps + random.normal(0, _NOISE, label.shape)
    if not isinstance(header, PictureHeader):
        return image.astype(np.float32) if header.value_dtype.kind == "f" else np.rint(image).astype(np.int16)
    if header.channels > 1:
        image = np.repeat(image[..., None], header.channels, axis=-1)
    whole = np.clip(np.rint(image), 0, 255)
    return whole.astype(header.value_dtype)
