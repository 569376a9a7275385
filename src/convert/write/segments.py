"""Convert segmentations of 3D Slicer as masks of classes on the grid of the image, of which they may be a part."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.losses import GRID, Loss
from ...dataset.overlaps import Accumulator, Atom
from ...dataset.stored_label import SEGMENTS, StoredLabel, StoredSegment
from ...errors import Cure, SegconvError
from ...image.formats import nrrd, segmentation
from ...image.geometry import NEAR_GRID_VOXELS, Geometry, Volume, shear_in_words
from ...image.gzipped import Buffer
from ...image.orientation import axis_codes, reordering
from ...image.read_options import ANY_AXES, ReadOptions
from ...image.resample import onto_grid
from ...image.segment import ENDING as SEGMENTATION
from ...image.segment import Segment
from ..accepted import RESAMPLE
from ..repairs import AllowedRepairs
from .layers import compiled_label, overlaps_lost
from .resampling import losses
from .work import CaseWork, WrittenLabel


@dataclass(frozen=True)
class OnGrid:
    """A segmentation on the grid of its image, or on part of it.

    Parameters
    ----------
    found
        Its layers on that grid.
    place
        Their position in the image, as slices ``(z, y, x)``.
    changes
        Changes that brought it there, in words; empty if there were none.
    moved
        Whether it was resampled to the grid of its image.
    own
        The grid of its file.
    """

    found: segmentation.Segmentation
    place: tuple[slice, ...]
    own: Geometry
    changes: tuple[str, ...] = ()
    moved: bool = False


def segment_names(head: bytes) -> list[str]:
    """Return the names of the segments in a file; its header is enough.

    Raises
    ------
    SegconvError
        ``SC085`` if two have the same name; also any error of `segmentation.segments_of`.
    """
    header = nrrd.read_header(head, ANY_AXES)  # their positions are judged when they are read
    names = [segment.name for segment in segmentation.segments_of(header)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SegconvError(f"has two segments named {twice!r}", code="SC085", hint="rename one of them in 3D Slicer")
    return names


def atoms_of_segments(
    files: Iterable[Buffer], names: Sequence[str], grid: Geometry, index: Mapping[str, int], options: Allowed
) -> list[Atom]:
    """Return the atoms that occur in the segmentations of a case; the first is where no segment is.

    Parameters
    ----------
    files
        Contents of the files.
    names
        Class of each segment, file by file; empty for segments that are left out.
    grid
        Grid of the image; the segmentations must be on it.
    index
        Name → number of the mask.
    """
    accumulator = Accumulator(grid.array_shape)
    for _, name, mask in _masks(files, names, grid, options):
        accumulator.add(index[name], mask)
    return accumulator.atoms


def compile_segments(work: CaseWork, path: str, grid: Geometry) -> tuple[NDArray[Any], WrittenLabel]:
    """Compile the segmentations of a case into the label of its image; see `layers.compile_layers`."""
    parts = work.source.parts[path]
    accumulator = Accumulator(grid.array_shape)
    entries: list[StoredSegment] = []
    files: dict[str, OnGrid] = {}
    own_names = iter(parts.names)
    for part in parts.files:
        with work.naming(part):
            file = part.rsplit("/", 1)[-1]
            files[file] = _read_on_grid(work, part, grid)
            for segment in files[file].found.segments:
                if name := next(own_names, ""):
                    accumulator.add(work.compiled.index[name], _whole(files[file], segment, grid))
                    entries.append(StoredSegment(segment, tuple(work.compiled.masks_of[name]), file, name))
    label, voxels = compiled_label(work, path, accumulator)
    moved = (Loss(GRID),) if any(one.moved for one in files.values()) else ()
    stored = StoredLabel(
        SEGMENTATION,
        max((one.found.layers.dtype for one in files.values()), key=lambda dtype: dtype.itemsize).name,
        losses=(*moved, *overlaps_lost(work.compiled)),
        form=SEGMENTS,
        segments=tuple(entries),
        file=next(iter(files)),
        grids={file: one.own for file, one in files.items() if not one.moved and one.place != _NOWHERE},
    )
    return label, work.written(voxels, stored)


def _read_on_grid(work: CaseWork, path: str, grid: Geometry) -> OnGrid:
    found = on_grid(segmentation.decode(work.read(path), work.options.read_options), grid, work.options.allowed_repairs)
    for change in found.changes:
        work.warn(path, "SC093", change)
        work.repairs.append(f"{work.shown(path)}: {change}")
    return found


@dataclass(frozen=True)
class Allowed:
    """What may be done to a segmentation: repairs, and the maximal size of its layers in bytes."""

    allowed_repairs: AllowedRepairs
    max_volume: int

    @property
    def read_options(self) -> ReadOptions:
        """How to read it."""
        return self.allowed_repairs.read_options(self.max_volume)


_NOWHERE = (slice(0, 0), slice(0, 0), slice(0, 0))
"""Place of an empty segmentation: 3D Slicer then saves a single voxel, whose place means nothing."""


def on_grid(found: segmentation.Segmentation, grid: Geometry, allowed: AllowedRepairs) -> OnGrid:
    """Return a segmentation on the grid of its image, in its voxel order; resample only if that is allowed.

    Raises
    ------
    SegconvError
        ``SC083`` if it is on another grid, or outside the image.
    """
    if not found.layers.any():
        nothing = np.zeros((len(found.layers), 0, 0, 0), dtype=found.layers.dtype)
        return OnGrid(dataclasses.replace(found, layers=nothing), _NOWHERE, found.geometry)
    own = found.geometry
    ordered, changes = _in_order(found, grid)
    try:
        return OnGrid(ordered, placed(ordered.geometry, grid), own, changes)
    except SegconvError:
        if RESAMPLE not in allowed.kinds:
            raise
    moved, resampling = _resampled(ordered, grid)
    everything = tuple(slice(0, size) for size in grid.array_shape)
    return OnGrid(moved, everything, own, (*changes, *resampling), moved=True)


def _in_order(found: segmentation.Segmentation, grid: Geometry) -> tuple[segmentation.Segmentation, tuple[str, ...]]:
    """Return a segmentation in the voxel order of its image, and the changes in words."""
    own = found.geometry
    order = reordering(own, grid)
    changes: tuple[str, ...] = ()
    if (sheared := own.sheared_matrix) is not None:
        shear = shear_in_words(own.size, sheared * np.array(own.spacing_mm))
        changes = (f"its axes were not at right angles{shear}",)
    if order.changes:
        changes += (f"has its voxels in another order ({axis_codes(own)}); they were put into that of its image",)
        layers = np.stack([order.array(layer) for layer in found.layers])
        found = dataclasses.replace(found, layers=layers, geometry=order.grid(own))
    return found, changes


def _resampled(found: segmentation.Segmentation, grid: Geometry) -> tuple[segmentation.Segmentation, tuple[str, ...]]:
    """Return a segmentation resampled to the grid of its image by nearest neighbour, and the effect in words."""
    layers = np.stack([onto_grid(Volume(layer, found.geometry), grid) for layer in found.layers])
    moved = dataclasses.replace(found, layers=layers, geometry=grid)
    if not layers.any():
        raise SegconvError(
            "has no labelled voxel on the grid of its image: the two do not overlap",
            code="SC083",
            hint="give both files of one case",
        )
    was, now = (_volumes_mm3(one) for one in (found, moved))
    what = (
        f"was resampled from a grid of size {found.geometry.size} by nearest neighbour; labelled volume was"
        f" {sum(was.values()) / 1000:.4g} ml and is {sum(now.values()) / 1000:.4g} ml"
    )
    return moved, (what, *losses(was, now))


def _volumes_mm3(found: segmentation.Segmentation) -> dict[str, float]:
    voxel = float(np.prod(found.geometry.spacing_mm))
    return {segment.name: int(np.count_nonzero(found.mask(segment))) * voxel for segment in found.segments}


def _masks(
    files: Iterable[Buffer], names: Sequence[str], grid: Geometry, allowed: Allowed
) -> Iterator[tuple[Segment, str, NDArray[np.bool_]]]:
    own_names = iter(names)
    for data in files:
        placed_one = on_grid(segmentation.decode(data, allowed.read_options), grid, allowed.allowed_repairs)
        for segment in placed_one.found.segments:
            if name := next(own_names, ""):
                yield segment, name, _whole(placed_one, segment, grid)


def _whole(one: OnGrid, segment: Segment, grid: Geometry) -> NDArray[np.bool_]:
    """Return the mask of a segment over the complete image."""
    mask = np.zeros(grid.array_shape, dtype=np.bool_)
    mask[one.place] = one.found.mask(segment)
    return mask


def placed(part: Geometry, whole: Geometry) -> tuple[slice, ...]:
    """Return the position of a partial grid in another one, as slices ``(z, y, x)``.

    3D Slicer saves only the box that its segments fill.

    Raises
    ------
    SegconvError
        ``SC083`` if its voxels are not among those of the other grid.
    """
    index = np.linalg.solve(
        whole.direction_matrix * np.array(whole.spacing_mm), np.array(part.origin_mm) - np.array(whole.origin_mm)
    )
    start = [int(value) for value in np.rint(index)]
    inside = all(s >= 0 and s + n <= size for s, n, size in zip(start, part.size, whole.size, strict=True))
    if inside:
        expected = Geometry(
            part.size, whole.spacing_mm, tuple(float(v) for v in whole.to_physical(start)), whole.direction
        )
        inside = expected.displacement_voxels(part) <= NEAR_GRID_VOXELS
    if not inside:
        raise SegconvError(
            f"is on a grid of size {part.size} that is not a part of its image's, of size {whole.size}",
            code="SC083",
            hint="set the image as the segmentation's source geometry in 3D Slicer and save again",
            cures=(Cure.of("resample"),),
        )
    return tuple(slice(s, s + n) for s, n in zip(start[::-1], part.size[::-1], strict=True))
