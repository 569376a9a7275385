"""Open the volumes of a case, whatever they are made of: files, slices that are pictures, DICOM series, frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Cure, SegconvError
from ...image import stack, volumes
from ...image.stored import ArrayVolume, DecodedVolume, VolumeHeader
from ..bands import refuse_as_slices
from ..model import DETACHED, FRAME, SERIES
from ..volumes.frames import frame_of
from .picture_samples import plain_samples
from .work import CaseWork


def open_volume(work: CaseWork, path: str) -> tuple[DecodedVolume, bytes | None]:
    """Read and decode an image or a label; return it with its bytes, if it is one file."""
    form = work.source.form(path)
    files = work.source.files_of(path)
    how = work.recipe.read_options
    if form is None:
        data = work.read(path)
        return volumes.decode(data, path, how=how), data
    if form == DETACHED:
        header, voxels = map(work.read, files)
        return volumes.decode(header, path, voxels, how=how), None
    if form == SERIES:
        from ...image.formats import dicom  # brings SimpleITK, which other kinds of source need not wait for

        for file in files:
            work.read(file)  # for its hash: SimpleITK opens the files itself
        return dicom.read_series(files, how.max_bytes), None
    if form == FRAME:
        return frame_of(volumes.decode(work.read(path), path, how=how), work.source.parts[path]), None
    return _stacked(work, [_slice(work, file) for file in files]), None


def _slice(work: CaseWork, file: str) -> NDArray[Any]:
    """Return a slice ``(y, x)``, or those of one picture with pages ``(page, y, x)``."""
    with work.naming(file):
        opened = work.picture(file)
        refuse_as_slices(opened.header)
        samples = opened.stored
        if samples.dtype in (np.uint8, np.uint16, np.bool_) and opened.header.pages == 1:
            samples = plain_samples(opened, [], work.recipe)  # of what a picture may be; HU are as they are
        return samples


def _stacked(work: CaseWork, slices: list[NDArray[Any]]) -> ArrayVolume:
    """Return a volume of slices ``(y, x)``, or of one picture with pages ``(page, y, x)``."""
    array = slices[0] if len(slices) == 1 and slices[0].ndim == 3 else stack.assemble(slices)
    if array.ndim != 3:
        raise SegconvError("has slices in colour, expected one value per voxel", code="SC056")
    if work.recipe.spacing_mm is None:
        raise SegconvError(
            "is made of slices, whose spacing is not known", code="SC057", cures=(Cure.of("give_spacing"),)
        )
    header = VolumeHeader(stack.geometry_of(array, work.recipe.spacing_mm), 1, array.dtype, 1.0, 0.0, False, ())
    return ArrayVolume(header, False, False, array)


def same_ending(work: CaseWork, path: str) -> bool:
    """Return whether a file ends as the files of the dataset do."""
    return volumes.ending_of(path) == work.recipe.ending


def warn_odd(work: CaseWork, path: str, image: DecodedVolume) -> None:
    """Warn of what is odd about a file and was put right, or dropped."""
    name = work.shown(path)
    for code, message in image.header.oddities:
        work.warn(path, code, message)
        work.repairs.append(f"{name}: {message}")
    if image.trailing:
        work.warn(path, "SC059", "bytes after the end were dropped")
        work.repairs.append(f"{name}: bytes after the end dropped")
