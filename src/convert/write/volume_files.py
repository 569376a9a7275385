"""Open the volumes of a case, stored as files, picture slices, DICOM series or frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Cure, SegconvError
from ...image import stack, volumes
from ...image.stored import ArrayVolume, DecodedVolume, VolumeHeader
from ..model import CHANNELS, DETACHED, FRAME, SERIES
from .work import CaseWork


def open_volume(work: CaseWork, path: str) -> tuple[DecodedVolume, bytes | None]:
    """Read and decode an image or a label; return it, with its bytes if it is a single file."""
    form = work.source.form(path)
    files = work.source.files_of(path)
    how = work.options.read_options
    if form in (None, CHANNELS):
        data = work.read(path)
        return volumes.decode(data, path, how=how), data
    if form == DETACHED:
        header, voxels = map(work.read, files)
        return volumes.decode(header, path, voxels, how=how), None
    if form == SERIES:
        from ...image.formats import dicom  # loads SimpleITK, which other kinds of source do not need

        for file in files:
            work.read(file)  # for its hash: SimpleITK opens the files itself
        return dicom.read_series(files, how.max_bytes), None
    if form == FRAME:
        from ..volumes.frames import frame_of

        return frame_of(volumes.decode(work.read(path), path, how=how), work.source.parts[path]), None
    return _stacked(work, [_slice(work, file) for file in files]), None


def _slice(work: CaseWork, file: str) -> NDArray[Any]:
    """Return a slice ``(y, x)``, or all slices of a picture with pages ``(page, y, x)``."""
    from ..bands import refuse_as_slices
    from .picture_samples import plain_samples

    with work.naming(file):
        opened = work.picture(file)
        refuse_as_slices(opened.header)
        samples = opened.stored
        if samples.dtype in (np.uint8, np.uint16, np.bool_) and opened.header.pages == 1:
            samples = plain_samples(opened, [], work.recipe)  # of what a picture may be; HU are as they are
        return samples


def _stacked(work: CaseWork, slices: list[NDArray[Any]]) -> ArrayVolume:
    """Return a volume from slices ``(y, x)``, or from one picture with pages ``(page, y, x)``."""
    array = slices[0] if len(slices) == 1 and slices[0].ndim == 3 else stack.assemble(slices)
    if array.ndim != 3:
        raise SegconvError("has slices in colour, expected one value per voxel", code="SC056")
    if work.options.spacing_mm is None:
        raise SegconvError(
            "is made of slices, whose spacing is not known", code="SC057", cures=(Cure.of("give_spacing"),)
        )
    header = VolumeHeader(stack.geometry_of(array, work.options.spacing_mm), 1, array.dtype, 1.0, 0.0, False, ())
    return ArrayVolume(header, False, False, array)


def same_ending(work: CaseWork, path: str) -> bool:
    """Return whether a file has the ending of the dataset's files."""
    return volumes.ending_of(path) == work.recipe.ending


def warn_odd(work: CaseWork, path: str, image: DecodedVolume) -> None:
    """Warn of anything unusual in a file that was corrected or dropped."""
    name = work.shown(path)
    for code, message in image.header.oddities:
        work.warn(path, code, message)
        work.repairs.append(f"{name}: {message}")
    if image.trailing:
        work.warn(path, "SC059", "bytes after the end were dropped")
        work.repairs.append(f"{name}: bytes after the end dropped")
