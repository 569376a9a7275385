"""Which combinations of class masks occur: every mask of every case is read before the first label is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import BACKGROUND, GRAY
from ...dataset.overlaps import Atom, Compiled, compile_masks
from ...errors import Cure, SegconvError, naming
from ...image import raster, volumes
from ...image.geometry import Geometry
from ...image.grids import IMAGE, same_grid
from ...image.stored import DecodedVolume
from ..judge.headers import probe_unit
from ..labels.apart import settled_apart
from ..labels.inverted_masks import MaskLook, judge_masks
from ..labels.picture_file import exact_codes, mask_planes, open_picture
from ..labels.read_ahead import read_labels
from ..model import CHANNELS, SEGMENTS, SERIES, ConvertOptions, SourceCase
from ..repairs import AllowedRepairs, goes_with_image, in_order, turned
from ..source_files import read_source, shown
from ..survey import Survey
from ..volumes.frames import channel_of
from ..write.layers import Masks, called, each_mask, on_and_mask
from ..write.resampling import is_resampled, resampled_label
from ..write.segments import Allowed, atoms_of_segments

MOST_CLASSES = 16
"""A file of a case with more values is probably a further image, not a mask of several classes."""


def compiled_masks(survey: Survey, cases: Sequence[SourceCase], names: Sequence[str]) -> Compiled | None:
    """Read all masks of all cases, and compile the combinations that occur; None if anything was refused."""
    return settled_apart(survey, cases, lambda own, some: _compiled(own, some, names), None)


def _compiled(survey: Survey, cases: Sequence[SourceCase], names: Sequence[str]) -> Compiled | None:
    if survey.failed:
        return None
    by_name = any(case.label_as(SEGMENTS) for case in cases)
    own_names = names if by_name else [name for name in names if name != BACKGROUND]  # which is what masks leave
    atoms: set[Atom] = set()
    looks: list[MaskLook] = []

    def look(case: SourceCase) -> tuple[list[Atom], list[MaskLook]]:
        own: list[MaskLook] = []
        return _atoms(case, own_names, survey.root, survey.options, own), own

    for _, (found, own) in read_labels(survey, cases, look):
        atoms |= set(found)
        looks += own
    survey.add([] if survey.options.accept_labels else judge_masks(looks))
    if survey.failed:
        return None
    try:
        return compile_masks(
            own_names, atoms, priority=survey.options.priority or None, max_heads=survey.options.max_heads
        )
    except SegconvError as error:
        if error.code == "SC074" and len(own_names) > 1:
            error.advise(cures=(Cure("take_some_masks"), Cure("give_priority"), Cure("allow_more_heads")))
        survey.collect(error)
        return None


def _atoms(
    case: SourceCase, names: Sequence[str], root: Path, options: ConvertOptions, looks: list[MaskLook]
) -> list[Atom]:
    """Return the combinations of masks in a case, and add a look at each mask, which must be on the image's grid."""
    index = {name: number for number, name in enumerate(names)}
    label = str(case.label)
    parts = case.parts[label]
    read: Callable[[str], NDArray[Any]]
    if raster.ending_of(case.images[0]) is not None:
        head = raster.probe_file(case.images[0])
        shape: tuple[int, ...] = (head.height, head.width)
        read = _picture_planes if parts.form == CHANNELS else _picture_mask
    else:
        own = probe_unit(case, case.images[0], root, options).geometry
        grid = options.allowed_repairs.grid(own)
        shape = grid.array_shape
        if case.form(label) == SEGMENTS:
            files = (read_source(file) for file in parts.files)
            return atoms_of_segments(
                files, parts.names, grid, index, Allowed(options.allowed_repairs, options.max_volume)
            )
        read = partial(_volume_mask, case=case, image=own, options=options)
        if parts.form == CHANNELS:
            read = partial(_volume_planes, image=own, options=options)

    found = Masks(shape, index)
    for name, file, values in each_mask(parts, label, read, partial(shown, root=root)):
        with naming(shown(file, root)):
            found.add(name, on := _on(values, name, case, options))
        if name in index:
            looks.append(MaskLook.of(name, shown(file, root), on))
    return found.settled().atoms


def _as_image(name: str, case: SourceCase, options: ConvertOptions) -> tuple[Cure, ...]:
    """Return the cure for a file that is no mask but a further image; none if the user named the images."""
    if options.image or options.images:
        return ()
    images = [volumes.strip_ending(Path(path).name) for path in case.images]
    return (Cure.of("take_as_image_beside", images=[*images, name], image=name),)


def _on(values: NDArray[Any], name: str, case: SourceCase, options: ConvertOptions) -> NDArray[np.bool_]:
    parts = case.parts[str(case.label)]
    try:
        return on_and_mask(values, called(name, parts))[1]
    except SegconvError as error:
        if parts.form == CHANNELS:
            error.advise("write 0 and one other value" if error.code == "SC078" else "store masks as whole numbers")
        elif error.code == "SC078" and len(parts.names) > 1:  # which no label map can hold
            like_image = _as_image(name, case, options) if np.unique(values).size > MOST_CLASSES else ()
            error.advise("write 0 and one other value, in a mask for each class", like_image)
        elif error.code in ("SC071", "SC072"):
            error.advise("store masks as 0 and one other value", _as_image(name, case, options))
        raise


def _picture_planes(file: str) -> NDArray[Any]:
    return mask_planes(raster.decode(read_source(file)))


def _picture_mask(file: str) -> NDArray[Any]:
    return exact_codes(open_picture(read_source(file)), GRAY)


def _volume_mask(file: str, *, case: SourceCase, image: Geometry, options: ConvertOptions) -> NDArray[Any]:
    """Return a mask in the axis order that its image has once turned; `image` is the grid in the image's file."""
    allowed = options.allowed_repairs
    mask: DecodedVolume
    if case.form(file) == SERIES:
        from ...image.formats import dicom  # loads SimpleITK

        mask = dicom.read_series(case.files_of(file), options.max_volume)
    else:
        mask = volumes.decode(read_source(file), file, how=options.read_options)
    if mask.header.four_dimensional:
        raise SegconvError("is a mask of four dimensions, expected one value a voxel", code="SC073")
    return _on_grid(mask, file, image, allowed)


def _volume_planes(file: str, *, image: Geometry, options: ConvertOptions) -> NDArray[Any]:
    """Return the channels of a file as masks ``(mask, z, y, x)``; see `_volume_mask`."""
    whole = volumes.decode(read_source(file), file, how=options.read_options)
    channels = (channel_of(whole, number) for number in range(whole.header.channels))
    return np.stack([_on_grid(channel, file, image, options.allowed_repairs) for channel in channels])


def _on_grid(mask: DecodedVolume, file: str, image: Geometry, allowed: AllowedRepairs) -> NDArray[Any]:
    mask = in_order(mask, image, IMAGE, [], file)
    if goes_with_image(mask.header.geometry, image, allowed):
        return turned(mask, allowed, [], file, image).values
    grid = allowed.grid(image)
    mask = turned(mask, allowed, [], file)
    if is_resampled(mask, grid, allowed):
        mask = resampled_label(mask, grid, [], file)
    same_grid(mask.header.geometry, grid, IMAGE)
    return mask.values
